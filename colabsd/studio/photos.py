"""Photos to train on: read with all that helps, kept in the workspace as one file a set, and erased on request."""

import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.environment.interrupts import stop_waits
from colabsd.errors import ColabsdError, StorageError, UnknownPhotosError
from colabsd.library.training_runs import TrainingRuns
from colabsd.models.addons import find_addon
from colabsd.planning.photos import PhotoKind
from colabsd.progress import Note, Progress
from colabsd.storage.budget import check_room
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish_into
from colabsd.storage.removal import remove_for_good
from colabsd.storage.workspace import Workspace
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from colabsd.training.faces import FaceFinder
    from colabsd.training.photos import PhotoSet

FOLDER = "photos"
ENDING = ".zip"
NAME_LETTERS = 16  # of the digest of a set
SHORTEST_NAME = 4
MOST_BYTES = 1_000_000_000  # that a set may take: it is in memory while it is written


@dataclass(frozen=True)
class KeptPhotos:
    """A set of photos in the workspace: its digest, whose beginning is its name, and its file."""

    sha256: str
    path: Path
    bytes: int

    @property
    def name(self) -> str:
        return self.sha256[:NAME_LETTERS]


def photos(
    workshop: Workshop, paths: Sequence[str | Path], kind: PhotoKind, model: str | None
) -> "Iterator[Progress | Note | PhotoSet]":
    """See `Studio.photos`."""
    with stop_waits():
        from colabsd.training.photos import read_photos

    size = workshop.model(model).size
    finder = None
    if kind == "person":
        finder = yield from _face_finder(workshop)
    files = [Path(path).expanduser() for path in paths]
    yield from read_photos(files, kind=kind, side=min(size.width, size.height), faces=finder)


def keep_photos(workshop: Workshop, chosen: "PhotoSet") -> KeptPhotos:
    """See `Studio.keep_photos`."""
    from colabsd.training.photo_archive import pack_photos

    workspace, sha256 = workshop.workspace, chosen.sha256
    known = next((kept for kept in photo_sets(workspace) if kept.sha256 == sha256), None)
    if known is not None:
        return known
    total = chosen.facts.bytes
    if total > MOST_BYTES:
        raise StorageError(
            "error.photos.too_many_bytes",
            path=workspace.root / FOLDER,
            mb=f"{total / 1e6:.0f}",
            limit=MOST_BYTES // 10**6,
        )
    workspace.prepare_to_keep()
    check_room(workspace.near, total)
    data = pack_photos(chosen)
    published = publish_into(workspace, data, workspace.root / FOLDER, [sha256 + ENDING])
    workshop.library.tend()
    return KeptPhotos(sha256, published.path, published.bytes)


def kept_photos(workshop: Workshop, name: str) -> "PhotoSet":
    """See `Studio.kept_photos`."""
    from colabsd.training.photo_archive import unpack_photos

    kept = find_kept(workshop.workspace, name)
    with storage_errors(kept.path):
        data = kept.path.read_bytes()
    return unpack_photos(data, _unpacked(workshop.workspace, kept), kept.sha256)


def photo_sets(workspace: Workspace) -> list[KeptPhotos]:
    """The sets that are kept, by their names, wherever each file is now."""
    found: dict[str, KeptPhotos] = {}
    for folder in (*workspace.places(FOLDER), workspace.outbox / FOLDER):
        with suppress(OSError):
            for path in sorted(folder.glob(f"*{ENDING}")):
                found.setdefault(path.stem, KeptPhotos(path.stem, path, path.stat().st_size))
    return sorted(found.values(), key=lambda kept: kept.sha256)


def find_kept(workspace: Workspace, name: str) -> KeptPhotos:
    """The set of that name or of that beginning of a name. Raises: UnknownPhotosError."""
    wanted = name.strip().casefold()
    all_kept = photo_sets(workspace)
    found = [kept for kept in all_kept if len(wanted) >= SHORTEST_NAME and kept.sha256.startswith(wanted)]
    if len(found) != 1:
        key = "error.photos.unknown" if all_kept else "error.photos.none_kept"
        raise UnknownPhotosError(key, name=name, known=", ".join(kept.name for kept in all_kept))
    return found[0]


def erase_photos(workshop: Workshop, name: str) -> tuple[str, ...]:
    """See `Studio.erase_photos`."""
    workspace = workshop.workspace
    kept = find_kept(workspace, name)
    runs = TrainingRuns(workspace)
    trained = [run for run in runs.all() if kept.sha256 in run.photos]
    for run in trained:
        runs.forget_photos(run)
    remove_for_good(workspace, f"{FOLDER}/{kept.sha256}{ENDING}")
    unpacked = _unpacked(workspace, kept)
    with storage_errors(unpacked):
        if unpacked.is_dir():
            shutil.rmtree(unpacked)
    return tuple(run.name for run in trained)


def _unpacked(workspace: Workspace, kept: KeptPhotos) -> Path:
    return workspace.local / FOLDER / kept.name


def _face_finder(workshop: Workshop) -> "Generator[Progress | Note, None, FaceFinder | None]":
    """The detector of faces; None with a note where it cannot be had: crops then go by what stands out."""
    from colabsd.training.faces import INSTALL, WEIGHTS, can_find_faces, load_faces

    if not can_find_faces():
        yield Note("error.photos.faces", {"name": "opencv-python-headless", "command": INSTALL})
        return None
    row = find_addon(WEIGHTS)
    assert row is not None, "the catalog has a row for it"
    try:
        kept = yield from workshop.cache.bring(row.wanted)
        return load_faces(kept.folder / row.files[0].name)
    except ColabsdError:
        yield Note("note.photos.faces_failed", {"name": row.name, "source": row.source})
        return None
