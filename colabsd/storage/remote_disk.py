"""A disk behind a network, where each name on the way to a file may be asked for again: folders are held open.

Held ones are let go with `rest`, so that nothing keeps Drive from being unmounted; and after every error, because they
may belong to a mount that is gone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colabsd.storage.disk import Disk, attribute_of

HOLD = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)


class RemoteDisk(Disk):
    """Used by one thread."""

    def __init__(self) -> None:
        self._folders: dict[Path, int] = {}

    def rest(self) -> None:
        """Let go of all folders."""
        while self._folders:
            os.close(self._folders.popitem()[1])

    def create(self, path: Path) -> int:
        with self._held(path.parent) as folder:
            return os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)

    def read(self, path: Path) -> bytes:
        with self._held(path.parent) as folder:
            descriptor = os.open(path.name, os.O_RDONLY, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def rename(self, source: Path, target: Path) -> None:
        with self._held(source.parent) as before, self._held(target.parent) as after:
            os.rename(source.name, target.name, src_dir_fd=before, dst_dir_fd=after)

    def attribute(self, path: Path, name: str) -> bytes | None:
        with self._held(path.parent) as folder:
            known = Path("/proc/self/fd")
            return attribute_of(known / str(folder) / path.name if known.exists() else path, name)

    @contextmanager
    def _held(self, folder: Path) -> Iterator[int]:
        if folder not in self._folders:
            self._folders[folder] = os.open(folder, HOLD)
        try:
            yield self._folders[folder]
        except OSError:
            self.rest()
            raise
