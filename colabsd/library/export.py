"""Pictures copied into one ZIP file, as they are. Knows nothing of who asked for it.

Names inside are `2026-11-24-142501-k3v7q2ma-0003.png`: the day and the picture's own name, in letters that every system
can unpack, each once.
"""

import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from colabsd.errors import ColabsdError, StorageError, UnknownPictureError
from colabsd.library.picture_files import read_picture_text
from colabsd.library.record import Record
from colabsd.progress import Progress
from colabsd.storage.budget import check_room
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import NO_HARD_LINKS
from colabsd.storage.workspace import Workspace

BLOCK_BYTES = 1 << 20
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
EARLIEST, LATEST = datetime(1980, 1, 1), datetime(2107, 12, 31)  # what a ZIP can say
LONGEST_NAME = 100


def export_zip(
    workspace: Workspace, records: Sequence[Record], path: Path, *, with_text: bool = False
) -> Iterator[Progress]:
    """Write the pictures' files into a new file at `path`; `with_text` puts each one's settings beside it as text.

    The file has its name only when it is whole; closing the iterator leaves nothing of it. Raises: StorageError, also
    when the file is there already; UnknownPictureError when a picture's file is gone, before anything is written.
    """
    once = {record.path: workspace.locate(record.path) for record in records}
    for source in once.values():
        if not source.is_file():
            raise UnknownPictureError("error.picture.file_gone", path=source)
    if path.exists():
        raise StorageError("error.storage.exists", path=path)
    total = sum(source.stat().st_size for source in once.values())
    check_room(path.parent, total)
    part = path.with_name(f".{path.name}.part")
    try:
        with storage_errors(path), part.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            done = 0
            yield Progress(stage="copy", done=0, total=total, items=len(once))
            for item, (name, source) in enumerate(zip(safe_names(list(once)), once.values(), strict=True)):
                for copied in _copy(archive, name, source):
                    done += copied
                    yield Progress(stage="copy", done=done, total=total, item=item, items=len(once))
                if with_text and (text := _settings_text(source)) is not None:
                    archive.writestr(_entry(f"{name.rpartition('.')[0]}.txt", source), text)
        with storage_errors(path):
            _appear(part, path)
    finally:
        with suppress(OSError):  # the folder is no folder, or it is gone: there is nothing to remove
            part.unlink(missing_ok=True)


def safe_names(paths: Sequence[str]) -> list[str]:
    """A name for each path of a picture: harmless on any system, and different from the others whatever their case."""
    taken: set[str] = set()
    names = []
    for path in paths:
        folder, _, file = path.removeprefix("pictures/").rpartition("/")
        stem, _, ending = UNSAFE.sub("_", f"{folder}-{file}" if folder else file).lstrip(".-_").rpartition(".")
        stem = (stem or "picture")[-LONGEST_NAME:]
        number = 1
        while (name := stem if number == 1 else f"{stem}-{number}").casefold() in taken:
            number += 1
        taken.add(name.casefold())
        names.append(f"{name}.{ending}")
    return names


def _appear(part: Path, path: Path) -> None:
    """Give the whole file its name, without touching a file that got it meanwhile where the system can tell."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise StorageError("error.storage.exists", path=path) from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        part.rename(path)


def _copy(archive: zipfile.ZipFile, name: str, source: Path) -> Iterator[int]:
    """Copy one file; yields the bytes of each block."""
    with source.open("rb") as picture, archive.open(_entry(name, source), "w", force_zip64=True) as entry:
        while block := picture.read(BLOCK_BYTES):
            entry.write(block)
            yield len(block)


def _entry(name: str, source: Path) -> zipfile.ZipInfo:
    moment = min(max(datetime.fromtimestamp(source.stat().st_mtime), EARLIEST), LATEST)
    entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
    entry.external_attr = 0o644 << 16
    return entry


def _settings_text(source: Path) -> str | None:
    """The settings as other programs read them; None of a file that cannot be read."""
    try:
        return read_picture_text(source).infotext
    except ColabsdError:
        return None
