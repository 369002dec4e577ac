"""Photos of a studio: read, kept as one file, found again on another machine, erased for good."""

from pathlib import Path

import pytest
from photo_files import REAL

from colabsd.environment.colab import Colab
from colabsd.environment.machine import look_at_machine
from colabsd.errors import DamagedPhotosError, UnknownPhotosError
from colabsd.language import say
from colabsd.library.library import open_library
from colabsd.models.cache import open_cache
from colabsd.storage.workspace import Workspace
from colabsd.studio import Studio, open_studio
from colabsd.studio.place import Place
from colabsd.training.photos import PhotoSet


def read(studio, kind="object", **facts) -> tuple[list, PhotoSet]:
    *events, chosen = studio.photos([REAL], kind, **facts)
    return events, chosen


def test_the_model_that_is_trained_says_which_photos_are_too_small(studio):
    assert read(studio)[1].facts.problems == 0  # the embedded one is small itself
    events, chosen = read(studio, model="sd15")
    assert chosen.facts.problems == 6
    assert "note.photos.small" in {getattr(event, "key", "") for event in events}


def test_a_person_without_a_detector_is_read_and_that_is_told(studio, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    events, chosen = read(studio, "person")
    keys = [event.key for event in events if hasattr(event, "key")]
    assert chosen.kind == "person" and "note.photos.faces_not_sought" in keys
    assert {"note.photos.faces_failed", "error.photos.faces"} & set(keys)


def test_a_set_is_kept_once_as_one_file_and_comes_back_whole(studio, tmp_path):
    chosen = read(studio)[1].without("dog-02.jpg")
    kept = studio.keep_photos(chosen)
    assert studio.keep_photos(chosen) == kept and studio.photo_sets() == [kept]
    assert [path.name for path in (tmp_path / "workspace" / "photos").iterdir()] == [f"{chosen.sha256}.zip"]
    environ = {"XDG_CACHE_HOME": str(tmp_path / "other"), "HOME": str(tmp_path)}
    elsewhere = open_studio(tmp_path / "workspace", language="en", environ=environ)
    with elsewhere.library:
        again = elsewhere.kept_photos(kept.name[:8])
        assert again.sha256 == chosen.sha256
        for photo, old in zip(again.photos, chosen.photos, strict=True):
            assert photo.path.read_bytes() == old.path.read_bytes() and photo.crop == old.crop


def test_a_damaged_set_is_our_error(studio):
    kept = studio.keep_photos(read(studio)[1])
    data = bytearray(kept.path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    kept.path.chmod(0o644)
    kept.path.write_bytes(data)
    with pytest.raises(DamagedPhotosError):
        studio.kept_photos(kept.name)


def test_erasing_removes_every_copy_and_leaves_the_originals(studio):
    kept = studio.keep_photos(read(studio)[1])
    unpacked = studio.kept_photos(kept.name).photos[0].path
    before = {path: path.read_bytes() for path in REAL.glob("*.jpg")}
    assert studio.erase_photos(kept.name) == ()
    assert not kept.path.exists() and not unpacked.exists() and studio.photo_sets() == []
    assert {path: path.read_bytes() for path in REAL.glob("*.jpg")} == before


def test_an_unknown_name_is_our_error_in_both_languages(studio):
    with pytest.raises(UnknownPhotosError, match="none is kept"):
        studio.kept_photos("abcd")
    kept = studio.keep_photos(read(studio)[1])
    for wrong in ("", "zzzz", kept.name[:2], "../..", "*"):
        with pytest.raises(UnknownPhotosError) as raised:
            studio.erase_photos(wrong)
        assert kept.name in raised.value.tell("es")
    assert kept.path.exists()


def test_more_than_can_be_held_in_memory_is_refused(studio, monkeypatch):
    from colabsd.errors import StorageError
    from colabsd.studio import photos

    monkeypatch.setattr(photos, "MOST_BYTES", 10_000)
    with pytest.raises(StorageError, match="MB") as raised:
        studio.keep_photos(read(studio)[1])
    assert "colabsd photos crop" in raised.value.tell("en")
    assert "colabsd" not in say("error.photos.too_many_bytes.on_page", "es", mb=1, limit=1, path=Path("x"))


def machine_on_drive(local: Path, root: Path) -> Studio:
    environ = {"HOME": str(local), "XDG_CACHE_HOME": str(local / "cache")}
    workspace = Workspace(root, local / "workspace", True)
    return Studio(
        place=Place(workspace=workspace, colab=Colab(environ=environ)),
        library=open_library(workspace),
        cache=open_cache(workspace, environ),
        machine=look_at_machine(environ),
        language="en",
    )


def test_on_drive_a_set_is_one_file_that_another_machine_finds_and_erases(tmp_path):
    drive = tmp_path / "drive"
    drive.mkdir()
    first = machine_on_drive(tmp_path / "first", drive / "colabsd")
    with first.library:  # leaving it waits for Drive
        kept = first.keep_photos(read(first)[1])
        assert first.kept_photos(kept.name).sha256 == kept.sha256  # before it has arrived
    there = drive / "colabsd" / "photos"
    assert [path.name for path in there.iterdir()] == [f"{kept.sha256}.zip"]
    second = machine_on_drive(tmp_path / "second", drive / "colabsd")
    with second.library:
        assert [one.name for one in second.photo_sets()] == [kept.name]
        assert second.kept_photos(kept.name).sha256 == kept.sha256
        second.erase_photos(kept.name)
        assert second.photo_sets() == []
    assert list(there.iterdir()) == []
