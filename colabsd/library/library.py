"""The library: pictures kept and found. Knows nothing of how they are drawn."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from colabsd import __version__
from colabsd.artifacts import Picture
from colabsd.library.deletion import remove_deleted
from colabsd.library.entries import FILM, PICTURE, SHEET
from colabsd.library.films import Film
from colabsd.library.gallery import Gallery
from colabsd.library.infotext import infotext_of, write_infotext
from colabsd.library.jobs import Job, Jobs
from colabsd.library.manifest import check_length, manifest_of, write_manifest
from colabsd.library.picture_files import EXTENSIONS, ImageFormat, encode_picture
from colabsd.library.query import Query
from colabsd.library.record import Record, record_of
from colabsd.library.saving import FLUSH_S, DriveCare, Saving
from colabsd.library.scan import relative_path
from colabsd.library.sheet_files import FOLDER as SHEETS
from colabsd.library.sheet_files import KeptSheet, SheetCell, sheet_file, sheets_of
from colabsd.library.verification import Verdict, verify
from colabsd.planning.plans import ImagePlan
from colabsd.progress import Note, Progress
from colabsd.storage.budget import check_room, picture_bytes
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.ledger import LOG, LedgerState
from colabsd.storage.names import RandomBytes, picture_names, runtime_name, sheet_names
from colabsd.storage.publish import publish_into, sweep
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Job", "KeptPicture", "KeptSheet", "Library", "Verdict", "open_library"]

PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pillow")
Clock = Callable[[], datetime]
# Within Library the word `list` is its method.
JobList: TypeAlias = list[Job]


@dataclass(frozen=True)
class KeptPicture:
    """A picture that is a file now. `path` is absolute."""

    picture: Picture
    path: Path
    record: Record


class Library(Gallery):
    """The pictures and jobs of one workspace. `clock` tells the time with its zone."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
        disk: Disk | None = None,
        care: DriveCare | None = None,
    ) -> None:
        super().__init__(workspace, journal, disk or Disk())
        self._clock = clock
        self._random_bytes = random_bytes
        self._jobs = Jobs(workspace, journal, self._index)
        self._saving = Saving(workspace, journal, care or DriveCare(), disk)
        journal.before_reading = self._saving.read_journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Publish what the journal holds, wait for Drive, let go of every lock. It can go on being used."""
        self._index.close()
        self._thumbnails.close()
        self._jobs.unlock_all()
        self._saving.close()
        self._journal.close()

    def ledger(self) -> LedgerState:
        """How many pictures are on Drive, how many on the way there, and what is wrong. Asks nothing of Drive."""
        return self._saving.state()

    def tend(self) -> None:
        """Do for Drive what only the main thread may do. To be called often: between steps, with every press."""
        self._saving.tend()

    def flush(self, limit_s: float = FLUSH_S) -> Iterator[Progress | Note]:
        """Wait until all is on Drive, at most that long; a Note at the end tells what is not."""
        return self._saving.flush(limit_s)

    def start_job(self, settings: Mapping[str, Any], plan: Mapping[str, Any], image_format: ImageFormat) -> Job:
        """Write down what is to be drawn, before it is, and hold its lock.

        Raises: StorageError when the folder cannot be written to or has no room for it, InvalidSettingError when the
        prompt is too long to be written into a picture.
        """
        self.workspace.prepare_to_keep()
        started = self._clock()
        planned = ImagePlan.from_json(plan)
        drawings = planned.drawings
        first = {(drawing.prompt, drawing.negative_prompt): index for index, drawing in enumerate(drawings)}
        for index in range(len(drawings)) if planned.prompting else first.values():
            check_length(drawings[index], settings, planned.prompting_of(index))
        sizes = [drawing.picture_size for drawing in drawings]
        check_room(self.workspace.near, sum(picture_bytes(size.width, size.height) for size in sizes))
        sweep(self.workspace)
        self._journal.recover()
        job = Job(runtime_name(started, self._random_bytes), started, settings, plan, image_format)
        self._jobs.start(job)
        self._saving.wake()
        return job

    def keep(self, picture: Picture, job: Job, model_files: Mapping[str, str] | None = None) -> KeptPicture:
        """Write a finished picture into the workspace, once and whole, and note it. Raises: StorageError.

        `model_files` are the sha256 of the model's files by name.
        """
        created = self._clock()
        manifest = manifest_of(
            picture,
            settings=job.settings,
            job=job.id,
            created=created,
            model_files=model_files or {},
            versions=self._versions,
        )
        prompting = picture.extras.get("prompting", {})
        hashes = picture.extras.get("lora_hashes", {})
        infotext = write_infotext(infotext_of(picture.drawing, f"colabsd {__version__}", prompting, hashes))
        encoded = encode_picture(picture.image, infotext, write_manifest(manifest), job.image_format)
        names = picture_names(created, picture.index, EXTENSIONS[encoded.format], self._random_bytes)
        folder = self.workspace.day_folder(created.date())
        published = publish_into(self.workspace, encoded.data, folder, names, self._disk)
        record = record_of(manifest, relative_path(self.workspace, published.path), published)
        self._journal.append(PICTURE, record.as_json())
        self._thumbnails.keep(record.sha256, picture.image)
        self._saving.wake()
        return KeptPicture(picture, published.path, record)

    def keep_sheet(
        self, image: "Image", job: Job, number: int, cells: tuple[SheetCell, ...], grid: Mapping[str, Any]
    ) -> KeptSheet:
        """Write a sheet of a grid into the workspace, once and whole, and note it. Raises: StorageError.

        `grid` is plain data: the grid's settings, and what its study found.
        """
        created = self._clock()
        data = sheet_file(image, job=job.id, number=number, created=created, grid=grid, cells=cells)
        names = sheet_names(created, number, self._random_bytes)
        published = publish_into(self.workspace, data, self.workspace.root / SHEETS, names, self._disk)
        path = relative_path(self.workspace, published.path)
        facts = {"job": job.id, "number": number, "path": path, "sha256": published.sha256, "bytes": published.bytes}
        self._journal.append(SHEET, facts)
        return KeptSheet(published.path, cells, number)

    def keep_film(self, film: Film) -> None:
        """Note that a film came out, and let it go to Drive. Raises: StorageError."""
        facts = {"film": film.name, "path": film.files[0], "sha256": film.sha256, "key": film.plan.key}
        self._journal.append(FILM, facts)
        self._saving.wake()

    def wake(self) -> None:
        """Something was put into the workspace besides pictures: bring it to Drive soon."""
        self._saving.wake()

    def sheets_of(self, job: Job) -> Mapping[int, Path]:
        """The sheets of a grid that are kept already, by their numbers. Raises: StorageError."""
        return sheets_of(self.workspace, job.id, job.started)

    def finish_job(self, job: Job) -> None:
        """Note that all of a job is drawn. Raises: StorageError."""
        self._jobs.finish(job)
        self._saving.wake()

    @contextmanager
    def lock_job(self, job: Job) -> Iterator[Job]:
        """Hold a job while it is drawn; gives it with what is kept of it now. Raises: JobRunningError."""
        fresh = self._jobs.holds(job.id)  # started here just now: nothing of it is kept
        self._jobs.lock(job.id)
        try:
            yield job if fresh else self._jobs.renew(job)
        finally:
            self._jobs.unlock(job.id)

    def unfinished_jobs(self) -> JobList:
        """Jobs that were stopped or killed and that nobody is drawing, oldest first. Raises: StorageError."""
        sweep(self.workspace)
        return self._jobs.unfinished()

    def verify(self) -> Iterator[Progress | Verdict]:
        """Every file against its hash, every unknown picture file, every damaged line. Raises: StorageError."""
        self._index.catch_up()
        return verify(self.workspace, self._journal, self._index)

    def rebuild(self) -> int:
        """Make the index anew from the journal and from the pictures that the journal does not know.

        So it is made from the journal alone, or from the pictures alone; deleted pictures whose files are still there
        lose them now. Says how many pictures it knows then. Raises: StorageError.
        """
        self._index.forget()
        self._index.catch_up()
        self._jobs.adopt()
        for _ in remove_deleted(self._journal, self._index, self._thumbnails.forget, self._disk):
            pass
        return self._index.count(Query())

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        """What pictures are made with, where it is installed."""
        versions = {"colabsd": __version__, "python": python_version()}
        for name in PACKAGES:
            with suppress(PackageNotFoundError):
                versions[name] = version(name)
        return versions


def open_library(
    workspace: Workspace, *, remount: Callable[[], bool] | None = None, log: Path | None = None
) -> Library:
    """The library of a workspace, for this process. Makes and writes nothing yet.

    `remount` mounts Drive again and says whether it did; `tend` and `flush` call it. `log` is where Colab writes what
    goes wrong with Drive, None for its usual place.
    """

    def clock() -> datetime:
        return datetime.now().astimezone()

    journal = Journal(workspace, runtime_name(clock(), secrets.token_bytes), clock)
    return Library(workspace, journal, clock, care=DriveCare(remount=remount, log=log or Path.home() / LOG))
