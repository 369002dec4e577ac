"""A painter that is a formula, plans of films for it, and a store on any folder: the frame loop without a model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colabsd.artifacts import Frame
from colabsd.planning.video_plans import CameraValues, Colours, FramePlan, FrameTable, NoiseKind, VideoPlan
from colabsd.progress import Progress
from colabsd.video.film_store import FilmStore
from colabsd.video.render import render

WHITE = 255


def base(seed: int, height: int, width: int) -> Tensor:
    """(1, 3, H, W) in -1 to 1: the generator of the reference traces."""
    c = torch.arange(3, dtype=torch.float32).view(1, 3, 1, 1)
    y = torch.arange(height, dtype=torch.float32).view(1, 1, -1, 1)
    x = torch.arange(width, dtype=torch.float32).view(1, 1, 1, -1)
    return 0.8 * torch.sin(0.07 * (c + 1) * x + 0.05 * y * (1 + seed % 7) + seed)


@dataclass
class FormulaPainter:
    """strength x picture + (1 - strength) x base(seed); remembers what it was given."""

    size: tuple[int, int] = (64, 64)
    calls: list[tuple[int, int, float, int, Tensor | None]] = field(default_factory=list)
    filled: list[int] = field(default_factory=list)

    def paint(self, frame: FramePlan, picture: Tensor | None, mask: Tensor | None) -> Iterator[Progress | Tensor]:
        yield Progress(stage="denoise", done=1, total=1)
        init = None if picture is None else (picture / 255 * 2 - 1).half()
        self.calls.append((frame.index, frame.seed, frame.strength, frame.drawn_steps, init))
        drawn = base(frame.seed, *self.size)
        if init is not None:
            drawn = frame.strength * init.float() + (1 - frame.strength) * drawn
        result = WHITE * ((drawn + 1) / 2).clamp(0, 1)
        if mask is not None and picture is not None:
            result = mask * result + (1 - mask) * picture
        yield result

    def fill(self, frame: FramePlan, picture: Tensor, holes: Tensor) -> Iterator[Progress | Tensor]:
        self.filled.append(frame.index)
        yield torch.where(holes > 0, torch.full_like(picture, 200.0), picture)


def film_plan(count: int, *, cadence: int = 1, camera: Any = None, **changes: Any) -> VideoPlan:
    """A plan of `count` frames; `camera(index)` gives the camera, other keywords are the plan's, or `frame` ones."""
    per_frame = changes.pop("frame", lambda index: {})

    def frame(index: int) -> FramePlan:
        values: dict[str, Any] = {
            "strength": 0.65 if index else 0.0,
            "steps": 20,
            "seed": 100 + index,
            "guidance": 1.0,
            "sampler": "Euler",
            "prompt": "an apple",
            "amount": 0.0,
        }
        drawn = index % cadence == 0 or index == count - 1
        shown = camera(index) if camera else CameraValues(zoom=1.02, angle=1)
        return FramePlan(index=index, drawn=drawn, camera=shown, **(values | per_frame(index)))

    facts: dict[str, Any] = {"mode": "2D", "dialect": "notebook", "width": 64, "height": 64}
    return VideoPlan(**(facts | changes), cadence=cadence, frames=FrameTable.of(frame(index) for index in range(count)))


def store_at(folder: Path, plan: VideoPlan, **options: Any) -> FilmStore:
    return FilmStore.at(folder, "film", plan, **options)


def pixels_of(store: FilmStore, count: int) -> list[Any]:
    return [store.frames.read(index) for index in range(count)]


def run(plan: VideoPlan, store: FilmStore, stop_after: int | None = None, **options: Any) -> FormulaPainter:
    painter = FormulaPainter()
    events = render(painter, plan, store, **options)
    written = 0
    for event in events:
        written += isinstance(event, Frame)
        if written == stop_after:
            events.close()  # type: ignore[attr-defined]
            break
    return painter


def busy_plan(count: int = 12, **changes: Any) -> VideoPlan:
    """A film in which everything acts: colours, noise, contrast, sharpening, cadence."""
    facts: dict[str, Any] = {
        "cadence": 3,
        "dialect": "a1111",
        "colours": Colours(mode="LAB"),
        "noise": NoiseKind(kind="perlin"),
        "frame": lambda index: {"noise": 0.05, "contrast": 1.05, "amount": 0.2, "seed": 7 + index},
    }
    return film_plan(count, **(facts | changes))
