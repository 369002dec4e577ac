"""Taking files of the workspace away for good. Knows nothing of what they are."""

import stat
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.storage.workspace import Workspace


def remove_for_good(workspace: Workspace, relative: str, disk: Disk | None = None) -> bool:
    """Remove a file by its path relative to the workspace, wherever it lies; a missing one is fine.

    It is emptied before, because what lies in Drive's bin goes on counting. False when it may still show up: it is on
    its way to Drive just now. Raises: StorageError, also when the path leads out of the workspace.
    """
    disk = disk or Disk()
    on_the_way = workspace.is_on_the_way(relative)
    there = workspace.root.parent if workspace.remote else workspace.root  # nothing may have come to Drive yet
    if not workspace.is_mounted() or not there.is_dir():
        raise StorageError("error.storage.vanished", path=workspace.root)
    bases = (workspace.outbox, workspace.copies, workspace.root) if workspace.remote else (workspace.root,)
    for base in bases:
        _remove(base / relative, base, disk)
    return not on_the_way


def _remove(path: Path, base: Path, disk: Disk) -> None:
    with storage_errors(path):
        if not path.parent.resolve().is_relative_to(base.resolve()):
            raise StorageError("error.storage.outside", path=path)
        try:
            status = path.lstat()
            # A link leads elsewhere, and a file with a second name is somebody's copy.
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                _empty(path, disk)
            disk.remove(path)
        except FileNotFoundError:
            return


def _empty(path: Path, disk: Disk) -> None:
    try:
        disk.empty(path)
    except PermissionError:  # whoever may not write to a file may still remove it
        return
