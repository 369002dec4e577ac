"""The journal of a workspace on Drive, copied to this machine: closed segments never change, so each comes once.

A new machine has to bring all of them, a file each, which takes Drive seconds. So what many small segments say is
published once more in packs: segments like any other, whose first record names the segments that they stand for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from colabsd.storage.disk import Disk
from colabsd.storage.journal_lines import JournalRecord, Segment, read_segment, write_line
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace

PACK, PREFIX, CLOSED = "pack", "pack-", ".jsonl"
PACKED = 64


@dataclass
class Mirror:
    """What of the journal is here. Used by one thread; whole files only appear among the copies."""

    workspace: Workspace
    disk: Disk
    _missing: list[str] | None = None
    _covered: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Look at Drive again with the next step."""
        self._missing = None

    def step(self, most: int) -> bool:
        """Bring at most so many segments; True when nothing that Drive shows is missing. Raises: OSError."""
        if self._missing is None:
            self._missing = self._list_missing()
        for _ in range(most):
            if not self._missing:
                return True
            name = self._missing[-1]
            if name not in self._covered:
                self._bring(name)
            self._missing.pop()
        return not self._missing

    def left(self) -> int:
        """How many segments are known to be missing."""
        return len(self._missing or ())

    def pack(self, runtime: str, clock: Callable[[], datetime]) -> None:
        """Publish a pack when enough segments are in none. `runtime` makes its name new. Raises: StorageError."""
        here = [path.name for path in self.workspace.segments.glob(f"*{CLOSED}")]
        for name in here:
            self._learn(name)
        loose = sorted(
            name
            for name in here
            if not name.startswith(PREFIX)
            and name not in self._covered
            and not self.workspace.is_on_the_way(f"journal/{name}")
        )
        if len(loose) < PACKED:
            return
        name = f"{PREFIX}{runtime}"
        head = JournalRecord(name, 0, clock(), PACK, {"segments": loose})
        records = [record for segment in map(self._read, loose) for record in segment.records]
        data = b"".join(map(write_line, (head, *records)))
        names = (f"{name}{extra}{CLOSED}" for extra in ("", *(f"-{number}" for number in range(2, 100))))
        publish_into(self.workspace, data, self.workspace.journal, names, self.disk)
        self._covered.update(loose)

    def _list_missing(self) -> list[str]:
        """Packs last: they are brought first."""
        journal = self.workspace.journal
        if not self.disk.exists(journal):
            self.disk.list(self.workspace.root.parent)  # a new workspace, or no Drive
            return []
        names = [name for name in self.disk.list(journal) if name.endswith(CLOSED)]
        for name in names:
            self._learn(name)
        missing = [name for name in names if not (self.workspace.segments / name).exists()]
        return sorted(missing, key=lambda name: (name.startswith(PREFIX), name))

    def _bring(self, name: str) -> None:
        data = self.disk.read(self.workspace.journal / name)
        if not data.endswith(b"\n"):  # Drive does not show all of it yet; it is brought with a later refresh
            return
        unfinished = self.workspace.scratch / f"{name}.brought"
        unfinished.parent.mkdir(exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(self.workspace.segments / name)
        self._learn(name)

    def _learn(self, name: str) -> None:
        """Of a pack that is here: the segments that it stands for."""
        if not name.startswith(PREFIX) or not (self.workspace.segments / name).exists():
            return
        for record in self._read(name).records[:1]:
            covered = record.data.get("segments") if record.kind == PACK else None
            if isinstance(covered, list):
                self._covered.update(name for name in covered if isinstance(name, str))

    def _read(self, name: str) -> Segment:
        return read_segment(name, (self.workspace.segments / name).read_bytes())
