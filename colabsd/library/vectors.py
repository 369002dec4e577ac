"""What pictures look like as vectors, remembered on this machine so that each is looked at once. Knows no scorer."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from colabsd.library.database import LocalDatabase
from colabsd.library.migrations import Step

Vector: TypeAlias = NDArray[np.float32]


def create_vectors(connection: sqlite3.Connection) -> None:
    """Vectors in half precision by who made them and the digest of the picture's file."""
    connection.execute(
        "CREATE TABLE vectors (scorer TEXT NOT NULL, sha256 TEXT NOT NULL, vector BLOB NOT NULL,"
        " PRIMARY KEY (scorer, sha256))"
    )


STEPS: tuple[Step, ...] = (create_vectors,)


class VectorStore:
    """The vectors of one scorer, which is named by what decides them."""

    def __init__(self, path: Path, scorer: str) -> None:
        self._scorer = scorer
        self._database = LocalDatabase(path, STEPS, lambda connection: None)

    def all(self) -> Mapping[str, Vector]:
        """Every vector by the digest of its picture. Raises: StorageError."""
        sql = "SELECT sha256, vector FROM vectors WHERE scorer = ?"
        rows = self._database.ask(lambda connection: connection.execute(sql, (self._scorer,)).fetchall())
        return {sha256: np.frombuffer(data, np.float16).astype(np.float32) for sha256, data in rows}

    def add(self, digests: Sequence[str], vectors: Vector) -> None:
        """Remember (n, d) vectors. Raises: StorageError."""
        pairs = zip(digests, vectors.astype(np.float16), strict=True)
        self._write("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", [(self._scorer, *_bytes(one)) for one in pairs])

    def keep_only(self, digests: Collection[str]) -> None:
        """Forget all others, of whatever scorer: their pictures were deleted. Raises: StorageError."""
        rows = self._database.ask(lambda connection: connection.execute("SELECT sha256 FROM vectors").fetchall())
        self._write("DELETE FROM vectors WHERE sha256 = ?", [row for row in rows if row[0] not in digests])

    def close(self) -> None:
        self._database.close()

    def _write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            self._database.ask(partial(_executed, sql, rows))


def _executed(sql: str, rows: Sequence[tuple[object, ...]], connection: sqlite3.Connection) -> None:
    connection.executemany(sql, rows)


def _bytes(pair: tuple[str, Vector]) -> tuple[str, bytes]:
    return pair[0], pair[1].tobytes()
