"""Loading a full-size model in fp16 from local disk, ours against diffusers': `python -m benchmarks.loading`.

Both are whole processes, which end when every weight has been read once (a mapped file that nobody has looked at costs
nothing). Seconds are those of loading alone, without imports; the peak is the process's. At most 0.8 and 0.7 of
diffusers'.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.models import full_size

LIMITS = {"seconds": 0.8, "peak": 0.7}
END = """
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "peak": peak, "sum": float(total)}))
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
import torch
from colabsd.engine.engine import load_engine
from colabsd.models.registry import find_model
from colabsd.planning.plans import Execution
card = find_model(sys.argv[1])
started = time.perf_counter()
loading = load_engine(card, Execution(precision="fp16"))
try:
    while True:
        next(loading)
except StopIteration as stop:
    parts = stop.value.components
modules = [part for part in (parts.unet, parts.vae, *parts.encoders) if isinstance(part, torch.nn.Module)]
total = sum(weight.detach().view(-1)[::64].abs().max()
            for module in modules for weight in module.parameters())
"""
HALVES = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
for path in Path(sys.argv[1]).glob("*/*.safetensors"):
    save_file({name: tensor.to(torch.float16) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
"""
THEIRS = """
import json, resource, sys, time
import torch
from diffusers import StableDiffusionPipeline
started = time.perf_counter()
pipeline = StableDiffusionPipeline.from_pretrained(sys.argv[1], torch_dtype=torch.float16)
modules = [pipeline.unet, pipeline.vae, pipeline.text_encoder]
total = sum(weight.detach().view(-1)[::64].abs().max() for module in modules for weight in module.parameters())
"""


def measure(script: str, folder: Path) -> dict[str, float]:
    """Seconds and peak bytes of one process."""
    command = [sys.executable, "-c", script + END, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print medians and ratios. Returns 1 when a ratio is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="paired runs (default 5)")
    rounds = parser.parse_args().rounds
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
    with tempfile.TemporaryDirectory() as place:
        subject = full_size(Path(place), 1)
        # As most models are kept; in a process of its own, because a child's peak begins with its parent's memory.
        subprocess.run([sys.executable, "-c", HALVES, str(subject.folder)], check=True)
        for turn in range(rounds + 1):
            for name, script in (("ours", OURS), ("theirs", THEIRS)):
                runs[name].append(measure(script, subject.folder))
            assert turn < 1 or runs["ours"][-1]["sum"] > 0
    over = False
    for what, limit in LIMITS.items():
        mine, other = ([run[what] for run in runs[name][1:]] for name in ("ours", "theirs"))
        ratios = [one / two for one, two in zip(mine, other, strict=True)]
        ratio = statistics.median(ratios)
        over |= ratio > limit
        shown = f"{statistics.median(mine):.3g} against {statistics.median(other):.3g}"
        print(f"{what}: {shown}, ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f}; at most {limit})")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
