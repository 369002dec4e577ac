"""The tables of the search index, as the steps that made them. A new version is one more function at the end."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

Step: TypeAlias = Callable[[sqlite3.Connection], None]


def create_tables(connection: sqlite3.Connection) -> None:
    """Pictures, the words of their prompts, jobs, and the journal segments that are already in."""
    connection.execute(
        "CREATE TABLE pictures (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
        " sha256 TEXT NOT NULL, key TEXT NOT NULL, created_at REAL NOT NULL, day TEXT NOT NULL, job TEXT NOT NULL,"
        " place INTEGER NOT NULL, prompt TEXT NOT NULL, negative TEXT NOT NULL, model TEXT NOT NULL,"
        " sampler TEXT NOT NULL, schedule TEXT NOT NULL, steps INTEGER NOT NULL, guidance REAL NOT NULL,"
        " width INTEGER NOT NULL, height INTEGER NOT NULL, size TEXT NOT NULL, seed TEXT NOT NULL,"
        " record TEXT NOT NULL)"
    )
    for column in ("key", "job", "created_at", "name", "sha256"):
        connection.execute(f"CREATE INDEX pictures_{column} ON pictures ({column})")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5(prompt, negative, tokenize = 'unicode61 remove_diacritics 2')"
    )
    connection.execute(
        "CREATE TABLE jobs (job TEXT PRIMARY KEY, started_at REAL, start TEXT, finished INTEGER NOT NULL DEFAULT 0)"
    )
    connection.execute("CREATE TABLE segments (name TEXT PRIMARY KEY)")


def add_stars_and_deletions(connection: sqlite3.Connection) -> None:
    """The latest star of each picture, the pictures that were deleted, and which pack holds whose thumbnail.

    Journal segments are read once more: an earlier version may have passed over what they tell of these.
    """
    connection.execute(
        "CREATE TABLE stars (path TEXT PRIMARY KEY, starred INTEGER NOT NULL, told_at REAL NOT NULL,"
        " runtime TEXT NOT NULL, number INTEGER NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE deleted (path TEXT PRIMARY KEY, sha256 TEXT, job TEXT, place INTEGER, inputs TEXT,"
        " removed INTEGER NOT NULL DEFAULT 0)"
    )
    connection.execute("CREATE INDEX deleted_job ON deleted (job)")
    connection.execute("CREATE TABLE packs (sha256 TEXT NOT NULL, pack TEXT NOT NULL, PRIMARY KEY (sha256, pack))")
    connection.execute("DELETE FROM segments")


MIGRATIONS: tuple[Step, ...] = (create_tables, add_stars_and_deletions)


def migrate(connection: sqlite3.Connection, steps: Sequence[Step]) -> bool:
    """Bring the tables up to date; False when a newer version of this program made them."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        return False
    for step in steps[version:]:
        step(connection)
    connection.execute(f"PRAGMA user_version = {len(steps)}")
    return True
