"""The thumbnails of a library: in one database on this machine, and in packs in the workspace for the next machine.

A pack is a ZIP of many thumbnails, written once, so that Drive gets few files; the journal tells which holds whose. A
thumbnail that is nowhere (on a new machine, one of the last thirty) is made from its picture. Nothing here is missed
when it is lost.
"""

import io
import sqlite3
import zipfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import StorageError
from colabsd.library.database import LocalDatabase
from colabsd.library.entries import THUMBNAILS
from colabsd.library.index import Index
from colabsd.library.manifest_checks import is_digest
from colabsd.library.migrations import Step
from colabsd.library.record import Record
from colabsd.library.thumbnails import LARGEST_THUMBNAIL, is_thumbnail, make_thumbnail, read_thumbnail
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.publish import publish_into
from colabsd.storage.removal import remove_for_good

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = "thumbnails"
PACK = 32  # thumbnails, about a quarter of a megabyte: a page of the gallery is in two or three
ENDING = ".jpg"


def create_thumbnails(connection: sqlite3.Connection) -> None:
    """Thumbnails by the digest of their picture's file; `pack` is where each was published, NULL: nowhere yet."""
    connection.execute("CREATE TABLE thumbnails (sha256 TEXT PRIMARY KEY, image BLOB NOT NULL, pack TEXT)")
    connection.execute("CREATE INDEX thumbnails_pack ON thumbnails (pack)")


STEPS: tuple[Step, ...] = (create_thumbnails,)


class ThumbnailStore:
    """The thumbnails of one workspace."""

    def __init__(self, path: Path, journal: Journal, index: Index, disk: Disk) -> None:
        self._workspace = journal.workspace
        self._journal = journal
        self._index = index
        self._disk = disk
        self._database = LocalDatabase(path, STEPS, lambda connection: None)
        self._names = (f"{journal.runtime}-{number:06d}.zip" for number in count(1))
        self._read: set[str] = set()
        self._gone: set[str] = set()

    def keep(self, sha256: str, image: "Image") -> None:
        """Keep the thumbnail of a picture that is in memory just now. A failure is no loss and is not told."""
        with suppress(StorageError):
            self._add(sha256, make_thumbnail(image))

    def get(self, record: Record) -> bytes:
        """The thumbnail of a picture, from here, from its pack or from its file, as a JPEG.

        Raises: NotAPictureError when the file is gone or damaged, StorageError.
        """
        found = None
        with suppress(StorageError):  # without a place for thumbnails the picture itself can still be seen
            found = self._known(record.sha256) or self._packed(record.sha256)
        if found is None:
            found = read_thumbnail(self._workspace.locate(record.path))
            with suppress(StorageError):
                self._add(record.sha256, found)
        return found

    def forget(self, sha256: str) -> None:
        """Remove the thumbnail of a deleted picture and the packs that hold it; what else is in them stays here.

        Raises: StorageError.
        """
        for pack in self._index.packs_of(sha256):
            if pack not in self._gone:
                self._take_in(pack)
                remove_for_good(self._workspace, f"{FOLDER}/{pack}", self._disk)
                self._rows("UPDATE thumbnails SET pack = NULL WHERE pack = ?", pack)
                self._gone.add(pack)
        self._rows("DELETE FROM thumbnails WHERE sha256 = ?", sha256)

    def publish(self) -> None:
        """Write as many full packs as there are thumbnails for that are in none. Raises: StorageError."""
        sql = f"SELECT sha256, image FROM thumbnails WHERE pack IS NULL LIMIT {PACK}"
        while len(rows := self._rows(sql)) == PACK:
            name = next(self._names)
            # Told before it is there: a pack that nobody knows of could not be removed with its pictures.
            self._journal.append(THUMBNAILS, {"pack": name, "of": [sha256 for sha256, _ in rows]})
            publish_into(self._workspace, _zipped(rows), self._workspace.root / FOLDER, [name], self._disk)
            self._each("UPDATE thumbnails SET pack = ? WHERE sha256 = ?", [(name, sha256) for sha256, _ in rows])

    def close(self) -> None:
        self._database.close()

    def _known(self, sha256: str) -> bytes | None:
        rows = self._rows("SELECT image FROM thumbnails WHERE sha256 = ?", sha256)
        return rows[0][0] if rows else None

    def _packed(self, sha256: str) -> bytes | None:
        for pack in self._index.packs_of(sha256):
            self._take_in(pack)
            if (found := self._known(sha256)) is not None:
                return found
        return None

    def _take_in(self, pack: str) -> None:
        """Put what a pack holds into the database, once; one that is gone or damaged holds nothing."""
        if pack in self._read | self._gone:
            return
        self._read.add(pack)
        held = _unzipped(self._workspace.locate(f"{FOLDER}/{pack}"))
        rows = [(sha256, image, pack) for sha256, image in held]
        self._each("INSERT OR IGNORE INTO thumbnails VALUES (?, ?, ?)", rows)

    def _add(self, sha256: str, image: bytes) -> None:
        """Keep a new thumbnail; whenever there are enough for another pack, try to publish."""
        self._rows("INSERT OR REPLACE INTO thumbnails (sha256, image) VALUES (?, ?)", sha256, image)
        loose = self._rows("SELECT COUNT(*) FROM thumbnails WHERE pack IS NULL")[0][0]
        if loose % PACK == 0:  # after a failure only when as many have come again
            with suppress(StorageError):
                self.publish()

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._database.ask(lambda connection: connection.execute(sql, values).fetchall())

    def _each(self, sql: str, rows: list[Any]) -> None:
        self._database.ask(lambda connection: connection.executemany(sql, rows))


def _zipped(rows: list[Any]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as pack:
        for sha256, image in rows:
            pack.writestr(zipfile.ZipInfo(sha256 + ENDING), image)
    return file.getvalue()


def _unzipped(path: Path) -> list[tuple[str, bytes]]:
    """The thumbnails of a pack by digest; what cannot be one is left out."""
    try:
        if path.stat().st_size > 2 * PACK * LARGEST_THUMBNAIL:
            return []
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as pack:
            fitting = [
                info
                for info in pack.infolist()[:PACK]
                if info.compress_type == zipfile.ZIP_STORED
                and info.file_size <= LARGEST_THUMBNAIL
                and is_digest(info.filename.removesuffix(ENDING))
            ]
            found = [(info.filename.removesuffix(ENDING), pack.read(info)) for info in fitting]
    except (OSError, zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError):
        return []
    return [(sha256, image) for sha256, image in found if is_thumbnail(image)]
