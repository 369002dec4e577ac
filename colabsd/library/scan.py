"""The pictures' folder as it is: its files, what they say, and those that the journal does not know."""

import hashlib
import os
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from colabsd.errors import ColabsdError, StorageError
from colabsd.library.manifest import read_manifest
from colabsd.library.picture_files import EXTENSIONS
from colabsd.library.record import TOP_FOLDER, Record, is_picture_path, record_of
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import Published
from colabsd.storage.workspace import Workspace

ENDINGS = frozenset(f".{extension}" for extension in EXTENSIONS.values())


def picture_files(workspace: Workspace, since: date | None = None) -> Iterator[Path]:
    """The picture files of the day folders, in order of their names, from a day on. Raises: StorageError.

    Pipes and devices that are named like pictures are none: reading them might never end.
    """
    first = "" if since is None else since.isoformat()
    found: dict[str, Path] = {}
    for place in reversed(workspace.places(TOP_FOLDER)):  # the nearer files hide those on Drive
        with storage_errors(place):
            days = [day for day in place.iterdir() if day.name >= first and day.is_dir()] if place.is_dir() else []
            paths = [Path(entry) for day in days for entry in os.scandir(day) if _is_picture_file(entry)]
        found |= {workspace.relative(path): path for path in paths}
    yield from (found[relative] for relative in sorted(found))


def _is_picture_file(entry: os.DirEntry[str]) -> bool:
    try:
        return Path(entry.name).suffix.lower() in ENDINGS and entry.is_file()
    except OSError:  # a link in a circle
        return False


def relative_path(workspace: Workspace, path: Path) -> str:
    """The path as records have it: relative to the workspace, with slashes."""
    return workspace.relative(path)


def unknown_files(workspace: Workspace, known: Collection[str], since: date | None = None) -> list[Path]:
    """Picture files whose paths are not among those known."""
    return [path for path in picture_files(workspace, since) if relative_path(workspace, path) not in known]


def read_record(workspace: Workspace, path: Path) -> Record | None:
    """The record of a picture from its file alone; None when its name or its manifest cannot be trusted."""
    if not is_picture_path(relative_path(workspace, path)):
        return None
    try:
        manifest = read_manifest(path)
    except ColabsdError:
        return None
    published = Published(path, file_sha256(path), path.stat().st_size)
    return record_of(manifest, relative_path(workspace, path), published)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes in hex. Raises: StorageError."""
    with storage_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(workspace: Workspace, record: Record) -> bool:
    """Whether the record's file is there with the bytes that were kept."""
    path = workspace.locate(record.path)
    try:
        return file_sha256(path) == record.sha256
    except StorageError:
        return False
