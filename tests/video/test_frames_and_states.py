"""Frame files and states: whole or none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_films import frame

from colabsd.errors import DamagedFilmError
from colabsd.video.frames import FrameFolder, is_whole_png
from colabsd.video.state import EVERY, FilmState, StateFolder


def state(index: int, plan: str = "plan", **changes: torch.Tensor) -> FilmState:
    return FilmState(index=index, plan=plan, picture=torch.full((1, 3, 4, 4), float(index)), **changes)  # type: ignore[arg-type]


def test_a_frame_comes_back_to_the_pixel_and_a_damaged_one_is_a_gap(tmp_path: Path) -> None:
    folder = FrameFolder(tmp_path / "frames")
    for index in range(4):
        folder.write(index, frame(index), {"film": "x"})
    assert np.array_equal(folder.read(2), frame(2))
    data = folder.path(1).read_bytes()
    assert is_whole_png(data)
    for broken in (data[:-20], data[:60] + b"x" + data[61:], data + b"more", b"", b"GIF89a"):
        assert not is_whole_png(broken)
        folder.path(1).write_bytes(broken)
        assert folder.gaps(6) == {1, 4, 5}
    folder.write(1, frame(1), {})
    assert folder.gaps(4) == frozenset()
    with pytest.raises(DamagedFilmError):
        folder.read(7)


def test_leftovers_of_killed_processes_are_no_frames(tmp_path: Path) -> None:
    folder = FrameFolder(tmp_path)
    (tmp_path / ".0000001.png.part").write_bytes(b"half")
    assert folder.there() == frozenset()
    folder.write(1, frame(1), {})
    assert [path.name for path in tmp_path.iterdir()] == ["0000001.png"]


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, "plan")
    torch.manual_seed(1)
    fine = 255 * torch.rand(1, 3, 5, 7)
    reference = torch.arange(768).view(3, 256) * 1000
    folder.write(state(3, before=fine, reference=reference))
    read = folder.read(3)
    assert read is not None and read.before is not None and read.reference is not None
    assert torch.equal(read.before, fine)
    assert torch.equal(read.reference, reference)
    assert torch.equal(read.picture, torch.full((1, 3, 4, 4), 3.0))
    assert read.picture.dtype == torch.float32


def test_half_and_foreign_states_are_none(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, "plan")
    folder.write(state(1))
    folder.write(state(2))
    tensors, told = folder.files(2)
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1])
    assert folder.read(2) is None
    assert folder.newest(9) is not None and folder.newest(9).index == 1  # type: ignore[union-attr]
    tensors.write_bytes(whole)
    told.unlink()
    assert folder.newest(9).index == 1  # type: ignore[union-attr]
    assert StateFolder(tmp_path, "another plan").newest(9) is None


def test_old_states_go_but_for_one_in_a_stretch(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path, "plan")
    for index in range(2 * EVERY + 6):
        folder.write(state(index))
    assert folder.indexes() == [0, EVERY, 2 * EVERY, 2 * EVERY + 4, 2 * EVERY + 5]
    assert len(list(tmp_path.iterdir())) == 10
