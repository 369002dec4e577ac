"""What the journal's records do to the tables of the index. Applying one twice, or in another order, changes nothing.

picture       a picture is kept                  {the record}
job           a request begins                   {job, settings, plan, format}
job_finished  all of it is drawn                 {job}
star          a star is set or taken away        {path, starred}; of several the latest counts, whoever wrote it
deleted       a picture is deleted, for good     {path, sha256, job, index, inputs}
removed       files of deleted pictures are gone {paths}
thumbnails    a pack of thumbnails is there      {pack, of: [sha256]}
sheet         a sheet of a grid is kept          {job, number, path, sha256, bytes}; no table holds it
film          a film is finished                 {film, path, sha256, key}; no table holds it: films are their folders
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from colabsd.library.manifest_checks import is_digest, is_integer, is_list, is_name
from colabsd.library.query import fold
from colabsd.library.query_sql import seed_text, spaceless
from colabsd.library.record import Record, is_picture_path
from colabsd.storage.journal_lines import JournalRecord

PICTURE, JOB, JOB_FINISHED = "picture", "job", "job_finished"
STAR, DELETED, REMOVED, THUMBNAILS = "star", "deleted", "removed", "thumbnails"
SHEET = "sheet"
FILM = "film"
MOST_PATHS = 100_000


def apply(connection: sqlite3.Connection, entries: Iterable[JournalRecord]) -> None:
    """Take records into the tables; those of an unknown kind or shape are a later version's and are passed over."""
    for entry in entries:
        if entry.kind in KINDS:
            with suppress(KeyError, ValueError, TypeError):
                KINDS[entry.kind](connection, entry)


def _picture(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    row = _row(Record.from_json(entry.data))
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    new = connection.execute(
        f"INSERT OR IGNORE INTO pictures ({names}) SELECT {marks}"
        " WHERE NOT EXISTS (SELECT 1 FROM deleted WHERE path = ?)",
        [*row.values(), row["path"]],
    )
    if new.rowcount:
        connection.execute(
            "INSERT INTO words (rowid, prompt, negative) VALUES (?, ?, ?)",
            [new.lastrowid, row["prompt"], row["negative"]],
        )


def _job(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    start = json.dumps({"time": entry.time.isoformat(), "data": dict(entry.data)})
    connection.execute(
        "INSERT INTO jobs (job, started_at, start) VALUES (?, ?, ?)"
        " ON CONFLICT (job) DO UPDATE SET started_at = excluded.started_at, start = excluded.start",
        [entry.data["job"], entry.time.timestamp(), start],
    )


def _job_finished(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    connection.execute(
        "INSERT INTO jobs (job, finished) VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET finished = 1",
        [entry.data["job"]],
    )


def _star(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    """The latest counts; of two at one moment, the one that the journal puts last."""
    path, starred = entry.data["path"], entry.data["starred"]
    _require(is_picture_path(path) and isinstance(starred, bool))
    connection.execute(
        "INSERT INTO stars (path, starred, told_at, runtime, number) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (path) DO UPDATE SET starred = excluded.starred, told_at = excluded.told_at,"
        " runtime = excluded.runtime, number = excluded.number"
        " WHERE (excluded.told_at, excluded.runtime, excluded.number)"
        " > (stars.told_at, stars.runtime, stars.number)",
        [path, starred, entry.time.timestamp(), entry.runtime, entry.number],
    )


def _deleted(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    data = entry.data
    inputs = data["inputs"]
    _require(is_picture_path(data["path"]) and is_digest(data["sha256"]) and is_name(data["job"]))
    _require(is_integer(0, 2**62)(data["index"]) and is_list(is_digest, MOST_PATHS)(inputs))
    _bury(connection, data["path"])
    connection.execute(
        "UPDATE deleted SET sha256 = ?, job = ?, place = ?, inputs = ? WHERE path = ?",
        [data["sha256"], spaceless(data["job"]), data["index"], json.dumps(inputs), data["path"]],
    )


def _removed(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    paths = entry.data["paths"]
    _require(is_list(is_picture_path, MOST_PATHS)(paths))
    for path in paths:
        _bury(connection, path)
        connection.execute("UPDATE deleted SET removed = 1 WHERE path = ?", [path])


def _bury(connection: sqlite3.Connection, path: str) -> None:
    """Take a picture out of the tables; whatever is told of it from now on, it stays out."""
    connection.execute("INSERT OR IGNORE INTO deleted (path) VALUES (?)", [path])
    connection.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM pictures WHERE path = ?)", [path])
    connection.execute("DELETE FROM pictures WHERE path = ?", [path])


def _thumbnails(connection: sqlite3.Connection, entry: JournalRecord) -> None:
    pack, digests = entry.data["pack"], entry.data["of"]
    _require(is_name(pack) and "/" not in pack and "\\" not in pack and is_list(is_digest, MOST_PATHS)(digests))
    connection.executemany("INSERT OR IGNORE INTO packs VALUES (?, ?)", [(digest, pack) for digest in digests])


def _require(right: bool) -> None:
    if not right:
        raise ValueError("not of the known shape")


KINDS: Mapping[str, Callable[[sqlite3.Connection, JournalRecord], None]] = {
    PICTURE: _picture,
    JOB: _job,
    JOB_FINISHED: _job_finished,
    STAR: _star,
    DELETED: _deleted,
    REMOVED: _removed,
    THUMBNAILS: _thumbnails,
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
