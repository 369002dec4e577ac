"""Pictures that nobody drew, and a library with a clock that is told the time."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colabsd.artifacts import Picture
from colabsd.library.library import Library
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.journal import Journal
from colabsd.storage.workspace import Workspace, open_workspace

DRAWING = Drawing(
    prompt="una manzana roja, estilo 3d",
    negative_prompt="borroso",
    model="starter",
    model_sha256="a" * 64,
    width=64,
    height=48,
    sampler="Euler a",
    schedule="Automatic",
    steps=20,
    guidance=7.5,
    clip_skip=1,
    seed=7,
)


class ToldClock:
    """A clock that moves a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 14, 25, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "ws", {"HOME": str(tmp_path / "home")})


@pytest.fixture
def make_library(workspace: Workspace, clock: ToldClock) -> Iterator[Callable[..., Library]]:
    """Makes libraries as other processes or machines would have them: each is a runtime of its own."""
    runtimes = count()
    made: list[Library] = []

    def make(where: Workspace = workspace, **options: Any) -> Library:
        library = Library(where, Journal(where, f"runtime{next(runtimes)}", clock), clock, **options)
        made.append(library)
        return library

    yield make
    for library in made:
        if library.workspace.root.is_dir():
            library.close()


@pytest.fixture
def library(make_library: Callable[..., Library]) -> Library:
    return make_library()


@pytest.fixture
def drawing() -> Drawing:
    return DRAWING


@pytest.fixture
def make_plan() -> Callable[..., ImagePlan]:
    """A plan of `pictures` drawings in batches of two."""

    def make(pictures: int = 1, **changes: Any) -> ImagePlan:
        drawings = tuple(replace(DRAWING, **{"seed": 7 + index, **changes}) for index in range(pictures))
        batches = tuple(tuple(range(start, min(start + 2, pictures))) for start in range(0, pictures, 2))
        return ImagePlan(drawings=drawings, batches=batches, execution=Execution())

    return make


@pytest.fixture
def draw() -> Callable[[ImagePlan, int], Picture]:
    """Picture `index` of a plan: noise that its seed decides."""

    def make(plan: ImagePlan, index: int) -> Picture:
        drawing = plan.drawings[index]
        pixels = random.Random(drawing.seed).randbytes(drawing.width * drawing.height * 3)
        batch = plan.batch_of(index)
        return Picture(
            image=Image.frombytes("RGB", (drawing.width, drawing.height), pixels),
            drawing=drawing,
            execution=plan.execution,
            index=index,
            batch=tuple(plan.drawings[place] for place in batch),
            position=batch.index(index),
            seconds=1.25,
        )

    return make


@pytest.fixture
def keep_all(make_plan: Any, draw: Any) -> Callable[..., list[Any]]:
    """Draws and keeps a whole job; returns what was kept."""

    def keep(library: Library, pictures: int = 1, image_format: str = "png", **changes: Any) -> list[Any]:
        plan = make_plan(pictures, **changes)
        job = library.start_job({"prompt": plan.drawings[0].prompt}, plan.as_json(), image_format)
        with library.lock_job(job):
            kept = [library.keep(draw(plan, index), job, {"unet": "b" * 64}) for index in range(pictures)]
            library.finish_job(job)
        return kept

    return keep
