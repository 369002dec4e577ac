"""The journal: what happened, one line each, never changed. Knows nothing of what the records mean.

A process appends to its own open segment on the local disk. Every minute, every 50 records and at the end the segment
is closed: published once into the workspace, where nothing is ever appended (Drive may never upload a file that grows).
Segments that killed processes left open are published by the next one. A record may show up twice (killed between
publishing and removing); readers know records by runtime and number and see each once. Of a workspace on Drive the
closed segments are read from copies on this machine (`mirror.py`).
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from threading import RLock
from typing import Any

from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.storage.journal_lines import DamagedLine, JournalRecord, Segment, read_segment, write_line
from colabsd.storage.locks import Lock
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace

MOST_RECORDS = 50
LOCK_PATIENCE_S = 10.0
LONGEST = timedelta(minutes=1)
OPEN, CLOSED = ".open", ".jsonl"


class Journal:
    """The journal of a workspace, as one runtime writes it and anybody reads it.

    `runtime` must be a new name for each process; `clock` tells the time with its zone. Nothing is made or locked
    before the first record. Threads may share it. `before_reading` is called by whoever wants to read all of it.
    """

    def __init__(
        self, workspace: Workspace, runtime: str, clock: Callable[[], datetime], disk: Disk | None = None
    ) -> None:
        self.workspace = workspace
        self.runtime = runtime
        self._clock = clock
        self._disk = disk or Disk()
        self._lock: Lock | None = None
        self._numbers = count()
        self._segments = count(1)
        self._open: _OpenSegment | None = None
        self._alone = RLock()
        self.before_reading: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Whether it holds records that are not in the workspace yet."""
        return self._open is not None

    def append(self, kind: str, data: Mapping[str, Any]) -> JournalRecord:
        """Write one record; it outlives this process as soon as this returns. `data` is plain JSON data.

        Raises: StorageError. When closing the segment fails, the record itself is kept on the local disk.
        """
        with self._alone:
            segment = self._open or self._start_segment()
            record = JournalRecord(self.runtime, next(self._numbers), self._clock(), kind, data)
            segment.append(write_line(record))
            if segment.records >= MOST_RECORDS or record.time - segment.started >= LONGEST:
                self.publish()
            return record

    def publish_old(self) -> None:
        """Publish the open segment if it is older than a minute. Raises: StorageError."""
        with self._alone:
            if self._open is not None and self._clock() - self._open.started >= LONGEST:
                self.publish()

    def publish(self) -> None:
        """Close the open segment, if there is one, and publish it. Raises: StorageError."""
        with self._alone:
            if self._open is not None:
                self._publish_file(self._open.path)
                self._open.close()
                self._open = None

    def close(self) -> None:
        """Publish what is open. The journal can go on being used; it then opens a new segment."""
        self.publish()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def recover(self) -> None:
        """Publish the open segments of dead runtimes. Raises: StorageError."""
        runtimes = {path.stem.rpartition("-")[0] for path in self._open_paths()}
        runtimes |= {path.stem for path in self._folder.glob("*.lock")}
        for runtime in sorted(runtimes - {self.runtime}):
            with storage_errors(self._folder):
                lock = Lock.take(self._folder / f"{runtime}.lock")
            if lock is None:
                continue
            try:
                for path in self._open_paths():
                    if path.stem.rpartition("-")[0] == runtime:
                        self._publish_file(path)
                        path.unlink(missing_ok=True)
            finally:
                lock.release()

    def records(self) -> Iterator[JournalRecord]:
        """Every record once, in order of time. Raises: StorageError."""
        # Open segments first: one that is closed meanwhile is then seen twice, not missed.
        segments = [*self.open_segments(), *(self.read(name) for name in self.closed_segments())]
        once = {(record.runtime, record.number): record for segment in segments for record in segment.records}
        yield from sorted(once.values(), key=lambda record: (record.time, record.runtime, record.number))

    def damage(self) -> Iterator[DamagedLine]:
        """Lines that cannot be read, in closed segments and open ones."""
        for segment in [*self.open_segments(), *(self.read(name) for name in self.closed_segments())]:
            yield from segment.damaged

    def closed_segments(self) -> list[str]:
        """The names of the closed segments; a name's content never changes."""
        folder = self.workspace.segments
        with storage_errors(folder):
            return sorted(path.name for path in folder.iterdir() if path.suffix == CLOSED) if folder.exists() else []

    def read(self, name: str) -> Segment:
        """One closed segment. Raises: StorageError."""
        path = self.workspace.segments / name
        with storage_errors(path):
            return read_segment(name, path.read_bytes())

    def open_segments(self) -> list[Segment]:
        """The open segments on this machine, this runtime's and those of others, alive or dead."""
        found = []
        for path in self._open_paths():
            try:
                found.append(read_segment(path.name, path.read_bytes()))
            except FileNotFoundError:  # closed since it was listed: it is in the workspace now
                continue
        return found

    @property
    def _folder(self) -> Path:
        return self.workspace.local / "journal"

    def _open_paths(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{OPEN}"))

    def _start_segment(self) -> "_OpenSegment":
        self.workspace.prepare_local()
        path = self._folder / f"{self.runtime}-{next(self._segments):06d}{OPEN}"
        with storage_errors(path):
            self._lock = self._lock or self._own_lock()
            self._open = _OpenSegment(path, self._clock())
        return self._open

    def _own_lock(self) -> Lock:
        """This runtime's lock, for which another's `recover` may have to let go first."""
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while (lock := Lock.take(self._folder / f"{self.runtime}.lock")) is None:
            assert time.monotonic() < deadline, "two journals of one runtime"
            time.sleep(0.01)
        return lock

    def _publish_file(self, path: Path) -> None:
        """Publish an open segment up to its last whole line, unless that was done before a kill."""
        first = self.workspace.segments / f"{path.stem}{CLOSED}"
        with storage_errors(path):
            lines, newline, _ = path.read_bytes().rpartition(b"\n")
            data = lines + newline
            published = first.exists() and first.read_bytes() == data
        if data and not published:
            names = (f"{path.stem}{extra}{CLOSED}" for extra in ("", *(f"-{number}" for number in range(2, 1000))))
            publish_into(self.workspace, data, self.workspace.journal, names, self._disk)


class _OpenSegment:
    """The local file that is being appended to."""

    def __init__(self, path: Path, started: datetime) -> None:
        self.path = path
        self.started = started
        self.records = 0
        self._size = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)

    def append(self, line: bytes) -> None:
        """Write a whole line or none: after a failure the file is cut back."""
        try:
            with storage_errors(self.path):
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except BaseException:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)
        self.records += 1

    def close(self) -> None:
        """Let go of the file and remove it."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
