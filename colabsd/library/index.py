"""The search index: SQLite with full-text search, on the local disk, made from the journal and always makeable again.

Knows pictures and jobs as the journal tells of them. Applying a record twice, or in another order, changes nothing.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from colabsd.errors import StorageError
from colabsd.library.migrations import migrate
from colabsd.library.query import Query, fold
from colabsd.library.query_sql import seed_text, spaceless, where
from colabsd.library.record import Record
from colabsd.storage.failures import storage_errors
from colabsd.storage.journal import Journal
from colabsd.storage.journal_lines import JournalRecord

PICTURE, JOB, JOB_FINISHED = "picture", "job", "job_finished"
PATIENCE_S = 30.0
BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class StartedJob:
    """A job that the journal has no end of. `start` is what was written when it started."""

    job: str
    started: datetime
    start: Mapping[str, Any]


class Index:
    """The index of one workspace. Opens nothing before it is asked; a damaged file is made anew."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self._journal = journal
        self._connection: sqlite3.Connection | None = None

    def catch_up(self) -> None:
        """Take in what the journal tells and the index does not know yet. Raises: StorageError."""
        self._ask(lambda connection: _catch_up(connection, self._journal))

    def search(self, query: Query, limit: int | None = None) -> list[Record]:
        """The pictures that a query asks for, newest first. Raises: StorageError."""
        condition, values = where(query)
        return self._select(condition, values, limit)

    def by_path(self, path: str) -> list[Record]:
        return self._select("path = ?", [path])

    def by_name(self, name: str) -> list[Record]:
        """Pictures with that file name, with or without its ending, newest first."""
        return self._select("name = ? OR substr(name, 1, instr(name, '.') - 1) = ?", [name, name])

    def by_key(self, prefix: str) -> list[Record]:
        """Pictures whose key begins so, newest first."""
        return self._select("substr(key, 1, ?) = ?", [len(prefix), prefix])

    def by_sha256(self, sha256: str) -> list[Record]:
        return self._select("sha256 = ?", [sha256])

    def by_job(self, job: str) -> list[Record]:
        """The pictures of one job, in order of their places."""
        return sorted(self._select("job = ?", [spaceless(job)]), key=lambda record: record.index)

    def paths(self) -> set[str]:
        """The paths of all pictures."""
        return self._ask(lambda connection: {path for (path,) in connection.execute("SELECT path FROM pictures")})

    def unfinished_jobs(self) -> list[StartedJob]:
        """Jobs without an end, oldest first."""
        sql = "SELECT job, start FROM jobs WHERE finished = 0 AND start IS NOT NULL ORDER BY started_at, job"
        rows = self._ask(lambda connection: connection.execute(sql).fetchall())
        starts = [(job, json.loads(start)) for job, start in rows]
        return [StartedJob(job, datetime.fromisoformat(start["time"]), start["data"]) for job, start in starts]

    def is_finished(self, job: str) -> bool:
        """Whether the journal tells of the job's end."""
        sql = "SELECT finished FROM jobs WHERE job = ?"
        row = self._ask(lambda connection: connection.execute(sql, [job]).fetchone())
        return bool(row and row[0])

    def forget(self) -> None:
        """Remove the index; the next question makes it anew."""
        self.close()
        for path in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm", "-journal"))):
            with storage_errors(path):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _select(self, condition: str, values: list[Any], limit: int | None = None) -> list[Record]:
        sql = f"SELECT record FROM pictures WHERE {condition} ORDER BY created_at DESC, path DESC LIMIT ?"
        most = -1 if limit is None else limit
        rows = self._ask(lambda connection: connection.execute(sql, [*values, most]).fetchall())
        return [Record.from_json(json.loads(row)) for (row,) in rows]

    def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """One question in one transaction. A damaged file is removed, made anew and asked again."""
        try:
            return self._ask_once(question)
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in BROKEN:
                raise StorageError("error.storage.write", path=self.path, reason=str(error)) from error
        self.forget()
        try:
            self._ask_once(lambda connection: _catch_up(connection, self._journal))
            return self._ask_once(question)
        except sqlite3.DatabaseError as error:
            raise StorageError("error.storage.write", path=self.path, reason=str(error)) from error

    def _ask_once(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        connection = self._connection = self._connection or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            answer = question(connection)
            connection.execute("COMMIT")
            return answer
        except BaseException:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        with storage_errors(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")  # it can always be made again
            connection.execute("BEGIN IMMEDIATE")
            known = migrate(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        if known:
            return connection
        connection.close()
        self.forget()
        return self._connect()


def _catch_up(connection: sqlite3.Connection, journal: Journal) -> None:
    known = {name for (name,) in connection.execute("SELECT name FROM segments")}
    for segment in journal.open_segments():  # before the closed ones are listed: none is missed in between
        _apply(connection, segment.records)
    for name in journal.closed_segments():
        if name not in known:
            _apply(connection, journal.read(name).records)
            connection.execute("INSERT INTO segments VALUES (?)", [name])


def _apply(connection: sqlite3.Connection, records: Iterable[JournalRecord]) -> None:
    for record in records:
        if record.kind in KINDS:
            with suppress(KeyError, ValueError, TypeError):  # a right line of an unknown shape: a later version's
                KINDS[record.kind](connection, record)


def _apply_picture(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    record = Record.from_json(entry.data)
    row = _row(record)
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    new = connection.execute(f"INSERT OR IGNORE INTO pictures ({names}) VALUES ({marks})", list(row.values()))
    if new.rowcount:
        connection.execute(
            "INSERT INTO words (rowid, prompt, negative) VALUES (?, ?, ?)",
            [new.lastrowid, row["prompt"], row["negative"]],
        )


def _apply_job(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    start = json.dumps({"time": entry.time.isoformat(), "data": dict(entry.data)})
    connection.execute(
        "INSERT INTO jobs (job, started_at, start) VALUES (?, ?, ?)"
        " ON CONFLICT (job) DO UPDATE SET started_at = excluded.started_at, start = excluded.start",
        [entry.data["job"], entry.time.timestamp(), start],
    )


def _apply_job_finished(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    connection.execute(
        "INSERT INTO jobs (job, finished) VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET finished = 1",
        [entry.data["job"]],
    )


KINDS: Mapping[str, Callable[[sqlite3.Connection, JournalRecord], None]] = {
    PICTURE: _apply_picture,
    JOB: _apply_job,
    JOB_FINISHED: _apply_job_finished,
}


def _row(record: Record) -> dict[str, Any]:
    """The record as it is searched: folded text, and itself as JSON."""
    return {
        "path": record.path,
        "name": record.path.rpartition("/")[2],
        "sha256": record.sha256,
        "key": record.key,
        "created_at": record.created.timestamp(),
        "day": record.created.date().isoformat(),
        "job": spaceless(record.job),
        "place": record.index,
        "prompt": fold(record.prompt),
        "negative": fold(record.negative_prompt),
        "model": spaceless(record.model),
        "sampler": spaceless(record.sampler),
        "schedule": spaceless(record.schedule),
        "steps": record.steps,
        "guidance": record.guidance,
        "width": record.width,
        "height": record.height,
        "size": f"{record.width}x{record.height}",
        "seed": seed_text(record.seed),
        "record": json.dumps(record.as_json()),
    }
