"""Deleting pictures for good. Knows nothing of who asked for it.

The journal is told first, and in the workspace itself: from then on the pictures are not in the library any more,
whatever is killed, and neither the index made anew nor a job that goes on brings them back. Then the files go, with
their thumbnails and the copies of what they were made from that nothing else needs; what could not be removed (Drive
is away) is removed with the next deletion.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from colabsd.errors import StorageError
from colabsd.library.entries import DELETED, REMOVED
from colabsd.library.index import Index, Tombstone
from colabsd.library.inputs import input_copies
from colabsd.library.lineage import inputs_of, is_needed
from colabsd.library.record import Record
from colabsd.progress import Progress
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.removal import remove_for_good
from colabsd.storage.workspace import Workspace


@dataclass(frozen=True)
class Deletion:
    """What deleting would take away: pictures, and the copies of others that only they were made from.

    `copies` are paths relative to the workspace; `bytes` is the size of the pictures.
    """

    records: tuple[Record, ...]
    copies: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(record.bytes for record in self.records)


def plan_deletion(workspace: Workspace, index: Index, records: Sequence[Record]) -> Deletion:
    """What deleting these would take away. Raises: StorageError."""
    once = {record.path: record for record in records}
    digests = sorted({digest for record in once.values() for digest in inputs_of(workspace, index, record)})
    copies = [
        copy
        for digest in digests
        if not is_needed(workspace, index, digest, without=once)
        for copy in input_copies(workspace, digest)
    ]
    return Deletion(tuple(once.values()), tuple(copies))


def delete_pictures(
    records: Sequence[Record], journal: Journal, index: Index, forget_thumbnail: Callable[[str], None], disk: Disk
) -> Iterator[Progress]:
    """Delete them; yields a report for each file that is gone.

    Closing it leaves the other files for the next deletion; the pictures are deleted all the same. Raises:
    StorageError, after everything that could be removed is.
    """
    for record in {record.path: record for record in records}.values():
        inputs = sorted(inputs_of(journal.workspace, index, record))
        told = {"path": record.path, "sha256": record.sha256, "job": record.job, "index": record.index}
        journal.append(DELETED, {**told, "inputs": inputs})
    journal.publish()
    index.catch_up()
    yield from remove_deleted(journal, index, forget_thumbnail, disk)


def remove_deleted(
    journal: Journal, index: Index, forget_thumbnail: Callable[[str], None], disk: Disk
) -> Iterator[Progress]:
    """Remove the files of deleted pictures that may still be there. Raises: StorageError, as `delete_pictures`."""
    tombstones = index.tombstones()
    gone: list[str] = []
    trouble: StorageError | None = None
    try:
        for done, tombstone in enumerate(tombstones, start=1):
            try:
                if _remove(tombstone, journal.workspace, index, forget_thumbnail, disk):
                    gone.append(tombstone.path)
            except StorageError as error:
                trouble = trouble or error
            yield Progress(stage="delete", done=done, total=len(tombstones))
    finally:
        if gone:
            journal.append(REMOVED, {"paths": gone})
            journal.publish()
            index.catch_up()
    if trouble is not None:
        raise trouble


def _remove(
    tombstone: Tombstone, workspace: Workspace, index: Index, forget_thumbnail: Callable[[str], None], disk: Disk
) -> bool:
    """Whether all that belonged to the picture alone is gone for good."""
    gone = remove_for_good(workspace, tombstone.path, disk)
    if not index.by_sha256(tombstone.sha256):
        forget_thumbnail(tombstone.sha256)
    for digest in tombstone.inputs:
        if not is_needed(workspace, index, digest):
            gone = all([gone, *(remove_for_good(workspace, copy, disk) for copy in input_copies(workspace, digest))])
    return gone
