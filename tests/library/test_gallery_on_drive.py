"""Stars, deletions and thumbnails of a workspace on Drive: they reach it, and another machine finds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import NotAPictureError
from colabsd.library.library import Library
from colabsd.storage.workspace import Workspace, open_workspace


@pytest.fixture
def drive(tmp_path: Path) -> Workspace:
    """An ordinary folder that is treated as Drive is: nothing is written there but by the outbox."""
    root = tmp_path / "MyDrive" / "colabsd"
    root.parent.mkdir()
    return open_workspace(root, {"HOME": str(tmp_path / "home")}, remote=True)


@pytest.fixture
def another_machine(drive: Workspace, tmp_path: Path, make_library: Callable[..., Library]) -> Callable[[], Library]:
    """The same folder on Drive, and nothing else."""
    machines = iter(range(9))

    def make() -> Library:
        environ = {"HOME": str(tmp_path / f"machine {next(machines)}")}
        return make_library(open_workspace(drive.root, environ, remote=True))

    return make


def flush(library: Library) -> None:
    for _ in library.flush():
        pass


def on_drive(drive: Workspace, folder: str) -> set[str]:
    return {path.name for path in (drive.root / folder).rglob("*.*") if path.is_file()}


@pytest.fixture
def library(drive: Workspace, make_library: Callable[..., Library]) -> Library:
    return make_library(drive)


def test_stars_and_deletions_reach_another_machine(
    drive: Workspace, library: Library, keep_all: Callable[..., Any], another_machine: Callable[[], Library]
) -> None:
    first, second, third = (kept.record for kept in keep_all(library, 3))
    flush(library)
    library.star(first.path)
    list(library.delete([second.path]))
    flush(library)
    names = {record.path.rpartition("/")[2] for record in (first, third)}
    assert on_drive(drive, "pictures") == names
    other = another_machine()
    assert [record.path for record in other.list()] == [third.path, first.path]
    assert [record.path for record in other.search("starred")] == [first.path]
    assert other.rebuild() == 2


def test_what_is_deleted_on_its_way_never_arrives(
    drive: Workspace, library: Library, keep_all: Callable[..., Any], another_machine: Callable[[], Library]
) -> None:
    """Drive's folder may not even have been made then."""
    first, second = (kept.record for kept in keep_all(library, 2))
    list(library.delete([first.path]))
    flush(library)
    list(library.delete([]))
    flush(library)
    assert on_drive(drive, "pictures") == {second.path.rpartition("/")[2]}
    assert library._index.tombstones() == []
    assert another_machine().rebuild() == 1


def test_packs_of_thumbnails_reach_another_machine(
    drive: Workspace,
    library: Library,
    keep_all: Callable[..., Any],
    another_machine: Callable[[], Library],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("colabsd.library.thumbnail_store.PACK", 4)
    kept = [one.record for one in keep_all(library, 4)]
    before = [library.thumbnail(record) for record in kept]
    flush(library)
    assert len(on_drive(drive, "thumbnails")) == 1
    for path in (drive.root / "pictures").rglob("*.png"):
        path.write_bytes(b"")
    other = another_machine()
    assert [other.thumbnail(record) for record in other.list()[::-1]] == before
    list(other.delete([kept[0].path]))
    flush(other)
    assert on_drive(drive, "thumbnails") == set()
    with pytest.raises(NotAPictureError):
        another_machine().thumbnail(kept[0])
    assert [other.thumbnail(record) for record in kept[1:]] == before[1:]
