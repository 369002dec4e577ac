"""The pictures' folder as it is: its files, what they say, and those that the journal does not know."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from colabsd.errors import ColabsdError, StorageError
from colabsd.library.manifest import read_manifest
from colabsd.library.picture_files import EXTENSIONS
from colabsd.library.record import Record, record_of
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import Published
from colabsd.storage.workspace import Workspace

ENDINGS = frozenset(f".{extension}" for extension in EXTENSIONS.values())


def picture_files(workspace: Workspace, since: date | None = None) -> Iterator[Path]:
    """The picture files of the day folders, in order of their names, from a day on. Raises: StorageError."""
    if not workspace.pictures.is_dir():
        return
    with storage_errors(workspace.pictures):
        for folder in sorted(workspace.pictures.iterdir()):
            if folder.is_dir() and (since is None or folder.name >= since.isoformat()):
                yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)


def relative_path(workspace: Workspace, path: Path) -> str:
    """The path as records have it: relative to the workspace, with slashes."""
    return path.relative_to(workspace.root).as_posix()


def unknown_files(workspace: Workspace, known: Collection[str], since: date | None = None) -> list[Path]:
    """Picture files whose paths are not among those known."""
    return [path for path in picture_files(workspace, since) if relative_path(workspace, path) not in known]


def read_record(workspace: Workspace, path: Path) -> Record | None:
    """The record of a picture from its file alone; None when the file has no manifest that can be trusted."""
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
    path = workspace.root / record.path
    try:
        return file_sha256(path) == record.sha256
    except StorageError:
        return False
