"""Named folders of a workspace for long work: `<room>/<name>/`, left at any moment and gone on with on any machine.

What is published into one lies in the workspace, or on its way there; what changes often lies on this machine's own
disk, beside the lock of whoever works on it. Knows nothing of what the work is.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from colabsd.storage.failures import storage_errors
from colabsd.storage.locks import Lock
from colabsd.storage.publish import Published, publish_into
from colabsd.storage.workspace import Workspace

UNSAFE = re.compile(r"[^\w-]+")
LONGEST_NAME = 60


class WorkFolders:
    """The folders of one room. `spare` names one that was given no usable name; `apart` are other folders there."""

    def __init__(self, workspace: Workspace, room: str, spare: str, apart: Collection[str] = ()) -> None:
        self.workspace, self.room = workspace, room
        self._spare, self._apart = spare, apart

    def names(self) -> list[str]:
        """The names of all folders, wherever their files are now, sorted."""
        return [name for name in _entries(self._places(self.room)) if name not in self._apart]

    def free_name(self, wanted: str) -> str:
        """That name, or the next that is free, without anything that no folder can be called."""
        base = UNSAFE.sub("-", wanted).strip("-")[:LONGEST_NAME] or self._spare
        taken = {name.casefold() for name in (*self.names(), *self._apart)}
        numbered = (base if number == 1 else f"{base}-{number}" for number in count(1))
        return next(name for name in numbered if name.casefold() not in taken)

    def nearest(self, name: str) -> str:
        """The name that is most like that one; "" where there is none."""
        return "".join(difflib.get_close_matches(name, self.names(), 1, 0.0))

    def path(self, name: str) -> str:
        """A folder, relative to the workspace."""
        return f"{self.room}/{name}"

    def places(self, name: str) -> tuple[Path, ...]:
        """Where files of a folder may lie."""
        return self._places(self.path(name))

    def files(self, name: str) -> list[str]:
        """The names of what a folder holds, wherever each file is now, sorted."""
        return _entries(self.places(name))

    def local(self, name: str) -> Path:
        """Its folder on this machine's own disk: the lock, and what is written over and over."""
        return self.workspace.local / self.room / name

    def is_held(self, name: str) -> bool:
        """Whether somebody on this machine works on it."""
        folder = self.local(name)
        if not folder.is_dir():
            return False
        lock = Lock.take(folder / "lock")
        if lock is not None:
            lock.release()
        return lock is None

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Hold a folder's lock; gives False where somebody else does. Raises: StorageError."""
        folder = self.local(name)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = Lock.take(folder / "lock")
        try:
            yield lock is not None
        finally:
            if lock is not None:
                lock.release()

    def publish(self, name: str, file: str, data: bytes) -> Published:
        """Write a file into a folder, once. Raises: StorageError, also when the file's name was used."""
        if not self.workspace.remote:
            parent = self.workspace.root / self.room
            with storage_errors(parent):
                parent.mkdir(exist_ok=True)
        return publish_into(self.workspace, data, self.workspace.root / self.path(name), [file])

    def facts(self, name: str, file: str) -> dict[str, Any]:
        """What a file of JSON holds. Raises: OSError, ValueError when it holds no object."""
        found = json.loads(self.workspace.locate(f"{self.path(name)}/{file}").read_bytes())
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return found

    def _places(self, relative: str) -> tuple[Path, ...]:
        near = (self.workspace.outbox / relative,) if self.workspace.remote else ()
        return (*self.workspace.places(relative), *near)


def _entries(folders: Iterable[Path]) -> list[str]:
    """The names in folders that are one, sorted; those that cannot be looked into now count as empty."""
    found: set[str] = set()
    for folder in folders:
        with suppress(OSError):
            found |= {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    return sorted(found)
