"""Scratch files on Drive whose machine ended before Drive had learned of their names: they are whole, and get them."""

import hashlib
from pathlib import Path, PurePosixPath

from colabsd.storage.delivery import PART, remove_emptied, unquote
from colabsd.storage.disk import Disk
from colabsd.storage.failures import NOWHERE
from colabsd.storage.workspace import Workspace

ABANDONED_S = 3600.0


def rescue(workspace: Workspace, disk: Disk, now: float) -> int:
    """Give whole scratch files on Drive their names; says how many got one. `now` is in seconds since 1970.

    Those that this machine still brings are left to it; broken ones are removed after an hour; one that cannot be read
    waits for the next machine. Raises: OSError when Drive as a whole cannot be used.
    """
    if not disk.exists(workspace.unfinished):
        return 0
    rescued = 0
    for name in disk.list(workspace.unfinished):
        try:
            rescued += _rescue_one(workspace, workspace.unfinished / name, disk, now)
        except OSError as error:
            if error.errno in NOWHERE:
                raise
    return rescued


def _rescue_one(workspace: Workspace, part: Path, disk: Disk, now: float) -> bool:
    quoted, _, sha256 = part.name.removesuffix(PART).rpartition("@")
    relative = PurePosixPath(unquote(quoted))
    if not part.name.endswith(PART) or workspace.is_on_the_way(str(relative)):
        return False
    inside = quoted != "" and not relative.is_absolute() and ".." not in relative.parts
    data = disk.read(part)
    if not inside or hashlib.sha256(data).hexdigest() != sha256:
        if now - disk.modified(part) > ABANDONED_S:
            remove_emptied(part, disk)
        return False
    final = workspace.root / relative
    if disk.exists(final):
        if disk.read(final) == data:
            remove_emptied(part, disk)
        return False
    for folder in reversed(relative.parents[:-1]):
        disk.make_folder(workspace.root / folder)
    disk.rename(part, final)
    return True
