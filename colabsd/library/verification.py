"""Whether what was kept is still there as it was kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from colabsd.library.index import Index
from colabsd.library.query import Query
from colabsd.library.record import Record
from colabsd.library.scan import file_sha256, relative_path, unknown_files
from colabsd.progress import Progress
from colabsd.storage.journal import Journal
from colabsd.storage.workspace import Workspace

State = Literal["right", "changed", "missing", "unknown", "damaged"]


@dataclass(frozen=True)
class Verdict:
    """A kept file that is right, changed or missing; a picture file that the library does not know; a damaged line.

    `path` is relative to the workspace; `line` is that of a journal segment, from 1.
    """

    path: str
    state: State
    record: Record | None = None
    line: int | None = None


def verify(workspace: Workspace, journal: Journal, index: Index) -> Iterator[Progress | Verdict]:
    """A verdict on every kept picture, oldest first, then on what is unknown and damaged. Raises: StorageError."""
    records = index.search(Query())[::-1]
    for done, record in enumerate(records, start=1):
        yield Verdict(record.path, _state(workspace, record), record)
        yield Progress(stage="check", done=done, total=len(records))
    for path in unknown_files(workspace, index.known_paths()):
        yield Verdict(relative_path(workspace, path), "unknown")
    for damaged in journal.damage():
        yield Verdict(f"journal/{damaged.segment}", "damaged", line=damaged.line)


def _state(workspace: Workspace, record: Record) -> State:
    """Of a picture on Drive the file there counts, unless it is still on its way."""
    path = workspace.final_path(record.path)
    if not path.is_file():
        return "missing"
    return "right" if file_sha256(path) == record.sha256 else "changed"
