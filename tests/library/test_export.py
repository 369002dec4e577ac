"""Pictures in a ZIP file: whole, each once, under names that every system can unpack, or no file at all."""

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import StorageError, UnknownPictureError
from colabsd.library.export import BLOCK_BYTES, safe_names
from colabsd.library.infotext import read_infotext
from colabsd.library.library import Library


def export(library: Library, path: Path, *records: Any, **options: Any) -> list[Any]:
    return list(library.export_zip([record.path for record in records], path, **options))


def test_the_files_are_in_it_byte_for_byte_each_once(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = keep_all(library, 2)
    export(library, tmp_path / "x.zip", first.record, second.record, first.record)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"2026-11-24-{kept.path.name}" for kept in (first, second)]
        assert [archive.read(name) for name in archive.namelist()] == [
            first.path.read_bytes(),
            second.path.read_bytes(),
        ]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.zip"]


def test_the_settings_can_lie_beside_them(library: Library, keep_all: Callable[..., Any], tmp_path: Path) -> None:
    kept = keep_all(library, prompt="<b>una manzana</b>")[0]
    export(library, tmp_path / "x.zip", kept.record, with_text=True)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        picture, text = archive.namelist()
        assert text == picture.replace(".png", ".txt")
        read = read_infotext(archive.read(text).decode())
        assert (read.prompt, read.parameters["Seed"]) == ("<b>una manzana</b>", "7")


def test_progress_counts_bytes_and_pictures(library: Library, keep_all: Callable[..., Any], tmp_path: Path) -> None:
    kept = keep_all(library, 2, width=1024, height=1024)  # noise: three megabytes each, in blocks of one
    steps = export(library, tmp_path / "x.zip", *(one.record for one in kept))
    total = sum(one.path.stat().st_size for one in kept)
    assert (steps[0].done, steps[-1].done) == (0, total)
    assert {step.total for step in steps} == {total}
    assert len(steps) > 2 * (total // 2 // BLOCK_BYTES)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {(step.item, step.items) for step in steps} == {(0, 2), (1, 2)}


def test_a_stopped_export_leaves_nothing(library: Library, keep_all: Callable[..., Any], tmp_path: Path) -> None:
    kept = keep_all(library, 3)
    exporting = library.export_zip([one.record.path for one in kept], tmp_path / "x.zip")
    next(exporting), next(exporting)
    exporting.close()  # type: ignore[attr-defined]
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_file_that_is_there_is_never_overwritten(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    kept = keep_all(library)[0]
    (tmp_path / "x.zip").write_text("mine")
    with pytest.raises(StorageError) as caught:
        export(library, tmp_path / "x.zip", kept.record)
    assert caught.value.message_key == "error.storage.exists"
    exporting = library.export_zip([kept.record.path], tmp_path / "y.zip")
    next(exporting)
    (tmp_path / "y.zip").write_text("mine")  # it appears while the pictures are copied
    with pytest.raises(StorageError):
        list(exporting)
    assert (tmp_path / "x.zip").read_text() == (tmp_path / "y.zip").read_text() == "mine"


def test_a_picture_whose_file_is_gone_is_told_before_anything_is_written(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = keep_all(library, 2)
    second.path.unlink()
    with pytest.raises(UnknownPictureError) as caught:
        export(library, tmp_path / "x.zip", first.record, second.record)
    assert caught.value.message_key == "error.picture.file_gone"
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize("place", ["nowhere/x.zip", "file/x.zip"])
def test_a_folder_that_is_none_is_told(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path, place: str
) -> None:
    kept = keep_all(library)[0]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        export(library, tmp_path / place, kept.record)


def test_it_works_where_there_are_no_hard_links(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep_all(library)[0]

    def refuse(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    export(library, tmp_path / "x.zip", kept.record)
    assert zipfile.is_zipfile(tmp_path / "x.zip")


def test_a_disk_without_room_is_told_first(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep_all(library)[0]
    monkeypatch.setattr("colabsd.storage.budget.free_bytes", lambda path: 10)
    with pytest.raises(StorageError) as caught:
        export(library, tmp_path / "x.zip", kept.record)
    assert caught.value.message_key == "error.storage.no_room"
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pictures/2026-11-24/142501-k3v7q2ma-0003.png", "2026-11-24-142501-k3v7q2ma-0003.png"),
        ("pictures/2026-11-24/mi foto (1).jpg", "2026-11-24-mi_foto__1_.jpg"),
        ("pictures/x.webp", "x.webp"),
        ("pictures/2026-11-24/<script>.png", "2026-11-24-_script_.png"),
        ("pictures/2026-11-24/りんご.png", "2026-11-24-___.png"),
        ("pictures/.-_.png", "picture.png"),
    ],
)
def test_names_are_harmless_and_still_say_which_picture_it_is(path: str, name: str) -> None:
    assert safe_names([path]) == [name]


def test_names_that_become_equal_get_numbers() -> None:
    assert safe_names(["pictures/d/a b.png", "pictures/d/a_b.png", "pictures/d/A B.jpg"]) == [
        "d-a_b.png",
        "d-a_b-2.png",
        "d-A_B-3.jpg",
    ]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=300), max_size=20))
def test_any_paths_become_different_names_without_folders(paths: list[str]) -> None:
    names = safe_names([f"pictures/{path}.png" for path in paths])
    assert len({name.casefold() for name in names}) == len(paths)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert not name.startswith((".", "-")) and len(name) < 200
