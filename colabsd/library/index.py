"""The search index: SQLite with full-text search, on the local disk, made from the journal and always makeable again.

Knows pictures and jobs as the journal tells of them (`entries.py`).
"""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from colabsd.library.database import LocalDatabase
from colabsd.library.entries import apply
from colabsd.library.migrations import MIGRATIONS
from colabsd.library.query import Query
from colabsd.library.query_sql import IS_STARRED, spaceless, where
from colabsd.library.record import Record
from colabsd.storage.journal import Journal


@dataclass(frozen=True)
class StartedJob:
    """A job as the journal tells of it. `start` is what was written when it started."""

    job: str
    started: datetime
    start: Mapping[str, Any]
    finished: bool = False


@dataclass(frozen=True)
class Tombstone:
    """A deleted picture whose file may still be there. `inputs` are the digests of what it was made from."""

    path: str
    sha256: str
    inputs: tuple[str, ...]


class Index:
    """The index of one workspace. Opens nothing before it is asked; a damaged file is made anew."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self._journal = journal
        self._database = LocalDatabase(path, MIGRATIONS, self._take_in)

    def catch_up(self) -> None:
        """Take in what the journal tells and the index does not know yet. Raises: StorageError."""
        self._journal.before_reading()
        self._database.ask(self._take_in)

    def search(self, query: Query, limit: int | None = None, offset: int = 0) -> list[Record]:
        """The pictures that a query asks for, newest first, without the first `offset`. Raises: StorageError."""
        condition, values = where(query)
        return self._select(condition, values, limit, offset)

    def count(self, query: Query) -> int:
        """How many pictures a query asks for. Raises: StorageError."""
        condition, values = where(query)
        found: int = self._rows(f"SELECT COUNT(*) FROM pictures WHERE {condition}", values)[0][0]
        return found

    def by_path(self, path: str) -> list[Record]:
        return self._select("path = ?", [path])

    def by_name(self, name: str) -> list[Record]:
        """Pictures with that file name, with or without its ending, newest first."""
        return self._select("name = ? OR substr(name, 1, instr(name, '.') - 1) = ?", [name, name])

    def by_key(self, prefix: str) -> list[Record]:
        """Pictures whose key begins so, newest first."""
        return self._select("substr(key, 1, ?) = ?", [len(prefix), prefix])

    def of_keys(self, keys: Collection[str]) -> list[Record]:
        """Pictures of exactly these keys, newest first."""
        return self._select("key IN (SELECT value FROM json_each(?))", [json.dumps(sorted(keys))])

    def by_sha256(self, sha256: str) -> list[Record]:
        return self._select("sha256 = ?", [sha256])

    def by_job(self, job: str) -> list[Record]:
        """The pictures of one job, in order of their places."""
        return sorted(self._select("job = ?", [spaceless(job)]), key=lambda record: record.index)

    def known_paths(self) -> set[str]:
        """The paths of all pictures, and of those that were deleted."""
        return {path for (path,) in self._rows("SELECT path FROM pictures UNION SELECT path FROM deleted")}

    def tombstones(self) -> list[Tombstone]:
        """Deleted pictures whose files were not seen to be gone, in order of their paths."""
        sql = "SELECT path, sha256, inputs FROM deleted WHERE removed = 0 AND sha256 IS NOT NULL ORDER BY path"
        return [Tombstone(path, sha256, tuple(json.loads(inputs))) for path, sha256, inputs in self._rows(sql)]

    def deleted_places(self, job: str) -> frozenset[int]:
        """The places in a job of its pictures that were deleted."""
        rows = self._rows("SELECT place FROM deleted WHERE job = ?", [spaceless(job)])
        return frozenset(place for (place,) in rows)

    def packs_of(self, sha256: str) -> list[str]:
        """The packs that were said to hold the thumbnail of a file, newest first."""
        return [pack for (pack,) in self._rows("SELECT pack FROM packs WHERE sha256 = ? ORDER BY pack DESC", [sha256])]

    def job(self, job: str) -> StartedJob | None:
        """A job whose start is known."""
        return next(iter(self._jobs("job = ?", [job])), None)

    def jobs_naming(self, text: str) -> list[StartedJob]:
        """Jobs in whose start a text stands, oldest first."""
        return self._jobs("instr(start, ?) > 0", [text])

    def unfinished_jobs(self) -> list[StartedJob]:
        """Jobs without an end, oldest first."""
        return self._jobs("finished = 0", [])

    def without_job(self) -> list[Record]:
        """Pictures of jobs whose start the journal does not tell of, newest first."""
        known = {spaceless(job) for (job,) in self._rows("SELECT job FROM jobs WHERE start IS NOT NULL")}
        jobs = {job for (job,) in self._rows("SELECT DISTINCT job FROM pictures")} - known
        return [record for job in sorted(jobs) for record in self._select("job = ?", [job])]

    def is_finished(self, job: str) -> bool:
        """Whether the journal tells of the job's end."""
        rows = self._rows("SELECT finished FROM jobs WHERE job = ?", [job])
        return bool(rows and rows[0][0])

    def forget(self) -> None:
        """Remove the index; the next question makes it anew."""
        self._database.forget()

    def close(self) -> None:
        self._database.close()

    def _jobs(self, condition: str, values: list[Any]) -> list[StartedJob]:
        sql = f"SELECT job, start, finished FROM jobs WHERE start IS NOT NULL AND {condition} ORDER BY started_at, job"
        rows = [(job, json.loads(start), bool(finished)) for job, start, finished in self._rows(sql, values)]
        return [
            StartedJob(job, datetime.fromisoformat(start["time"]), start["data"], finished)
            for job, start, finished in rows
        ]

    def _select(self, condition: str, values: list[Any], limit: int | None = None, offset: int = 0) -> list[Record]:
        sql = (
            f"SELECT record, {IS_STARRED} FROM pictures WHERE {condition}"
            " ORDER BY created_at DESC, path DESC LIMIT ? OFFSET ?"
        )
        rows = self._rows(sql, [*values, -1 if limit is None else limit, offset])
        return [replace(Record.from_json(json.loads(record)), starred=bool(starred)) for record, starred in rows]

    def _rows(self, sql: str, values: list[Any] | None = None) -> list[Any]:
        return self._database.ask(lambda connection: connection.execute(sql, values or []).fetchall())

    def _take_in(self, connection: sqlite3.Connection) -> None:
        known = {name for (name,) in connection.execute("SELECT name FROM segments")}
        for segment in self._journal.open_segments():  # before the closed ones are listed: none is missed in between
            apply(connection, segment.records)
        for name in self._journal.closed_segments():
            if name not in known:
                apply(connection, self._journal.read(name).records)
                connection.execute("INSERT INTO segments VALUES (?)", [name])
