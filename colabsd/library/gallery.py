"""The gallery: kept pictures found, looked at, starred, taken along and deleted. Knows nothing of how they are kept."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from colabsd.library.deletion import Deletion, delete_pictures, plan_deletion
from colabsd.library.entries import STAR
from colabsd.library.export import export_zip
from colabsd.library.finding import find_picture
from colabsd.library.index import Index
from colabsd.library.manifest import Manifest, read_manifest
from colabsd.library.query import parse_query
from colabsd.library.record import Record
from colabsd.library.scan import is_whole
from colabsd.library.thumbnail_store import ThumbnailStore
from colabsd.progress import Progress
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.workspace import Workspace

# Within Gallery the word `list` is its method.
RecordList: TypeAlias = list[Record]


class Gallery:
    """The pictures of one workspace, as they are kept. Every method raises StorageError when the disk fails."""

    def __init__(self, workspace: Workspace, journal: Journal, disk: Disk) -> None:
        self.workspace = workspace
        self._journal = journal
        self._disk = disk
        self._index = Index(workspace.local / "library.sqlite", journal)
        self._thumbnails = ThumbnailStore(workspace.local / "thumbnails.sqlite", journal, self._index, disk)

    def list(self, limit: int | None = None, offset: int = 0) -> RecordList:
        """The pictures, newest first."""
        return self.search("", limit, offset)

    def search(self, query: str, limit: int | None = None, offset: int = 0) -> RecordList:
        """The pictures that a query asks for (see `query.py`), newest first: a page of `limit`, after `offset` others.

        Raises: QueryError.
        """
        parsed = parse_query(query)
        self._index.catch_up()
        return self._index.search(parsed, limit, offset)

    def count(self, query: str = "") -> int:
        """How many pictures a query asks for. Raises: QueryError."""
        parsed = parse_query(query)
        self._index.catch_up()
        return self._index.count(parsed)

    def find(self, name: str) -> Record:
        """The picture of a file (a copy elsewhere too), a file name, or the first four or more digits of a key.

        Of several pictures with one key it is the newest. Raises: UnknownPictureError.
        """
        return self.find_all([name])[0]

    def find_all(self, names: Sequence[str]) -> RecordList:
        """The picture of each name, as `find` finds it. Raises: UnknownPictureError when one is unknown."""
        self._index.catch_up()
        return [find_picture(self.workspace, self._index, name) for name in names]

    def find_file(self, sha256: str) -> Record | None:
        """The picture whose file has that digest, or None."""
        self._index.catch_up()
        return next(iter(self._index.by_sha256(sha256)), None)

    def of_keys(self, keys: Collection[str]) -> Mapping[str, Record]:
        """The newest picture of each of these keys that there is."""
        self._index.catch_up()
        return {record.key: record for record in reversed(self._index.of_keys(keys))}

    def is_whole(self, record: Record) -> bool:
        """Whether a picture's file is there as it was kept."""
        return is_whole(self.workspace, record)

    def manifest(self, record: Record) -> Manifest:
        """What a picture says of itself. Raises: NotAPictureError, NoManifestError, DamagedManifestError."""
        return read_manifest(self.workspace.locate(record.path))

    def thumbnail(self, record: Record) -> bytes:
        """A JPEG of at most 192 pixels a side. Raises: NotAPictureError when the file is gone, damaged or hostile."""
        return self._thumbnails.get(record)

    def star(self, name: str, on: bool = True) -> Record:
        """Give a picture a star, or take it away; the picture as it is then.

        Written down once more whenever it is said, so that of several machines the one that spoke last is right. Stars
        are in the journal alone, not in the pictures. Raises: UnknownPictureError.
        """
        record = self.find(name)
        self._journal.append(STAR, {"path": record.path, "starred": on})
        return self.find_all([record.path])[0]

    def deletion(self, names: Sequence[str]) -> Deletion:
        """What deleting these pictures would take away. Raises: UnknownPictureError."""
        return plan_deletion(self.workspace, self._index, self.find_all(names))

    def delete(self, names: Sequence[str]) -> Iterator[Progress]:
        """Delete pictures for good, with their thumbnails and with copies of others that only they were made from.

        Missing files are fine. Closing the iterator leaves files that the next deletion removes; the pictures are
        deleted all the same. Raises: UnknownPictureError, before anything is deleted.
        """
        records = self.find_all(names)
        return delete_pictures(records, self._journal, self._index, self._thumbnails.forget, self._disk)

    def export_zip(self, names: Sequence[str], path: Path, *, with_text: bool = False) -> Iterator[Progress]:
        """Write pictures into a new ZIP file; `with_text` puts each one's settings beside it, as A1111 writes them.

        Closing the iterator leaves nothing. Raises: UnknownPictureError, also when a file is gone.
        """
        return export_zip(self.workspace, self.find_all(names), path, with_text=with_text)
