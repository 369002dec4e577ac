"""Putting finished bytes under a final name, exactly once.

The way: a scratch file under a hidden name → fsync → read back → the final name appears → read back again. So a final
name only ever shows a whole file, whatever is killed or fails, and a name that was ever used is never written again.

The scratch file's own name is the claim: it is made from the final name and created exclusively, so of two processes
that want the same name one takes the next. Whoever holds the claim checks that the final name is free *afterwards*; so
where the file system has no hard links (Google Drive, FAT), a plain rename can never land on another process's file.
Hard links come first because there the system itself refuses a taken name. The scratch folder must lie in the same
file system as the final folder. The folder's entry is not synced: a power cut may take the last seconds' files, never
a half of one, and a sync there costs as much as everything else together (4 ms).
"""

import errno
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.storage.locks import shared_lock, sole_lock
from colabsd.storage.workspace import Workspace

NO_HARD_LINKS = frozenset({errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EPERM, errno.EXDEV, errno.EMLINK})
MOST_NAMES = 1000


@dataclass(frozen=True)
class Published:
    """A file that lies under its final name and was read back."""

    path: Path
    sha256: str
    bytes: int


def publish(data: bytes, folder: Path, names: Iterable[str], scratch: Path, disk: Disk | None = None) -> Published:
    """Put `data` into `folder` under the first of `names` that was never used.

    Both folders are made when they are missing, their parents are not: a workspace that vanished (an unmounted Drive)
    must not be made anew on another disk.
    Raises: StorageError; then no final name shows anything of it, except that a last read which fails leaves a whole
    file.
    """
    disk = disk or Disk()
    digest = hashlib.sha256(data).hexdigest()
    with storage_errors(folder):
        disk.make_folder(scratch)
        disk.make_folder(folder)
        for name in islice(names, MOST_NAMES):
            path = folder / name
            if _try_name(data, digest, path, scratch / f"{name}.part", disk):
                return Published(path, digest, len(data))
    raise StorageError("error.storage.names", path=folder)


def publish_into(
    workspace: Workspace, data: bytes, folder: Path, names: Iterable[str], disk: Disk | None = None
) -> Published:
    """`publish` in a workspace; nobody on this machine sweeps meanwhile.

    On Drive the file is safe on this machine when this returns, and its path is there (see `Workspace.locate`); the
    outbox brings it to its folder. Raises: StorageError.
    """
    with _publishing(workspace) as lock, shared_lock(lock):
        if workspace.remote:
            return _stage(workspace, data, folder.relative_to(workspace.root), names, disk or Disk())
        return publish(data, folder, names, workspace.unfinished, disk)


def _stage(workspace: Workspace, data: bytes, folder: Path, names: Iterable[str], disk: Disk) -> Published:
    """Into the outbox, with a second name among the copies. The outbox's name is what counts."""
    copies, outbox = workspace.copies / folder, workspace.outbox / folder
    with storage_errors(outbox):
        for path in (copies, outbox):
            path.mkdir(parents=True, exist_ok=True)
    staged = publish(data, outbox, (name for name in names if not disk.exists(copies / name)), workspace.scratch, disk)
    copy = copies / staged.path.name
    with storage_errors(copy):
        try:
            disk.link(staged.path, copy)
        except OSError:  # no hard links here, or it is on Drive already
            copy.write_bytes(data)
    return Published(copy, staged.sha256, staged.bytes)


def sweep(workspace: Workspace) -> None:
    """Remove the scratch files of killed processes, unless somebody on this machine is publishing just now.

    Another machine that shares the folder cannot be seen; its scratch files live for a moment each, much shorter than
    Drive needs to show them here. Raises: StorageError.
    """
    if not workspace.scratch.is_dir():
        return
    with _publishing(workspace) as lock, sole_lock(lock) as alone:
        for path in workspace.scratch.glob("*.part") if alone else ():
            path.unlink(missing_ok=True)


@contextmanager
def _publishing(workspace: Workspace) -> Iterator[Path]:
    """The lock that publishers share, on the local disk."""
    workspace.prepare_local()
    with storage_errors(workspace.unfinished):
        yield workspace.local / "publishing.lock"


def _try_name(data: bytes, digest: str, path: Path, part: Path, disk: Disk) -> bool:
    """Publish under one name; False when it is taken."""
    try:
        descriptor = disk.create(part)
    except FileExistsError:
        return False
    try:
        if disk.exists(path):
            disk.close(descriptor)
            return False
        write_whole(data, descriptor, disk)
        _check(part, digest, disk)
        if not _appear(part, path, disk):
            return False
        try:
            _check(path, digest, disk)
        except StorageError:
            disk.remove(path)
            raise
        return True
    finally:
        with suppress(OSError):  # after a rename it is gone; otherwise it stays hidden until `sweep`
            disk.remove(part)


def write_whole(data: bytes, descriptor: int, disk: Disk) -> None:
    """Write all of it, sync and close, in this order. Raises: OSError."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(descriptor, rest) :]
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)


def _check(path: Path, digest: str, disk: Disk) -> None:
    if hashlib.sha256(disk.read(path)).hexdigest() != digest:
        raise StorageError("error.storage.read_back", path=path)


def _appear(part: Path, path: Path, disk: Disk) -> bool:
    """Let the finished file appear under its final name; False when the name is taken."""
    try:
        disk.link(part, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        disk.rename(part, path)
    return True
