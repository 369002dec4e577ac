"""From what somebody writes to the picture that is meant: a file, a file's name, the beginning of a key."""

from pathlib import Path

from colabsd.errors import UnknownPictureError
from colabsd.library.index import Index
from colabsd.library.record import Record
from colabsd.library.scan import file_sha256, relative_path
from colabsd.storage.workspace import Workspace

SHORTEST_KEY = 4


def find_picture(workspace: Workspace, index: Index, name: str) -> Record:
    """The picture of a file (a copy elsewhere too), a file name, or the first four or more digits of a key.

    Of several pictures with one key it is the newest. Raises: UnknownPictureError, StorageError.
    """
    found = _of_file(workspace, index, name) or index.by_name(name)
    if not found and len(name) >= SHORTEST_KEY:
        found = index.by_key(name.lower())
        if len({record.key for record in found}) > 1:
            raise UnknownPictureError("error.picture.ambiguous", name=name, count=len(found))
    if not found:
        raise UnknownPictureError(name=name)
    return found[0]


def _of_file(workspace: Workspace, index: Index, name: str) -> list[Record]:
    """The records of a path in the workspace (there or gone), else of the bytes of a file elsewhere."""
    path = Path(name).expanduser()
    try:
        inside = path.resolve() if path.is_absolute() or path.exists() else workspace.root / path
        is_file = path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return []
    try:
        return index.by_path(relative_path(workspace, inside))
    except ValueError:  # it lies elsewhere
        return index.by_sha256(file_sha256(path)) if is_file else []
