"""Copies of the pictures that others were made from, kept in the workspace so that these can be made again."""

import hashlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from colabsd.errors import DamagedManifestError, NoManifestError, NotAPictureError
from colabsd.library.manifest import read_manifest
from colabsd.library.scan import file_sha256
from colabsd.storage.budget import check_room
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace

FOLDER = "inputs"


def keep_input(workspace: Workspace, path: Path, sha256: str) -> Path:
    """Copy a file of that digest into the workspace, unless it is there already; gives the copy.

    Raises: StorageError; NotAPictureError when the file is not what it was any more.
    """
    known = find_input(workspace, sha256)
    if known is not None:
        return known
    workspace.prepare_to_keep()
    with storage_errors(path):
        data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotAPictureError("error.picture.truncated", path=path)
    check_room(workspace.near, len(data))
    return publish_into(workspace, data, workspace.root / FOLDER, _names(sha256, path)).path


def find_input(workspace: Workspace, sha256: str) -> Path | None:
    """The copy of a file by its digest, read and compared; None when there is no whole one. Raises: StorageError."""
    for folder in workspace.places(FOLDER):
        with storage_errors(folder):
            candidates = sorted(folder.glob(f"{sha256}*")) if folder.is_dir() else []
            found = next((path for path in candidates if file_sha256(path) == sha256), None)
        if found is not None:
            return found
    return None


def input_copies(workspace: Workspace, sha256: str) -> list[str]:
    """The copies of a file by its digest, whole and damaged ones, as paths relative to the workspace."""
    folders = [place for place in (*workspace.places(FOLDER), workspace.outbox / FOLDER) if place.is_dir()]
    return sorted({f"{FOLDER}/{path.name}" for folder in folders for path in folder.glob(f"{sha256}*")})


def input_folder(workspace: Workspace) -> Path:
    """Where the copies are."""
    return workspace.root / FOLDER


def key_of_picture(path: Path) -> str | None:
    """The key of a picture that colabsd drew, as it says itself; None of any other. Raises: StorageError."""
    try:
        return read_manifest(path).drawing.key
    except (NoManifestError, DamagedManifestError, NotAPictureError):
        return None


def _names(sha256: str, path: Path) -> Iterator[str]:
    """Names for a copy: the digest, with a number where a damaged copy has it already."""
    ending = path.suffix.lower() if path.suffix.lower().lstrip(".").isalnum() else ""
    yield f"{sha256}{ending}"
    for number in count(2):
        yield f"{sha256}-{number}{ending}"
