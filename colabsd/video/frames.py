"""The frames of a film as files on this machine's disk: written whole, looked at for gaps. Knows not how they are made.

A frame is a PNG that says which frame of which film it is. A damaged one is as good as none: it is drawn again.
"""

import io
import re
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colabsd.errors import DamagedFilmError
from colabsd.keys import canonical_json
from colabsd.library.picture_files import MANIFEST_KEYWORD
from colabsd.library.png_text import SIGNATURE
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import write_whole
from colabsd.video.encode import Pixels
from colabsd.video.frame_png import encode_png

FORMAT = "colabsd.frame"
NAME = re.compile(r"(\d{7})\.png")
END = b"IEND"


class FrameFolder:
    """The frames of one film. The folder is made when the first frame is written."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self._disk = disk or Disk()

    def path(self, index: int) -> Path:
        """Where a frame is, or would be."""
        return self.folder / f"{index:07d}.png"

    def write(self, index: int, pixels: Pixels, facts: Mapping[str, Any]) -> Path:
        """Write a frame with what it says of itself; a damaged one is replaced. Raises: StorageError."""
        text = canonical_json({"format": FORMAT, "index": index, **facts})
        data = encode_png(pixels, MANIFEST_KEYWORD, text)
        return write_file(self.path(index), data, self._disk)

    def read(self, index: int) -> Pixels:
        """The pixels of a frame. Raises: DamagedFilmError."""
        try:
            with Image.open(self.path(index)) as opened:
                return np.asarray(opened.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            raise DamagedFilmError("error.film.frame", path=self.path(index)) from None

    def read_all(self, count: int) -> Iterator[Pixels]:
        """The frames 0 to `count` - 1, one at a time. Raises: DamagedFilmError."""
        for index in range(count):
            yield self.read(index)

    def there(self) -> frozenset[int]:
        """The frames that have a file, whole or not."""
        if not self.folder.is_dir():
            return frozenset()
        with storage_errors(self.folder):
            names = [NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        return frozenset(int(name[1]) for name in names if name)

    def gaps(self, count: int, known: Collection[int] = ()) -> frozenset[int]:
        """The frames below `count` that are missing or damaged; those `known` to be whole are not looked at."""
        there = self.there()
        whole = (index for index in there if index < count and (index in known or self._is_whole(index)))
        return frozenset(range(count)) - frozenset(whole)

    def _is_whole(self, index: int) -> bool:
        try:
            return is_whole_png(self.path(index).read_bytes())
        except OSError:
            return False


def write_file(path: Path, data: bytes, disk: Disk) -> Path:
    """Write a file so that its name only ever shows all of it; one that is there is replaced. Raises: StorageError."""
    part = path.with_name(f".{path.name}.part")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # of a process that was killed
        try:
            write_whole(data, disk.create(part), disk)
            disk.rename(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return path


def is_whole_png(data: bytes) -> bool:
    """Whether every chunk of a PNG is as it was written, by its checksum, to the last one."""
    stream = io.BytesIO(data)
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return False
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        body, checksum = stream.read(length), stream.read(4)
        if len(body) != length or checksum != struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))):
            return False
        if kind == END:
            return not stream.read(1)
    return False
