"""What fills a workspace, by kind: from the files themselves, on Drive too. Changes nothing."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from colabsd.progress import Progress
from colabsd.storage.budget import free_bytes
from colabsd.storage.failures import storage_errors
from colabsd.storage.workspace import Workspace

KINDS: Mapping[str, str] = {
    "pictures": "space.pictures",
    "models": "space.models",
    "inputs": "space.inputs",
    "sheets": "space.sheets",
    "films": "space.films",
    "photos": "space.photos",
    "training": "space.training",
    "thumbnails": "space.thumbnails",
    "journal": "space.journal",
    "": "space.other",
}
"""The folders of a workspace and the words for them; "" stands for everything else."""


@dataclass(frozen=True)
class Space:
    """What one kind takes: a key of KINDS, how many files, how many bytes."""

    kind: str
    files: int
    bytes: int


@dataclass(frozen=True)
class SpaceReport:
    """Every kind that takes room, the largest first; `free` is what the disk or Drive says to have left, in bytes.

    `waiting` is what is on this machine only, on its way to Drive.
    """

    kinds: tuple[Space, ...]
    free: int
    waiting: Space

    @property
    def bytes(self) -> int:
        return sum(space.bytes for space in self.kinds)


def measure_space(workspace: Workspace) -> Iterator[Progress | SpaceReport]:
    """Look at every file; the report comes last. A workspace that is not there takes nothing. Raises: StorageError."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    folders = [workspace.root] if workspace.root.is_dir() else []
    while folders:
        folder = folders.pop()
        with storage_errors(folder):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry))
                elif entry.is_file(follow_symlinks=False):
                    top = Path(entry).relative_to(workspace.root).parts
                    kind = top[0] if len(top) > 1 and top[0] in KINDS else ""
                    files[kind] += 1
                    sizes[kind] += entry.stat(follow_symlinks=False).st_size
        yield Progress(stage="check", done=files.total(), total=0)
    kinds = sorted((Space(kind, files[kind], sizes[kind]) for kind in files), key=lambda space: -space.bytes)
    waiting = (
        [path.stat().st_size for path in workspace.outbox.rglob("*") if path.is_file()] if workspace.remote else []
    )
    yield SpaceReport(tuple(kinds), free_bytes(workspace.root), Space("", len(waiting), sum(waiting)))
