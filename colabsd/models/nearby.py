"""Models of somebody's own that lie on Drive: copied to the machine's disk, in order, before they are loaded."""

import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from colabsd.keys import key_of
from colabsd.models.room import check_room, gigabytes, room_on
from colabsd.models.shelf import throw_away
from colabsd.models.transfer import copy_files
from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors

SMALL_BYTES = 5_000_000  # configurations and tokenizers: what of a folder is copied along with its weights
KEY_DIGITS = 12


@dataclass(frozen=True)
class NearCopy:
    """A copy of files that lie far away, as they are now: which, how many bytes, where it is or will be.

    The folder's name holds what was seen of the originals (path, sizes, times of change), so a changed original has
    another copy.
    """

    original: Path
    names: tuple[str, ...]
    bytes: int
    folder: Path

    @property
    def path(self) -> Path:
        """What to load: the folder, or the single file in it."""
        return self.folder / self.names[0] if self.original.is_file() else self.folder

    @property
    def is_there(self) -> bool:
        return self.folder.is_dir()

    def make(self) -> Generator[Progress, None, Mapping[str, str]]:
        """Copy; returns the files' sha256 by name. Copies of an earlier state go. Raises: StorageError."""
        source = self.original.parent if self.original.is_file() else self.original
        scratch = self.folder.with_name(f"{self.folder.name}-{os.getpid()}.part")
        try:
            digests = yield from copy_files(source, self.names, scratch)
            with storage_errors(self.folder):
                for older in self.folder.parent.glob(f"{self.folder.name[:KEY_DIGITS]}-*"):
                    if older.suffix != ".part":
                        throw_away(older)
                scratch.rename(self.folder)
        finally:
            if scratch.exists():
                throw_away(scratch)
        return digests


def bring_near(
    original: Path, weights: tuple[str, ...], name: str, shelf: Path
) -> Generator[Progress | Note, None, tuple[NearCopy, Mapping[str, str]]]:
    """The copy of an original that lies far away, made unless it is there; with the digests of what was read for it.

    Raises: DownloadError without room, StorageError.
    """
    copy = near_copy(original, shelf, weights)
    if copy.is_there:
        return copy, {}
    check_room(name, copy.bytes, room_on(shelf, (), None), ())
    yield Note("note.weights.near", {"name": name, "gb": gigabytes(copy.bytes)})
    return copy, (yield from copy.make())


def near_copy(original: Path, shelf: Path, weights: tuple[str, ...]) -> NearCopy:
    """What has to be copied of a folder (its `weights` and its small files) or of a single file.

    Raises: StorageError.
    """
    with storage_errors(original):
        if original.is_file():
            names: tuple[str, ...] = (original.name,)
            statuses = [original.stat()]
        else:
            small = (path for path in original.rglob("*") if path.is_file() and path.stat().st_size < SMALL_BYTES)
            names = tuple(sorted({path.relative_to(original).as_posix() for path in small} | set(weights)))
            statuses = [(original / name).stat() for name in names]
    seen = [[name, status.st_size, status.st_mtime_ns] for name, status in zip(names, statuses, strict=True)]
    name = f"{key_of(str(original))[:KEY_DIGITS]}-{key_of(seen)[:KEY_DIGITS]}"
    return NearCopy(original, names, sum(status.st_size for status in statuses), shelf / name)
