"""Films that are drawn all at once: every frame a file, nothing drawn twice."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_form import film_plan, store_at
from PIL import Image
from small_films import frame, number_of

from colabsd.artifacts import Frame
from colabsd.engine.engine import Drawn
from colabsd.progress import Progress
from colabsd.video import animation
from colabsd.video.animation import render_together


def test_frames_are_written_and_only_missing_ones_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []

    def load() -> Generator[Progress, None, Any]:
        loads.append(1)
        yield Progress(stage="load", done=1, total=1)
        return "engine"

    def animate(engine: Any, drawing: Any, frames: int, *, previews: bool) -> Iterator[Progress | Drawn]:
        assert (engine, drawing.prompt) == ("engine", "an apple")
        yield Progress(stage="denoise", done=1, total=1)
        for number in range(frames):
            yield Drawn(Image.fromarray(frame(number)), number, 0.1)

    monkeypatch.setattr(animation, "animate", animate)
    plan = film_plan(5, mode="AnimateDiff")
    store = store_at(tmp_path, plan)

    def written() -> list[int]:
        return [event.index for event in render_together(load, plan, store) if isinstance(event, Frame)]

    assert written() == [0, 1, 2, 3, 4]
    assert number_of(store.frames.read(3)) == 3
    store.frames.path(3).write_bytes(b"damaged")
    assert written() == [3]
    assert written() == []
    assert len(loads) == 2
