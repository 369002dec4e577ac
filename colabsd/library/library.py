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
from typing import Any, Self, TypeAlias

from colabsd import __version__
from colabsd.artifacts import Picture
from colabsd.errors import UnknownPictureError
from colabsd.library.index import PICTURE, Index
from colabsd.library.infotext import infotext_of, write_infotext
from colabsd.library.jobs import Job, Jobs
from colabsd.library.manifest import check_length, manifest_of, write_manifest
from colabsd.library.picture_files import EXTENSIONS, ImageFormat, encode_picture
from colabsd.library.query import parse_query
from colabsd.library.record import Record, record_of
from colabsd.library.scan import file_sha256, relative_path
from colabsd.library.verification import Verdict, verify
from colabsd.planning.plans import ImagePlan
from colabsd.progress import Progress
from colabsd.storage.budget import check_room, picture_bytes
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.names import RandomBytes, picture_names, runtime_name
from colabsd.storage.publish import publish_into, sweep
from colabsd.storage.workspace import Workspace

__all__ = ["Job", "KeptPicture", "Library", "Verdict", "open_library"]

PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pillow")
SHORTEST_KEY = 4
Clock = Callable[[], datetime]
# Within Library the word `list` is its method.
RecordList: TypeAlias = list[Record]
JobList: TypeAlias = list[Job]


@dataclass(frozen=True)
class KeptPicture:
    """A picture that is a file now. `path` is absolute."""

    picture: Picture
    path: Path
    record: Record


class Library:
    """The pictures and jobs of one workspace. `clock` tells the time with its zone."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
        disk: Disk | None = None,
    ) -> None:
        self.workspace = workspace
        self._journal = journal
        self._clock = clock
        self._random_bytes = random_bytes
        self._disk = disk or Disk()
        self._index = Index(workspace.local / "library.sqlite", journal)
        self._jobs = Jobs(workspace, journal, self._index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Publish what the journal holds and let go of every lock. The library can go on being used."""
        self._index.close()
        self._jobs.unlock_all()
        self._journal.close()

    def start_job(self, settings: Mapping[str, Any], plan: Mapping[str, Any], image_format: ImageFormat) -> Job:
        """Write down what is to be drawn, before it is, and hold its lock.

        Raises: StorageError when the folder cannot be written to or has no room for it, InvalidSettingError when the
        prompt is too long to be written into a picture.
        """
        self.workspace.prepare()
        started = self._clock()
        planned = ImagePlan.from_json(plan)
        drawings = planned.drawings
        for index in range(len(drawings)) if planned.prompting else (0,):
            check_length(drawings[index], settings, planned.prompting_of(index))
        check_room(self.workspace.root, sum(picture_bytes(drawing.width, drawing.height) for drawing in drawings))
        sweep(self.workspace)
        self._journal.recover()
        job = Job(runtime_name(started, self._random_bytes), started, settings, plan, image_format)
        self._jobs.start(job)
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
        infotext = write_infotext(infotext_of(picture.drawing, f"colabsd {__version__}", prompting))
        encoded = encode_picture(picture.image, infotext, write_manifest(manifest), job.image_format)
        names = picture_names(created, picture.index, EXTENSIONS[encoded.format], self._random_bytes)
        folder = self.workspace.day_folder(created.date())
        published = publish_into(self.workspace, encoded.data, folder, names, self._disk)
        record = record_of(manifest, relative_path(self.workspace, published.path), published)
        self._journal.append(PICTURE, record.as_json())
        return KeptPicture(picture, published.path, record)

    def finish_job(self, job: Job) -> None:
        """Note that all of a job is drawn. Raises: StorageError."""
        self._jobs.finish(job)

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

    def list(self, limit: int | None = None) -> RecordList:
        """The pictures, newest first. Raises: StorageError."""
        return self.search("", limit)

    def search(self, query: str, limit: int | None = None) -> RecordList:
        """The pictures that a query asks for (see `query.py`), newest first. Raises: QueryError, StorageError."""
        parsed = parse_query(query)
        self._index.catch_up()
        return self._index.search(parsed, limit)

    def find(self, name: str) -> Record:
        """The picture of a file (a copy elsewhere too), a file name, or the first four or more digits of a key.

        Of several pictures with one key it is the newest. Raises: UnknownPictureError, StorageError.
        """
        self._index.catch_up()
        found = self._of_file(name) or self._index.by_name(name)
        if not found and len(name) >= SHORTEST_KEY:
            found = self._index.by_key(name.lower())
            if len({record.key for record in found}) > 1:
                raise UnknownPictureError("error.picture.ambiguous", name=name, count=len(found))
        if not found:
            raise UnknownPictureError(name=name)
        return found[0]

    def verify(self) -> Iterator[Progress | Verdict]:
        """Every file against its hash, every unknown picture file, every damaged line. Raises: StorageError."""
        self._index.catch_up()
        return verify(self.workspace, self._journal, self._index)

    def rebuild(self) -> int:
        """Make the index anew from the journal and from the pictures that the journal does not know.

        So it is made from the journal alone, or from the pictures alone. Says how many pictures it knows then.
        Raises: StorageError.
        """
        self._index.forget()
        self._index.catch_up()
        self._jobs.adopt()
        return len(self._index.paths())

    def _of_file(self, name: str) -> RecordList:
        """The records of a path in the workspace (there or gone), else of the bytes of a file elsewhere."""
        path = Path(name).expanduser()
        try:
            inside = path.resolve() if path.is_absolute() or path.exists() else self.workspace.root / path
            is_file = path.is_file()
        except (OSError, ValueError):  # no name that a file can have
            return []
        if inside.is_relative_to(self.workspace.root):
            return self._index.by_path(relative_path(self.workspace, inside))
        return self._index.by_sha256(file_sha256(path)) if is_file else []

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        """What pictures are made with, where it is installed."""
        versions = {"colabsd": __version__, "python": python_version()}
        for name in PACKAGES:
            with suppress(PackageNotFoundError):
                versions[name] = version(name)
        return versions


def open_library(workspace: Workspace) -> Library:
    """The library of a workspace, for this process. Makes and writes nothing yet."""

    def clock() -> datetime:
        return datetime.now().astimezone()

    return Library(workspace, Journal(workspace, runtime_name(clock(), secrets.token_bytes), clock), clock)
