"""The frame loop: what is written, what is drawn again, and that a run that was stopped anywhere comes out the same."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closed_form import FormulaPainter, busy_plan, film_plan, pixels_of, run, store_at
from small_films import write_clip

from colabsd.artifacts import Frame
from colabsd.errors import StorageError
from colabsd.planning.video_plans import CameraValues, Colours, Footage, FrameTable, Moving, NoiseKind
from colabsd.planning.video_stretches import written_frames
from colabsd.progress import Note
from colabsd.storage.disk import Disk
from colabsd.video.depth import Map
from colabsd.video.footage import InputFootage
from colabsd.video.render import render

COUNT = 12


PLANS = {
    "2D": film_plan(COUNT),
    "cadence": busy_plan(),
    "3D": busy_plan(
        mode="3D", dialect="notebook", noise=NoiseKind(), camera=lambda index: CameraValues(translation_z=3)
    ),
    "flow": busy_plan(flow_cadence="DIS Medium"),
    "holes": film_plan(COUNT, moving=Moving(border="inpaint"), camera=lambda index: CameraValues(zoom=0.9)),
    "camera only": film_plan(70, cadence=100),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_run_that_was_stopped_anywhere_comes_out_the_same(name: str, tmp_path: Path) -> None:
    plan = PLANS[name]
    count = len(plan.frames)
    whole = store_at(tmp_path / "whole", plan)
    run(plan, whole)
    wanted = pixels_of(whole, count)
    for stop in (1, 2, 5, count - 1):
        store = store_at(tmp_path / f"stopped-{stop}", plan)
        run(plan, store, stop_after=stop)
        again = store_at(tmp_path / f"stopped-{stop}", plan)  # another process would know the folder only
        drawn = run(plan, again).calls
        assert all(np.array_equal(one, other) for one, other in zip(wanted, pixels_of(again, count), strict=True))
        assert len(drawn) < count or stop < 3, "what was drawn is not drawn again"


@pytest.mark.parametrize("lost", [(3,), (0,), (4, 5, 9), (COUNT - 1,)])
def test_lost_and_damaged_frames_are_drawn_again_as_they_were(lost: tuple[int, ...], tmp_path: Path) -> None:
    plan = busy_plan()
    store = store_at(tmp_path, plan)
    run(plan, store)
    wanted = pixels_of(store, COUNT)
    for index in lost:
        path = store.frames.path(index)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(bytes(data)) if index % 2 else path.unlink()
    assert store.frames.gaps(COUNT) == set(lost)
    events = list(render(FormulaPainter(), plan, store_at(tmp_path, plan)))
    assert [event.index for event in events if isinstance(event, Frame)] == list(lost)
    assert [event.key for event in events if isinstance(event, Note)] == ["note.film.goes_on"]
    assert all(np.array_equal(one, other) for one, other in zip(wanted, pixels_of(store, COUNT), strict=True))


def test_without_any_state_the_frames_are_drawn_from_the_beginning(tmp_path: Path) -> None:
    plan = busy_plan()
    store = store_at(tmp_path, plan)
    run(plan, store)
    wanted = pixels_of(store, COUNT)
    for path in store.states.folder.glob("*.safetensors"):
        path.write_bytes(b"damaged")
    store.frames.path(7).unlink()
    run(plan, store)
    assert all(np.array_equal(one, other) for one, other in zip(wanted, pixels_of(store, COUNT), strict=True))


def test_states_of_another_plan_are_not_gone_on_from(tmp_path: Path) -> None:
    run(film_plan(COUNT), store_at(tmp_path, film_plan(COUNT)), stop_after=5)
    other = film_plan(COUNT, frame=lambda index: {"seed": 500 + index})
    assert store_at(tmp_path, other).states.newest(COUNT) is None


@pytest.mark.integration
def test_a_process_that_is_killed_again_and_again_draws_the_same_film(tmp_path: Path) -> None:
    """kill -9 twice, wherever it is, then to the end."""
    program = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from closed_form import FormulaPainter, busy_plan, store_at
        from colabsd.video.render import render

        class Slow(FormulaPainter):
            def paint(self, *facts):
                time.sleep(0.2)
                yield from super().paint(*facts)

        plan = busy_plan(30)
        print("ready", flush=True)
        for event in render(Slow(), plan, store_at(Path(sys.argv[1]), plan)):
            pass
        print("finished", flush=True)
        """
    )
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tests.parent, tests)))}
    for patience_s in (0.5, 0.7, None):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "film")], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert process.stdout.read() == ("" if patience_s else "finished\n")
    plan = busy_plan(30)
    run(plan, store_at(tmp_path / "whole", plan))
    there, wanted = (pixels_of(store_at(tmp_path / name, plan), 30) for name in ("film", "whole"))
    assert all(np.array_equal(one, other) for one, other in zip(wanted, there, strict=True))


