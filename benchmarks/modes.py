"""What ways to draw faster gain and what they change, on the starter: `python -m benchmarks.modes`.

Every mode draws the same pictures in turn with the usual way, in one process on one thread; seconds are the
processor's, so that other programs disturb little. Differences are of pixels, in levels of 255, and the similarity is
SSIM (1: the same picture). What another seed makes of it is shown for comparison. Compiling takes minutes.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks.token_merging import merge_tokens
from colabsd.engine.engine import Drawn, Engine, load_engine
from colabsd.environment.machine import Machine
from colabsd.models.registry import find_model
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Drawing, Execution
from colabsd.settings.images import ImageSettings
from colabsd.sheets.similarity import similarity

PROMPTS = (
    "a red apple, 3d style, blue background",
    "a green tree, flat style",
    "a yellow star, pixel style, black background",
)


@dataclass(frozen=True)
class Mode:
    """A way to draw: what it changes in a drawing, or in a loaded model; `batch` pictures of it at once."""

    name: str
    drawing: Mapping[str, Any] | None = None
    prepare: Callable[[Engine], None] | None = None
    batch: int = 1


def channels_last(engine: Engine) -> None:
    for network in (engine.components.unet, engine.components.vae):
        assert isinstance(network, torch.nn.Module), "both are"
        network.to(memory_format=torch.channels_last)


def compiled(engine: Engine) -> None:
    engine.components.unet.compile()  # type: ignore[attr-defined]


def merging(engine: Engine) -> None:
    merge_tokens(engine.components.unet)  # type: ignore[arg-type]


MODES = (
    Mode("another seed (for comparison)", {"seed": 1000}),
    Mode("channels last", prepare=channels_last),
    Mode("guidance from 0.2 to 0.8", {"guidance_start": 0.2, "guidance_stop": 0.8}),
    Mode("guidance until 0.6", {"guidance_stop": 0.6}),
    Mode("inner levels at every 2nd step", {"feature_reuse": 2}),
    Mode("inner levels at every 3rd step", {"feature_reuse": 3}),
    Mode("token merging, half of the places", prepare=merging),
    Mode("four at once, one encoding", batch=4),
    Mode("torch.compile", prepare=compiled),
)


def load() -> Engine:
    """The starter."""
    loading = load_engine(find_model(None), Execution())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            engine: Engine = end.value
            return engine


def draw(engine: Engine, drawing: Drawing, batch: int) -> tuple[float, list[Any]]:
    """Processor seconds for each of so many pictures of neighbouring seeds, and the pictures; sentences are encoded."""
    engine.reader.forget()
    started = time.process_time()
    events = list(engine.draw([replace(drawing, seed=drawing.seed + index) for index in range(batch)]))
    seconds = (time.process_time() - started) / batch
    return seconds, [event.image for event in events if isinstance(event, Drawn)]


def measure(mode: Mode, usual: Engine, drawings: list[Drawing]) -> str:
    """A line of the table."""
    engine = usual
    if mode.prepare is not None:
        engine = load()
        mode.prepare(engine)
    ratios, differences, alike = [], [], []
    draw(engine, replace(drawings[0], **(mode.drawing or {})), mode.batch)  # not counted
    for drawing in drawings:
        before, (picture, *_) = draw(usual, drawing, 1)
        after, (other, *_) = draw(engine, replace(drawing, **(mode.drawing or {})), mode.batch)
        ratios.append(before / after)
        differences.append(float(np.abs(np.int16(picture) - np.int16(other)).mean()))
        alike.append(similarity(picture, other))
    gain = f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"| {mode.name} | {gain} | {statistics.mean(differences):.2f} | {statistics.mean(alike):.3f} |"


def rows(rounds: int, only: str) -> Iterator[str]:
    """The lines of the table."""
    torch.set_num_threads(1)
    machine = Machine(cores=1, ram_bytes=0, free_ram_bytes=0)
    prompts = [PROMPTS[index % len(PROMPTS)] for index in range(rounds)]
    drawings = [
        plan_images(
            ImageSettings(prompt=prompt, seed=index, precision="fp32", device="cpu"),
            card=find_model(None),
            machine=machine,
            new_seed=lambda: 0,
        ).drawings[0]
        for index, prompt in enumerate(prompts)
    ]
    usual = load()
    draw(usual, drawings[0], 1)  # not counted
    yield "| mode | gain | mean difference of 255 | similarity |"
    yield "|---|---|---|---|"
    for mode in MODES:
        if only in mode.name:
            try:
                yield measure(mode, usual, drawings)
            except RuntimeError as error:  # a compiler that is not there, say
                yield f"| {mode.name} | does not work here: {str(error).strip().splitlines()[0][:80]} | | |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="pictures of each mode (default 9)")
    parser.add_argument("--only", default="", help="modes with this in their names")
    asked = parser.parse_args()
    for line in rows(asked.rounds, asked.only):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
