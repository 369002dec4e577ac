"""A model of one's own on Drive is copied to the machine's disk once, and again when it has changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_model import finish
from hub_server import sha256

from colabsd.errors import DownloadError, StorageError
from colabsd.models.cache import WeightCache
from colabsd.models.digests import digest_files
from colabsd.models.nearby import SMALL_BYTES
from colabsd.progress import Note, Progress

WEIGHTS = "unet/model.safetensors"


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    folder = tmp_path / "drive"
    (folder / "mine" / "unet").mkdir(parents=True)
    (folder / "mine" / "unet" / "config.json").write_text("{}")
    (folder / "mine" / WEIGHTS).write_bytes(b"w" * 300_000)
    with (folder / "mine" / "not-needed.ckpt").open("wb") as file:
        file.truncate(SMALL_BYTES)
    (folder / "mine.safetensors").write_bytes(b"m" * 200_000)
    return folder


@pytest.fixture
def far(make_cache: Callable[..., WeightCache], drive: Path) -> WeightCache:
    return make_cache(is_far=lambda path: path.is_relative_to(drive))


def test_a_file_on_drive_is_loaded_from_a_copy_on_the_disk(far: WeightCache, drive: Path) -> None:
    near, events = finish(far.near(drive / "mine.safetensors", (), "mine"))
    assert near.name == "mine.safetensors" and near.is_relative_to(far.workspace.local)
    assert near.read_bytes() == b"m" * 200_000
    assert isinstance(events[0], Note) and events[0].key == "note.weights.near"
    assert events[-1] == Progress(stage="copy", done=200_000, total=200_000)
    digests, read = finish(digest_files(near.parent, [near.name], far.memory))
    assert digests == {near.name: sha256(b"m" * 200_000)} and read == []


def test_of_a_folder_the_weights_and_the_small_files_are_copied(far: WeightCache, drive: Path) -> None:
    near, _ = finish(far.near(drive / "mine", (WEIGHTS,), "mine"))
    copied = {path.relative_to(near).as_posix() for path in near.rglob("*") if path.is_file()}
    assert copied == {WEIGHTS, "unet/config.json"}


def test_the_copy_is_made_once(far: WeightCache, drive: Path) -> None:
    first, _ = finish(far.near(drive / "mine", (WEIGHTS,), "mine"))
    assert finish(far.near(drive / "mine", (WEIGHTS,), "mine")) == (first, [])


def test_a_changed_original_is_copied_anew_and_the_old_copy_goes(far: WeightCache, drive: Path) -> None:
    first, _ = finish(far.near(drive / "mine.safetensors", (), "mine"))
    (drive / "mine.safetensors").write_bytes(b"n" * 200_000)
    os.utime(drive / "mine.safetensors", (1, 1))
    second, _ = finish(far.near(drive / "mine.safetensors", (), "mine"))
    assert second.read_bytes() == b"n" * 200_000 and not first.exists()


def test_what_lies_on_the_disk_is_used_where_it_is(far: WeightCache, tmp_path: Path) -> None:
    assert finish(far.near(tmp_path, (), "mine")) == (tmp_path, [])
    assert not far.workspace.root.exists()


def test_closed_in_the_middle_nothing_is_taken_for_a_copy(far: WeightCache, drive: Path) -> None:
    work = far.near(drive / "mine", (WEIGHTS,), "mine")
    while not isinstance(next(work), Progress):
        pass
    work.close()
    assert list((far.workspace.local / "models" / ".near").iterdir()) == []
    near, _ = finish(far.near(drive / "mine", (WEIGHTS,), "mine"))
    assert (near / WEIGHTS).read_bytes() == b"w" * 300_000


def test_a_drive_that_cannot_be_read_is_told(far: WeightCache, drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def fails(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if "r" in mode and path.is_relative_to(drive):
            raise OSError(107, "Transport endpoint is not connected")
        return real(path, mode, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(StorageError) as caught:
        finish(far.near(drive / "mine.safetensors", (), "mine"))
    assert str(drive) in caught.value.tell("es")


def test_without_room_for_a_copy_it_is_told_before(
    far: WeightCache, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colabsd.models.room.free_bytes", lambda _path: 1000)
    with pytest.raises(DownloadError):
        finish(far.near(drive / "mine.safetensors", (), "mine"))
