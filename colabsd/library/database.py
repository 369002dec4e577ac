"""A SQLite file on the local disk that can always be made again: a damaged one is removed and filled anew."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from colabsd.errors import StorageError
from colabsd.library.migrations import Step, migrate
from colabsd.storage.failures import storage_errors

PATIENCE_S = 30.0
BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
Answer = TypeVar("Answer")
Question = Callable[[sqlite3.Connection], Answer]


class LocalDatabase:
    """One file and its connection, which is made with the first question.

    `steps` make the tables; `refill` puts back what is known elsewhere after the file had to be made anew.
    """

    def __init__(self, path: Path, steps: Sequence[Step], refill: Question[None]) -> None:
        self.path = path
        self._steps = steps
        self._refill = refill
        self._connection: sqlite3.Connection | None = None

    def ask(self, question: Question[Answer]) -> Answer:
        """One question in one transaction; a damaged file is made anew and asked again. Raises: StorageError."""
        try:
            return self._ask_once(question)
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in BROKEN:
                raise StorageError("error.storage.write", path=self.path, reason=str(error)) from error
        self.forget()
        try:
            self._ask_once(self._refill)
            return self._ask_once(question)
        except sqlite3.DatabaseError as error:
            raise StorageError("error.storage.write", path=self.path, reason=str(error)) from error

    def forget(self) -> None:
        """Remove the file; the next question makes it anew. Raises: StorageError."""
        self.close()
        for path in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm", "-journal"))):
            with storage_errors(path):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask_once(self, question: Question[Answer]) -> Answer:
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
            known = migrate(connection, self._steps)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        if known:
            return connection
        connection.close()
        self.forget()
        return self._connect()
