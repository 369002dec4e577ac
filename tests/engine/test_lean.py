"""What drawing does not import, and that nobody misses it afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path

import pytest
from dataclasses import replace
from colabsd.engine.engine import load_engine
from colabsd.models.folders import read_card
from colabsd.planning.plans import Drawing, Execution

def load():
    loading = load_engine(read_card(Path(sys.argv[1]), "small"), Execution())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            return end.value

drawing = Drawing(prompt="a", negative_prompt="", model="", model_sha256="", width=64, height=64, sampler="DPM++ 2M",
                  schedule="Karras", steps=2, guidance=2.0, clip_skip=1, seed=1)
engine = load()
list(engine.draw([drawing]))
for name in ("transformers", "torch._dynamo", "scipy.stats", "diffusers.models", "accelerate", "peft"):
    assert name not in sys.modules, name
list(engine.draw([replace(drawing, schedule="Beta")]))
list(engine.draw([replace(drawing, sampler="LMS")]))
list(engine.draw([replace(drawing, sampler="DPM fast", schedule="Automatic", eta=1.0)]))
import torch
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
assert hasattr(UNet2DConditionModel, "load_lora_adapter")
import scipy.stats
assert scipy.stats.norm.cdf(0) == 0.5
"""


@pytest.mark.integration
def test_drawing_imports_little_and_later_imports_are_whole(small_model_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(small_model_folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
