"""Where a workspace is, what it makes, and what it says when it cannot."""

import errno
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import StorageError
from colabsd.storage.budget import check_room, free_bytes, picture_bytes
from colabsd.storage.workspace import Workspace, open_workspace


def test_the_folder_asked_for_comes_before_the_variable_and_the_variable_before_home(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "COLABSD_HOME": str(tmp_path / "variable")}
    assert open_workspace(tmp_path / "asked", environ).root == tmp_path / "asked"
    assert open_workspace(None, environ).root == tmp_path / "variable"
    assert open_workspace(None, {"HOME": str(tmp_path)}).root == tmp_path / "colabsd"
    assert open_workspace(Path("~/x"), {"HOME": str(tmp_path)}).root == tmp_path / "x"


def test_what_must_not_be_on_drive_lies_in_the_cache_apart_for_each_workspace(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    one, other = (open_workspace(tmp_path / name, environ) for name in ("one", "other"))
    assert one.local.parent == other.local.parent == tmp_path / "cache" / "colabsd"
    assert one.local != other.local
    assert open_workspace(tmp_path / "one", {"HOME": str(tmp_path)}).local.is_relative_to(tmp_path / ".cache")


def test_opening_makes_nothing_and_preparing_makes_the_folders(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "ws", {"HOME": str(tmp_path / "home")})
    assert list(tmp_path.iterdir()) == []
    workspace.prepare()
    assert sorted(path.name for path in workspace.root.iterdir()) == [".unfinished", "journal", "pictures"]
    workspace.prepare()


@pytest.mark.parametrize("where", ["ws", "ws/pictures"])
def test_a_file_in_the_way_is_told(tmp_path: Path, where: str) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text("in the way")
    with pytest.raises(StorageError) as caught:
        open_workspace(tmp_path / "ws", {"HOME": str(tmp_path / "home")}).prepare()
    assert caught.value.message_key == "error.storage.not_a_folder"


def test_a_file_above_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        open_workspace(tmp_path / "file" / "ws", {"HOME": str(tmp_path)}).prepare()
    assert caught.value.message_key == "error.storage.not_a_folder"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_read_only_place_is_told(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, "refused")

    workspace = open_workspace(tmp_path / "ws", {"HOME": str(tmp_path)})
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError) as caught:
        workspace.prepare()
    assert caught.value.message_key == "error.storage.read_only"


def test_folders_that_are_there_but_read_only_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(StorageError) as caught:
        workspace.prepare()
    assert caught.value.message_key == "error.storage.read_only"


def test_free_room_is_asked_where_the_folder_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.05)


def test_a_plan_that_does_not_fit_the_disk_is_refused_with_figures(tmp_path: Path) -> None:
    check_room(tmp_path, picture_bytes(512, 512))
    with pytest.raises(StorageError) as caught:
        check_room(tmp_path, 10**18)
    assert caught.value.message_key == "error.storage.no_room"
    assert "1000000000000 MB" in str(caught.value)
