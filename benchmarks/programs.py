"""From process start to a picture on disk, and the most memory on the way: our command against the shortest script."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models import Subject

SHORTEST = """
import sys, torch
from diffusers import StableDiffusionPipeline
folder, file, prompt, side, steps, guidance = sys.argv[1:]
pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
pipeline(prompt, width=int(side), height=int(side), num_inference_steps=int(steps), guidance_scale=float(guidance),
         generator=torch.Generator().manual_seed(1)).images[0].save(file)
"""


@dataclass(frozen=True)
class Run:
    """One process: wall-clock seconds and the largest resident memory in bytes."""

    seconds: float
    peak_bytes: int


def run(command: list[str]) -> Run:
    """Run a command to its end. Raises: RuntimeError when it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[:4]} failed:\n{output.read().decode(errors='replace')[-2000:]}")
    return Run(seconds, usage.ru_maxrss * 1024)


def ours(subject: Subject, home: Path) -> list[str]:
    """Our command for a picture of a subject. What it writes besides, journal and index, counts too."""
    size = f"{subject.side}x{subject.side}"
    options = ["--size", size, "--steps", str(subject.steps), "--guidance", str(subject.guidance), "--seed", "1"]
    sampling = ["--sampler", "DPM++ 2M", "--schedule", "SGM Uniform", "--precision", "fp32", "--device", "cpu"]
    place = ["--output", str(home), "--model", str(subject.folder)]
    return [sys.executable, "-m", "colabsd", "generate", subject.prompt, *options, *sampling, *place]


def theirs(subject: Subject, home: Path) -> list[str]:
    """The shortest script that does the same with diffusers."""
    numbers = [str(subject.side), str(subject.steps), str(subject.guidance)]
    file = str(home / "theirs.png")
    return [sys.executable, "-c", SHORTEST, str(subject.folder), file, subject.prompt, *numbers]


def measure(subject: Subject) -> dict[str, list[Run]]:
    """Paired runs, after one of each that fills the disk's cache and is not counted."""
    runs: dict[str, list[Run]] = {"ours": [], "theirs": []}
    with tempfile.TemporaryDirectory() as folder:
        commands = {"ours": ours(subject, Path(folder)), "theirs": theirs(subject, Path(folder))}
        for index in range(subject.rounds + 1):
            for name in ("ours", "theirs") if index % 2 else ("theirs", "ours"):
                runs[name].append(run(commands[name]))
    return {name: measured[1:] for name, measured in runs.items()}
