"""Folders for long work: found wherever their files are, named safely, held by one at a time."""

from pathlib import Path

import pytest

from colabsd.errors import StorageError
from colabsd.storage.work_folders import WorkFolders
from colabsd.storage.workspace import Workspace, open_workspace


@pytest.fixture(params=[False, True], ids=["disk", "drive"])
def folders(tmp_path: Path, request: pytest.FixtureRequest) -> WorkFolders:
    workspace = open_workspace(tmp_path / "workspace", {"HOME": str(tmp_path)}, remote=request.param)
    workspace.prepare_to_keep()
    return WorkFolders(workspace, "films", spare="film", apart=("shared",))


def test_what_is_published_is_found_and_read_wherever_it_is(folders: WorkFolders) -> None:
    folders.publish("apple", "film.json", b'{"steps": 3}')
    folders.publish("apple", "other.json", b"{}")
    assert folders.names() == ["apple"]
    assert folders.files("apple") == ["film.json", "other.json"]
    assert folders.facts("apple", "film.json") == {"steps": 3}


def test_a_file_is_written_once(folders: WorkFolders) -> None:
    folders.publish("apple", "film.json", b"{}")
    with pytest.raises(StorageError):
        folders.publish("apple", "film.json", b'{"other": 1}')
    assert folders.facts("apple", "film.json") == {}


@pytest.mark.parametrize("data", [b"[1]", b"{", b"\xff"])
def test_what_is_no_object_is_a_value_error(folders: WorkFolders, data: bytes) -> None:
    folders.publish("apple", "film.json", data)
    with pytest.raises(ValueError):
        folders.facts("apple", "film.json")


@pytest.mark.parametrize(
    ("wanted", "free"),
    [
        ("pear", "pear"),
        ("Apple", "Apple-2"),
        ("../../etc/x", "etc-x"),
        ("///", "film"),
        ("", "film"),
        ("a" * 99, "a" * 60),
    ],
)
def test_a_name_is_free_and_safe(folders: WorkFolders, wanted: str, free: str) -> None:
    folders.publish("apple", "film.json", b"{}")
    assert folders.free_name(wanted) == free


def test_folders_that_stand_apart_are_none_of_them_and_their_names_are_taken(folders: WorkFolders) -> None:
    folders.publish("shared", "one.json", b"{}")
    assert folders.names() == [] and folders.free_name("shared") == "shared-2"


def test_the_nearest_name_is_told(folders: WorkFolders) -> None:
    assert folders.nearest("aple") == ""
    folders.publish("apple", "film.json", b"{}")
    assert folders.nearest("aple") == "apple"


def test_one_works_on_it_at_a_time(folders: WorkFolders) -> None:
    assert not folders.is_held("apple")
    with folders.hold("apple") as first, folders.hold("apple") as second:
        assert first and not second
        assert folders.is_held("apple")
    assert not folders.is_held("apple")


def test_another_machine_sees_what_came_to_drive(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "workspace", {"HOME": str(tmp_path)})
    workspace.prepare_to_keep()
    WorkFolders(workspace, "films", spare="film").publish("apple", "film.json", b"{}")
    elsewhere = Workspace(workspace.root, tmp_path / "another machine", remote=True)
    assert WorkFolders(elsewhere, "films", spare="film").names() == ["apple"]
