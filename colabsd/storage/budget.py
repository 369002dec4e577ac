"""Room on the disk: how much there is, and whether what is planned fits."""

import shutil
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.storage.failures import storage_errors

METADATA_BYTES = 32 * 1024


def free_bytes(path: Path) -> int:
    """Free bytes where `path` lies, or will lie. Raises: StorageError."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    with storage_errors(path):
        return shutil.disk_usage(there).free


def picture_bytes(width: int, height: int) -> int:
    """About the bytes of a picture of that size as a PNG: two per pixel (photographs), and what is written with it."""
    return width * height * 2 + METADATA_BYTES


def check_room(path: Path, needed_bytes: int) -> None:
    """Raises: StorageError when fewer than `needed_bytes` are free where `path` lies."""
    free = free_bytes(path)
    if needed_bytes > free:
        raise StorageError(
            "error.storage.no_room", path=path, needed_mb=f"{needed_bytes / 1e6:.0f}", free_mb=f"{free / 1e6:.0f}"
        )
