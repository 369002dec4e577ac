"""Locks that die with their process: who holds one is alive. For local disks only; Drive keeps no locks."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class Lock:
    """An exclusive lock on a file, held until it is released or the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lock, or None when a living process (this one too) holds it. The folder must exist. Raises: OSError."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is_file(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)  # its holder removed the file before this process had it locked

    def release(self) -> None:
        """Let go and remove the file, in this order's reverse: whoever waits sees that the file is gone."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold a lock that many may hold together; waits for whoever holds it alone. The file stays. Raises: OSError."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def sole_lock(path: Path) -> Iterator[bool]:
    """Hold that lock alone, if nobody holds it: says whether it does. Raises: OSError."""
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
