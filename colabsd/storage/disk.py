"""The calls that publishing makes to the system, one method each, so that a test can let any of them fail."""

import os
from pathlib import Path


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
