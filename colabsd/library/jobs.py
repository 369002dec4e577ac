"""Jobs: requests of one or more pictures that may be killed and continued. Knows nothing of how pictures are drawn.

A job is written down before its first picture. Its pictures carry job and index in their manifests, so a picture whose
journal line was lost by a kill is recognised by its file. A job is unfinished when the journal has no end of it and no
living process of this machine holds its lock; a process on another machine that shares the folder cannot be seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from colabsd.errors import JobRunningError
from colabsd.library.entries import JOB, JOB_FINISHED, PICTURE
from colabsd.library.index import Index, StartedJob
from colabsd.library.picture_files import IMAGE_FORMATS, ImageFormat
from colabsd.library.record import Record
from colabsd.library.scan import is_whole, read_record, unknown_files
from colabsd.planning.plans import ImagePlan
from colabsd.storage.failures import storage_errors
from colabsd.storage.journal import Journal
from colabsd.storage.locks import Lock
from colabsd.storage.workspace import Workspace

# A picture's day folder is named by its own clock's day, which may be the day before another zone's.
ZONES = timedelta(days=1)


@dataclass(frozen=True)
class Job:
    """One request: `settings` as asked, `plan` as plain data (`ImagePlan.from_json`), `kept` the indexes done."""

    id: str
    started: datetime
    settings: Mapping[str, Any]
    plan: Mapping[str, Any]
    image_format: ImageFormat
    kept: frozenset[int] = frozenset()

    @property
    def total(self) -> int:
        """How many pictures it is to have."""
        return len(self.plan["drawings"])

    @property
    def is_grid(self) -> bool:
        """Whether its pictures are cells of a grid: then it is finished by its sheets, not by the last picture."""
        return "grid" in self.plan


class Jobs:
    """The jobs of a workspace, and the locks of those that this process is drawing."""

    def __init__(self, workspace: Workspace, journal: Journal, index: Index) -> None:
        self._workspace = workspace
        self._journal = journal
        self._index = index
        self._locks: dict[str, Lock] = {}

    def start(self, job: Job) -> None:
        """Write the job down and lock it.

        With more than one picture it goes to the workspace at once, so that another machine can continue it.
        """
        self.lock(job.id)
        data = {"job": job.id, "settings": dict(job.settings), "plan": dict(job.plan), "format": job.image_format}
        self._journal.append(JOB, data)
        if job.total > 1:
            self._journal.publish()

    def finish(self, job: Job) -> None:
        """Write down that all is drawn, in the workspace itself: this machine may be gone the next minute."""
        self._journal.append(JOB_FINISHED, {"job": job.id})
        self._journal.publish()

    def lock(self, job: str) -> None:
        """Hold the job until `unlock` or this process's end. Raises: JobRunningError when somebody else does."""
        if job in self._locks:
            return
        folder = self._workspace.local / "jobs"
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = Lock.take(folder / f"{job}.lock")
        if lock is None:
            raise JobRunningError(job=job)
        self._locks[job] = lock

    def holds(self, job: str) -> bool:
        """Whether this process holds the job."""
        return job in self._locks

    def unlock(self, job: str) -> None:
        lock = self._locks.pop(job, None)
        if lock is not None:
            lock.release()

    def unlock_all(self) -> None:
        for job in list(self._locks):
            self.unlock(job)

    def unfinished(self) -> list[Job]:
        """Jobs that nobody is drawing and that lack pictures, oldest first.

        Takes in what killed processes left. A job that lacks nothing but its last line gets it. Raises: StorageError.
        """
        self._journal.recover()
        self._index.catch_up()
        idle = [started for started in self._index.unfinished_jobs() if self._is_idle(started.job)]
        if idle:
            self.adopt(min(started.started for started in idle))
        jobs = [job for job in map(self._job, idle) if job is not None]
        lacking = [job for job in jobs if len(job.kept) < job.total or job.is_grid]
        for job in jobs:
            if job not in lacking:
                self.finish(job)
        return lacking

    def renew(self, job: Job) -> Job:
        """The job with what is kept of it now (all of it, when somebody else has finished it)."""
        self._index.catch_up()
        if self._index.is_finished(job.id):
            return replace(job, kept=frozenset(range(job.total)))
        return replace(job, kept=self._kept(job.id, job.plan))

    def adopt(self, since: datetime | None = None) -> int:
        """Write down pictures that lie in the folder but not in the journal; says how many. Raises: StorageError."""
        day = None if since is None else (since - ZONES).date()
        adopted = 0
        for path in unknown_files(self._workspace, self._index.known_paths(), day):
            record = read_record(self._workspace, path)
            if record is not None and not self._is_double(record):
                self._journal.append(PICTURE, record.as_json())
                adopted += 1
        self._index.catch_up()
        return adopted

    def _is_double(self, record: Record) -> bool:
        """Drive can have one file twice, after a rename that it told to have failed."""
        return self._workspace.remote and bool(self._index.by_sha256(record.sha256))

    def _is_idle(self, job: str) -> bool:
        if job in self._locks:
            return False
        try:
            self.lock(job)
        except JobRunningError:
            return False
        self.unlock(job)
        return True

    def _job(self, started: StartedJob) -> Job | None:
        """The job as it stands, or None when its start cannot be read (a later version wrote it)."""
        start = started.start
        try:
            ImagePlan.from_json(start["plan"])
            image_format = next(name for name in IMAGE_FORMATS if name == start["format"])
            kept = self._kept(started.job, start["plan"])
            return Job(started.job, started.started, start["settings"], start["plan"], image_format, kept)
        except (KeyError, TypeError, ValueError, StopIteration):
            return None

    def _kept(self, job: str, plan: Mapping[str, Any]) -> frozenset[int]:
        """Indexes of the pictures whose files are whole and that are what the plan says, or that were deleted."""
        drawings = ImagePlan.from_json(plan).drawings
        kept = (
            record.index
            for record in self._index.by_job(job)
            if record.index < len(drawings)
            and record.key == drawings[record.index].key
            and is_whole(self._workspace, record)
        )
        return frozenset(range(len(drawings))) & self._index.deleted_places(job) | frozenset(kept)
