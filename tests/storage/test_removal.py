"""Files are removed for good, wherever they lie in the workspace, and nowhere else."""

import errno
import os
from pathlib import Path

import pytest

from colabsd.errors import StorageError
from colabsd.storage.disk import Disk
from colabsd.storage.removal import remove_for_good
from colabsd.storage.workspace import Workspace

NAME = "pictures/2026-11-24/x.png"


@pytest.fixture
def file(workspace: Workspace) -> Path:
    path = workspace.root / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"picture")
    return path


def test_it_is_empty_before_it_is_gone(workspace: Workspace, file: Path) -> None:
    sizes = []

    class Watched(Disk):
        def remove(self, path: Path) -> None:
            sizes.append(path.stat().st_size)
            super().remove(path)

    assert remove_for_good(workspace, NAME, Watched())
    assert sizes == [0] and not file.exists()
    assert remove_for_good(workspace, NAME), "a missing file is fine"


def test_a_file_that_may_not_be_written_to_is_removed_all_the_same(workspace: Workspace, file: Path) -> None:
    class Protected(Disk):
        def empty(self, path: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    assert remove_for_good(workspace, NAME, Protected())
    assert not file.exists()


def test_a_file_with_a_second_name_and_a_link_lead_to_nothing_empty(
    workspace: Workspace, file: Path, tmp_path: Path
) -> None:
    os.link(file, tmp_path / "second.png")
    remove_for_good(workspace, NAME)
    (tmp_path / "target.png").write_bytes(b"theirs")
    file.symlink_to(tmp_path / "target.png")
    remove_for_good(workspace, NAME)
    assert not file.is_symlink()
    assert [(tmp_path / name).read_bytes() for name in ("second.png", "target.png")] == [b"picture", b"theirs"]


@pytest.mark.parametrize("relative", ["../outside/x.png", "pictures/../../outside/x.png", "linked/x.png"])
def test_a_path_that_leads_out_is_refused(workspace: Workspace, tmp_path: Path, relative: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.png").write_bytes(b"theirs")
    (workspace.root / "linked").symlink_to(outside)
    with pytest.raises(StorageError) as caught:
        remove_for_good(workspace, relative)
    assert caught.value.message_key == "error.storage.outside"
    assert (outside / "x.png").read_bytes() == b"theirs"


def test_a_folder_that_is_away_is_told(workspace: Workspace, file: Path) -> None:
    workspace.root.rename(workspace.root.with_name("away"))
    with pytest.raises(StorageError) as caught:
        remove_for_good(workspace, NAME)
    assert caught.value.message_key == "error.storage.vanished"


def test_on_drive_the_copies_on_this_machine_go_too(workspace: Workspace, file: Path) -> None:
    """A file on its way to Drive may be written there just now: whoever asks is told to look again."""
    remote = Workspace(workspace.root, workspace.local, remote=True)
    places = [remote.root / NAME, remote.copies / NAME, remote.outbox / NAME]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"picture")
    assert not remove_for_good(remote, NAME)
    assert not any(place.exists() for place in places)
    assert remove_for_good(remote, NAME)
