"""The calls that publishing makes to the system, one method each, so that a test can let any of them fail."""

import errno
import os
from pathlib import Path

NO_ATTRIBUTE = frozenset({errno.ENODATA, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EACCES})


class Disk:
    """The real disk. Every method raises OSError."""

    def create(self, path: Path) -> int:
        """A descriptor of a new file. Raises: FileExistsError when the name is taken."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    def write(self, descriptor: int, data: memoryview) -> int:
        """How many bytes were written, which may be fewer than there are."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def attribute(self, path: Path, name: str) -> bytes | None:
        """An extended attribute of a file; None where there is no such attribute, or there are none at all."""
        return attribute_of(path, name)

    def rest(self) -> None:
        """Nothing is asked for a while."""

    def list(self, folder: Path) -> tuple[str, ...]:
        """The names in a folder, in order."""
        return tuple(sorted(path.name for path in folder.iterdir()))

    def modified(self, path: Path) -> float:
        """When the file was last written to, in seconds since 1970."""
        return path.stat().st_mtime

    def empty(self, path: Path) -> None:
        """Take away a file's content: in Drive's bin what is deleted goes on counting."""
        os.truncate(path, 0)

    def exists(self, path: Path) -> bool:
        return os.path.lexists(path)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name. Raises: FileExistsError when that name is taken."""
        os.link(source, target)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def make_folder(self, path: Path) -> None:
        """Make one folder unless it is there. Its parent must exist."""
        path.mkdir(exist_ok=True)


def attribute_of(path: Path, name: str) -> bytes | None:
    """See `Disk.attribute`."""
    if not hasattr(os, "getxattr"):  # no Linux
        return None
    try:
        return os.getxattr(path, name)
    except OSError as error:
        if error.errno in NO_ATTRIBUTE:
            return None
        raise
