"""What training takes in full size, in the memory that Colab's machines have: `python -m benchmarks.training_memory`.

Writes a model of Stable Diffusion 1.5's size with random weights (4.3 GB), and trains it for two steps at 512 pixels on
the processor, in processes that may not have more than the limit: a control group of Linux's (as root), in which files
that are read and written count as well. The state is kept and read back, as in any training. Prints the peaks of the
process and of its group.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sdxl import group_of

GB = 1e9
TRAIN = """
import json, os, resource, sys, time
from pathlib import Path
if sys.argv[3]:
    Path(sys.argv[3], "cgroup.procs").write_text(str(os.getpid()))
import numpy as np
from PIL import Image
from colabsd.models.registry import find_model
from colabsd.planning.training import SubjectPlan, TrainingPlan
from colabsd.training.base import load_base
from colabsd.training.checkpoints import Places
from colabsd.training.data import Example, Examples
from colabsd.training.loop import train
from colabsd.training.methods import build_trainable
from colabsd.training.reports import Finished, TrainingReport
card = find_model(sys.argv[1])
subject = SubjectPlan(photos="", photos_sha256="0" * 64, count=1, word="roj", class_word="dog",
                      photo_prompt="a photo of roj dog", class_prompt="a photo of a dog")
plan = TrainingPlan(name="roj", subjects=(subject,), model=card.name, model_sha256="0" * 64, family=card.family,
                    steps=2, resolution=512, keep=1, **json.loads(sys.argv[2]))
def work(generator):
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value
base = work(load_base(card, plan))
trainable = build_trainable(base, plan)
photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8))
examples = Examples((Example("0", lambda size: photo, subject.photo_prompt),))
started, seconds, finished = time.perf_counter(), [], None
for event in train(plan, examples, base, trainable, Places(Path(sys.argv[4])), check_first=False):
    seconds += [event.seconds] if isinstance(event, TrainingReport) else []
    finished = event if isinstance(event, Finished) else finished
assert finished is not None and all(loss == loss for loss in finished.losses)
print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "seconds": seconds[-1],
                  "state": finished.saved.bytes, "losses": finished.losses}))
"""


@dataclass(frozen=True)
class Row:
    """A training that must fit: how it is called, what its plan says, and the bytes that it may have."""

    label: str
    facts: Mapping[str, Any]
    limit_bytes: int


LORA: Mapping[str, Any] = {"method": "lora", "rank": 16, "alpha": 16.0, "learning_rate": 1e-4}
TEXT: Mapping[str, Any] = {"text_encoder": True, "text_encoder_rate": 5e-5}
ROWS: Sequence[Row] = (
    Row("LoRA, rank 16, UNet and text encoder", {**LORA, **TEXT}, int(12.7 * GB)),
    Row("the same, activations computed twice", {**LORA, **TEXT, "gradient_checkpointing": True}, int(12.7 * GB)),
    Row(
        "the whole UNet, Adafactor, activations computed twice",
        {"method": "full", "optimizer": "adafactor", "learning_rate": 5e-6, "gradient_checkpointing": True},
        int(20 * GB),
    ),
)


@dataclass(frozen=True)
class Measured:
    """Peak bytes of a process and of its control group (0: there are none), seconds of its last step, the state's
    bytes."""

    peak_bytes: int
    group_bytes: int
    seconds: float
    state_bytes: int


def measure(folder: Path, row: Row) -> Measured:
    """Train in a process of its own. Raises: CalledProcessError when it fails or is killed for its memory."""
    group = group_of(row.limit_bytes)
    with tempfile.TemporaryDirectory() as states:
        facts = json.dumps(dict(row.facts))
        command = [sys.executable, "-c", TRAIN, str(folder), facts, str(group[0]) if group else "", states]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            most = int((group[0] / group[1]).read_text()) if group else 0
        finally:
            if group:
                group[0].rmdir()
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(told["peak"], most, told["seconds"], told["state"])


def lines(folder: Path, rows: Sequence[Row]) -> Iterator[str]:
    """The table, a line as soon as it is measured."""
    yield "| trained | peak of the process | peak of its group, with files | allowed | a step | the state |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        found = measure(folder, row)
        group = f"{found.group_bytes / GB:.2f} GB" if found.group_bytes else "(no control groups here)"
        yield (
            f"| {row.label} | {found.peak_bytes / GB:.2f} GB | {group} | {row.limit_bytes / GB:.1f} GB "
            f"| {found.seconds:.0f} s | {found.state_bytes / 1e6:,.1f} MB |"
        )


def main() -> int:
    """Print the table. Fails when a process was killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_memory", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the model is, or is written and left")
    parser.add_argument("--only", type=int, help="one row, counted from 0")
    asked = parser.parse_args()
    rows = ROWS if asked.only is None else ROWS[asked.only : asked.only + 1]
    with tempfile.TemporaryDirectory() as passing:
        folder: Path = asked.folder or Path(passing) / "sd15"
        if not (folder / "model_index.json").is_file():
            # In a process of its own: a child's peak begins with its parent's memory.
            subprocess.run([sys.executable, "-m", "benchmarks.models", str(folder)], check=True)
        for line in lines(folder, rows):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
