"""Small choices that outlast the machine, as the model that somebody likes: plain JSON in the workspace.

Every change is a new file under a name that is never used again, because Drive must not be written over; the newest
that can be read counts, and older ones go.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from itertools import islice, repeat
from typing import Any

from colabsd.errors import StorageError
from colabsd.storage.names import new_token
from colabsd.storage.publish import publish_into
from colabsd.storage.removal import remove_for_good
from colabsd.storage.workspace import Workspace

FOLDER = "choices"
MOST_BYTES = 100_000


def read_choices(workspace: Workspace) -> Mapping[str, Any]:
    """What was chosen, by name; empty where nothing was, or where nothing can be read."""
    for relative in _newest_first(workspace):
        with suppress(OSError, ValueError):
            data = workspace.locate(relative).read_bytes()
            found = json.loads(data) if len(data) <= MOST_BYTES else None
            if isinstance(found, dict):
                return found
    return {}


def write_choice(workspace: Workspace, name: str, value: object, moment: datetime) -> None:
    """Remember a choice; `value` is plain JSON data. Raises: StorageError."""
    known = read_choices(workspace)
    if name in known and known[name] == value:
        return
    old = _newest_first(workspace)
    data = json.dumps({**known, name: value}, ensure_ascii=False).encode()
    workspace.prepare_to_keep()
    names = (f"{moment:%Y%m%dT%H%M%S%f}-{new_token(secrets.token_bytes)}.json" for _ in repeat(None))
    publish_into(workspace, data, workspace.root / FOLDER, names)
    for relative in islice(old, 1, None):  # the last one stays: on Drive the new one may not have arrived yet
        with suppress(StorageError):
            remove_for_good(workspace, relative)


def _newest_first(workspace: Workspace) -> list[str]:
    """The files of choices by their relative paths, wherever each is."""
    found = set()
    for folder in (*workspace.places(FOLDER), workspace.outbox / FOLDER):
        with suppress(OSError):
            found |= {f"{FOLDER}/{path.name}" for path in folder.iterdir() if path.suffix == ".json"}
    return sorted(found, reverse=True)