class FullDisk(Disk):
    """A disk that is full from some write on."""

    def __init__(self, most: int) -> None:
        self.left = most

    def write(self, descriptor: int, data: memoryview) -> int:
        import errno

        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(descriptor, data)


def test_a_disk_that_is_full_in_the_middle_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    plan = film_plan(COUNT)
    with pytest.raises(StorageError) as caught:
        run(plan, store_at(tmp_path / "film", plan, disk=FullDisk(20)))
    assert caught.value.message_key == "error.storage.full"
    kept = store_at(tmp_path / "film", plan).frames.there()
    assert len(kept) == 6  # three writes each: the state, its marker, the frame
    drawn = run(plan, store_at(tmp_path / "film", plan)).calls
    assert drawn[0][0] >= 6
    run(plan, store_at(tmp_path / "whole", plan))
    one, other = (pixels_of(store_at(tmp_path / name, plan), COUNT) for name in ("film", "whole"))
    assert all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))


def test_the_tail_is_not_lost_unless_deforums_loss_is_asked_for(tmp_path: Path) -> None:
    plan = film_plan(10, cadence=4)
    store = store_at(tmp_path, plan)
    run(plan, store)
    assert written_frames(plan) == 10
    assert store.frames.there() == set(range(10))
    rows = [replace(frame, drawn=frame.index % 4 == 0) for frame in plan.frames]
    assert written_frames(replace(plan, compat=("cadence_tail",), frames=FrameTable.of(rows))) == 8


def test_frames_say_what_they_were_made_from(tmp_path: Path) -> None:
    import json

    from colabsd.library.picture_files import read_picture_text

    plan = film_plan(7, cadence=3)
    store = store_at(tmp_path, plan)
    frames = {event.index: event for event in render(FormulaPainter(), plan, store) if isinstance(event, Frame)}
    assert frames[0].parents == ()
    assert frames[3].parents == (frames[0].key,)
    assert frames[4].parents == (frames[0].key, frames[3].key)  # between two drawn ones
    told = json.loads(read_picture_text(frames[3].path).manifest or "")
    assert (told["format"], told["index"], told["plan"], told["drawn"]) == ("colabsd.frame", 3, plan.key, True)
    assert told["drawing"]["seed"] == 103
    assert "drawing" not in json.loads(read_picture_text(frames[4].path).manifest or "")


def test_colours_stay_with_the_first_frame_where_that_is_asked(tmp_path: Path) -> None:
    """Without it a contrast above 1 runs away."""

    def drift(mode: str) -> float:
        plan = film_plan(10, dialect="a1111", colours=Colours(mode=mode), frame=lambda index: {"contrast": 1.15})
        store = store_at(tmp_path / mode, plan)
        run(plan, store)
        first, last = store.frames.read(0).astype(float), store.frames.read(9).astype(float)
        return float(np.abs(first.mean((0, 1)) - last.mean((0, 1))).max() + np.abs(first.std() - last.std()))

    free = drift("None")
    for mode in ("RGB", "LAB", "HSV"):
        assert drift(mode) < free / 2, mode


