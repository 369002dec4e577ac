"""Seconds per picture in a warm process: ours with planning, saving and metadata, diffusers' pipeline without saving.

Run by `python -m benchmarks`, one process per model in which both hold the model and draw in turn.
"""

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline

from benchmarks.models import Subject
from colabsd.library.library import KeptPicture
from colabsd.settings.images import ImageSettings
from colabsd.studio.opening import open_studio


def ours(subject: Subject, home: Path) -> Callable[[int], Any]:
    """The function that draws and keeps a picture of that seed; returns its pixels."""
    studio = open_studio(home)
    settings = ImageSettings(
        prompt=subject.prompt,
        model=str(subject.folder),
        width=subject.side,
        height=subject.side,
        sampler="DPM++ 2M",
        schedule="SGM Uniform",
        steps=subject.steps,
        guidance=subject.guidance,
        precision="fp32",
        device="cpu",
    )

    def draw(seed: int) -> Any:
        events = list(studio.draw(dataclasses.replace(settings, seed=seed)))
        return next(event for event in events if isinstance(event, KeptPicture))

    return draw


def theirs(subject: Subject) -> Callable[[int], Any]:
    """The same with the bare pipeline."""
    pipeline: Any = StableDiffusionPipeline.from_pretrained(subject.folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)

    def draw(seed: int) -> Any:
        return pipeline(
            subject.prompt,
            width=subject.side,
            height=subject.side,
            num_inference_steps=subject.steps,
            guidance_scale=subject.guidance,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]

    return draw


def measure(subject: Subject) -> dict[str, Any]:
    """Paired rounds after one that is not counted, in turn first and second; and the largest difference of pixels."""
    with tempfile.TemporaryDirectory() as home:
        draws = {"ours": ours(subject, Path(home)), "theirs": theirs(subject)}
        seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
        difference = 0
        for seed in range(subject.rounds + 1):
            results = {}
            for name in ("ours", "theirs") if seed % 2 else ("theirs", "ours"):
                started = time.perf_counter()
                results[name] = draws[name](seed)
                seconds[name].append(time.perf_counter() - started)
            difference = max(difference, _difference(results["ours"], results["theirs"]))
    return {"difference": difference} | {name: times[1:] for name, times in seconds.items()}


def _difference(kept: KeptPicture, other: Any) -> int:
    from PIL import Image

    mine = np.int16(np.asarray(Image.open(kept.path)))
    return int(np.abs(mine - np.asarray(other)).max())


if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    print(json.dumps(measure(Subject(**{**facts, "folder": Path(facts["folder"])}))))
