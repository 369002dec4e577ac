"""Archives of a film: what a new machine needs, and no more files than Drive can bear."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_form import FormulaPainter, busy_plan, film_plan, pixels_of, run, store_at

from colabsd.artifacts import Frame
from colabsd.planning.video_plans import VideoPlan
from colabsd.video.archives import Archives, Rhythm, read_archive, write_archive
from colabsd.video.film_store import FilmStore
from colabsd.video.render import render

COUNT = 20
OFTEN = Rhythm(drawn=3)


def store_on(machine: Path, drive: Path, plan: VideoPlan, rhythm: Rhythm = OFTEN, **options: Any) -> FilmStore:
    store = store_at(machine, plan)

    def publish(data: bytes, name: str) -> None:
        drive.mkdir(exist_ok=True)
        assert not (drive / name).exists(), "a name is used once"
        (drive / name).write_bytes(data)

    store.archives = Archives((drive,), store.frames, store.states, publish, rhythm, **options)
    return store


def draw_and_vanish(plan: VideoPlan, store: FilmStore, frames: int) -> None:
    """The machine ends at once, without time to bring anything to safety."""
    store.secure_quietly = lambda: None  # type: ignore[method-assign]
    events = render(FormulaPainter(), plan, store)
    for event in events:
        if isinstance(event, Frame) and event.index >= frames:
            break
    events.close()  # type: ignore[attr-defined]


def test_a_new_machine_goes_on_where_the_archives_end(tmp_path: Path) -> None:
    """The disk of the first machine is gone in the middle; what comes out is what would have come out."""
    plan, drive = busy_plan(COUNT), tmp_path / "drive"
    run(plan, store_at(tmp_path / "whole", plan))
    wanted = pixels_of(store_at(tmp_path / "whole", plan), COUNT)
    draw_and_vanish(plan, store_on(tmp_path / "first", drive, plan), 13)
    assert len(list(drive.iterdir())) == 1  # every third drawn frame
    second = store_on(tmp_path / "second", drive, plan)
    painter = run(plan, second)
    assert painter.calls[0][0] == 9  # frames 0 to 8 came from the archive
    assert all(map(np.array_equal, wanted, pixels_of(second, COUNT)))
    third = store_on(tmp_path / "third", drive, plan)  # and all of it is there for the next one
    assert run(plan, third).calls == []
    assert all(map(np.array_equal, wanted, pixels_of(third, COUNT)))


def test_what_a_damaged_archive_held_is_drawn_again(tmp_path: Path) -> None:
    plan, drive = film_plan(COUNT), tmp_path / "drive"
    run(plan, store_on(tmp_path / "first", drive, plan))
    wanted = pixels_of(store_at(tmp_path / "first", plan), COUNT)
    archives = sorted(drive.iterdir())
    assert len(archives) == 7
    data = bytearray(archives[2].read_bytes())
    data[len(data) // 2] ^= 255
    archives[2].write_bytes(bytes(data))
    archives[4].write_bytes(archives[4].read_bytes()[:1000])
    second = store_on(tmp_path / "second", drive, plan)
    drawn = [frame for frame, *_ in run(plan, second).calls]
    assert drawn == list(range(6, 15))  # from the state before the first gap to the last frame that was lost
    assert all(map(np.array_equal, wanted, pixels_of(second, COUNT)))


def test_archives_are_due_by_frames_or_by_time(tmp_path: Path) -> None:
    plan = film_plan(12)

    def archives(name: str, rhythm: Rhythm, **options: Any) -> int:
        run(plan, store_on(tmp_path / name, tmp_path / f"drive {name}", plan, rhythm, **options))
        return len(list((tmp_path / f"drive {name}").iterdir()))

    assert archives("whole", Rhythm()) == 1  # at the end
    assert archives("drawn", Rhythm(drawn=4)) == 3
    assert archives("frames", Rhythm(frames=6)) == 2
    clock = iter(range(0, 100_000, 100)).__next__
    assert archives("time", Rhythm(seconds=150), clock=clock) >= 4


def test_stopping_brings_what_is_there_to_safety(tmp_path: Path) -> None:
    plan, drive = film_plan(12), tmp_path / "drive"
    run(plan, store_on(tmp_path / "first", drive, plan, Rhythm()), stop_after=5)
    assert len(list(drive.iterdir())) == 1
    second = store_on(tmp_path / "second", drive, plan)
    assert run(plan, second).calls[0][0] == 5


@pytest.mark.parametrize("name", ["../escape.png", "0000001.png/../x", "other.txt"])
def test_members_with_other_names_are_passed_over(name: str, tmp_path: Path) -> None:
    plan, drive = film_plan(3), tmp_path / "drive"
    drive.mkdir()
    (drive / "part-00001.zip").write_bytes(write_archive({name: b"x"}))
    store = store_on(tmp_path / "machine", drive, plan)
    list(store.restore())
    assert not (tmp_path / "machine").exists()
    assert not list(tmp_path.glob("**/escape.png"))


def test_what_is_no_archive_is_none(tmp_path: Path) -> None:
    (tmp_path / "part-00001.zip").write_bytes(b"PK nonsense")
    assert read_archive(tmp_path / "part-00001.zip") is None
    assert read_archive(tmp_path / "missing.zip") is None