@pytest.mark.parametrize(
    "changes",
    [
        {"noise": 0.1},
        {"contrast": 0.8},
        {"amount": 0.8},
        {"strength": 0.3},
        {"seed": 3},
        {"steps": 50, "strength": 0.0},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_value_of_a_frame_acts(changes: dict[str, Any], tmp_path: Path) -> None:
    stores = []
    for number, values in enumerate(({}, changes)):
        plan = film_plan(4, frame=lambda index, values=values: values if index == 2 else {})
        stores.append(store_at(tmp_path / str(number), plan))
        run(plan, stores[-1])
    plain, changed = (pixels_of(store, 4) for store in stores)
    assert np.array_equal(plain[1], changed[1])
    assert not np.array_equal(plain[2], changed[2])


def test_grey_holes_and_depth_act(tmp_path: Path) -> None:
    grey = film_plan(3, dialect="a1111", colours=Colours(mode="LAB", grayscale=True))
    run(grey, store_at(tmp_path / "grey", grey))
    last = store_at(tmp_path / "grey", grey).frames.read(2)
    assert np.ptp(last.astype(int), axis=-1).max() == 0

    painter = run(PLANS["holes"], store_at(tmp_path / "holes", PLANS["holes"]))
    assert painter.filled == list(range(1, COUNT))

    plan, flat = PLANS["3D"], store_at(tmp_path / "flat", PLANS["3D"])
    run(plan, flat)
    deep = store_at(tmp_path / "deep", plan)
    run(plan, deep, depth=Map(torch.linspace(0, 1, 64).repeat(64, 1)))
    assert not np.array_equal(flat.frames.read(5), deep.frames.read(5))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_clip(path, [number / 10 for number in range(30)], 64, 64)
    return path


def test_a_film_is_restyled_frame_by_frame(clip: Path, tmp_path: Path) -> None:
    """Every third frame, each drawn from its own frame alone; stopped and gone on with."""
    footage = Footage(film=str(clip), nth=3, first=2)
    plan = film_plan(8, mode="Video Input", footage=footage, frame=lambda index: {"strength": 0.5})
    store = store_at(tmp_path / "film", plan)
    painter = run(plan, store, stop_after=4, footage=InputFootage(plan))
    inits = [init for *_, init in painter.calls]
    source = InputFootage(plan)
    for index, init in enumerate(inits):
        film = source.film_at(index)
        assert film is not None and init is not None
        assert torch.equal(init, (film / 255 * 2 - 1).half())
    run(plan, store_at(tmp_path / "film", plan), footage=InputFootage(plan))
    whole = store_at(tmp_path / "whole", plan)
    run(plan, whole, footage=InputFootage(plan))
    assert all(map(np.array_equal, pixels_of(store, 8), pixels_of(whole, 8)))


def test_motion_and_composite_of_an_input_film_act_and_can_be_gone_on_with(clip: Path, tmp_path: Path) -> None:
    def film(folder: str, stop_after: int | None = None, **footage: Any) -> list[Any]:
        plan = film_plan(6, mode="Video Input", footage=Footage(film=str(clip), **footage))
        store = store_at(tmp_path / folder, plan)
        run(plan, store, stop_after, footage=InputFootage(plan))
        if stop_after is not None:
            run(plan, store, footage=InputFootage(plan))
        return pixels_of(store, 6)

    plain = film("plain")
    mixed = film("mixed", composite="Normal")
    carried = film("carried", composite="Normal", motion="Optical Flow")
    assert not np.array_equal(plain[3], mixed[3])
    assert not np.array_equal(mixed[3], carried[3])
    again = film("again", 3, composite="Normal", motion="Optical Flow")
    assert all(map(np.array_equal, carried, again))


def test_masks_keep_what_they_leave_and_turn_round_where_asked(clip: Path, tmp_path: Path) -> None:
    from PIL import Image

    half = np.zeros((64, 64), np.uint8)
    half[:, 32:] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    source = InputFootage(film_plan(1, footage=Footage(film=str(clip)))).film_at(0)
    assert source is not None
    film = source[0].permute(1, 2, 0).byte().numpy()
    for turned, kept in ((False, slice(0, 32)), (True, slice(32, 64))):
        footage = Footage(film=str(clip), mask=str(tmp_path / "mask.png"), invert_mask=turned)
        plan = film_plan(1, mode="Video Input", footage=footage, frame=lambda index: {"strength": 0.2})
        store = store_at(tmp_path / str(turned), plan)
        run(plan, store, footage=InputFootage(plan))
        drawn = store.frames.read(0)
        assert np.array_equal(drawn[:, kept], film[:, kept])
        assert not np.array_equal(drawn, film)


def test_a_long_ride_without_drawing_stays_sharp(tmp_path: Path) -> None:
    """60 turns by a degree, in one step each time, blur no more than one turn does."""
    plan = film_plan(61, cadence=100, camera=lambda index: CameraValues(angle=0, zoom=1, translation_x=0.5))
    rows = [replace(frame, drawn=frame.index == 0) for frame in plan.frames]
    plan = replace(plan, frames=FrameTable.of(rows))
    store = store_at(tmp_path, plan)
    run(plan, store)
    first, last = store.frames.read(0).astype(int), store.frames.read(60).astype(int)
    assert np.abs(last[:, 40:] - first[:, 10:34]).max() <= 1
