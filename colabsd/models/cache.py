"""The weight cache: what a model needs, brought once, checked, kept as plain files, and staged before it is loaded.

On an ordinary disk a model lives in `models/` of the workspace and is loaded from there. Where the workspace lies on
Drive, a model is loaded from the machine's own disk only; `models/` on Drive is where it survives the machine.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from colabsd.errors import DamagedWeightsError, DownloadError, StorageError, UnknownModelError
from colabsd.models.cards import HubFile
from colabsd.models.digests import remember_digests
from colabsd.models.download import Wanted, look_up, start_download
from colabsd.models.hub import Hub
from colabsd.models.nearby import bring_near
from colabsd.models.room import Forecast, Room, announce_drive, check_room, fits_drive, gigabytes, read_wishes, room_on
from colabsd.models.shelf import (
    UNFINISHED,
    KeptModel,
    check_shelf,
    first_seen,
    list_kept,
    publish_kept,
    read_kept,
    remove_kept,
    sweep_shelf,
    throw_away,
)
from colabsd.models.speeds import megabytes, read_speeds, remember_speed
from colabsd.models.transfer import copy_model
from colabsd.models.wanted import wanted_files
from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.locks import Lock
from colabsd.storage.mounts import is_remote
from colabsd.storage.workspace import Workspace

Event: TypeAlias = Progress | Note
ENDPOINT_VARIABLE = "HF_ENDPOINT"  # the hub's own name for it
TURN_S = 0.2
NEAR = ".near"


@dataclass(frozen=True, kw_only=True)
class WeightCache:
    """The models of a workspace. `remote`: the workspace lies on Drive. `keep`: models may be kept there.

    `budget_bytes` bounds what `models/` of the workspace may hold; None leaves it to the disk. `clock` tells the time
    with its zone, `seconds` counts them, `is_far` says what lies on Drive.
    """

    workspace: Workspace
    remote: bool = False
    keep: bool = True
    budget_bytes: int | None = None
    hub: Hub = field(default_factory=Hub)
    is_far: Callable[[Path], bool] = is_remote
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic

    @property
    def shelf(self) -> Path:
        """Where models are kept."""
        return self.workspace.root / "models"

    @property
    def home(self) -> Path:
        """Where models are loaded from: always on the machine's own disk."""
        return self.workspace.local / "models" if self.remote else self.shelf

    @property
    def memory(self) -> Path:
        """Where digests are remembered."""
        return self.workspace.local / "digests.json"

    def models(self) -> Mapping[str, tuple[KeptModel, ...]]:
        """Every kept model by its folder's name, in each place where it is: first where it is loaded from."""
        found: dict[str, tuple[KeptModel, ...]] = {}
        for shelf in dict.fromkeys((self.home, self.shelf)):
            for kept in list_kept(shelf):
                found[kept.folder.name] = (*found.get(kept.folder.name, ()), kept)
        return found

    def find(self, wanted: Wanted) -> KeptModel | None:
        """The model where it is loaded from, else where it is kept, else None."""
        return read_kept(self.home / wanted.folder) or read_kept(self.shelf / wanted.folder)

    def forecast(self, wanted: Wanted) -> Generator[Event, None, Forecast]:
        """What bringing the model takes. Asks the hub unless it is kept. Raises: as `bring`, but for room."""
        speeds = read_speeds(self.shelf)
        kept = self.find(wanted)
        if kept is not None:
            needed = 0 if kept.folder.parent == self.home else kept.bytes
            speed = speeds.drive
        else:
            listing = yield from look_up(self.hub, wanted)
            files = wanted_files(wanted.source, listing.files, wanted.known, only_known=wanted.only_known)
            needed, speed = sum(file.bytes for file in files), speeds.hub
        return Forecast(
            name=wanted.name,
            needed_bytes=needed,
            free_bytes=self._room().free,
            place=self.home,
            seconds=needed / speed if speed else None,
            drive=kept is None and self._keeps(needed),
        )

    def bring(self, wanted: Wanted) -> Generator[Event, None, KeptModel]:
        """The model on the machine's own disk, whole and checked: from there, from Drive, or from the hub.

        Closing the generator stops; what has arrived is used the next time.
        Raises: UnknownModelError, DownloadError, DamagedWeightsError, StorageError.
        """
        here = read_kept(self.home / wanted.folder)
        if here is None:
            self._prepare()
            lock = yield from self._turn(wanted)
            try:
                here = read_kept(self.home / wanted.folder) or (yield from self._bring(wanted))
            finally:
                lock.release()
        here.mark_used()
        return here

    def near(self, path: Path, weights: tuple[str, ...], name: str) -> Generator[Event, None, Path]:
        """A folder or file of somebody's own where it can be loaded from: itself, or a copy when it lies on Drive.

        `weights` are the large files of a folder that are needed. Raises: DownloadError without room, StorageError.
        """
        if not self.is_far(path):
            return path
        self._prepare()
        start = self.seconds()
        copy, digests = yield from bring_near(path, weights, name, self.workspace.local / "models" / NEAR)
        if digests:
            remember_speed(self.shelf, "drive", copy.bytes, self.seconds() - start, self._stamp())
            remember_digests(self.memory, copy.folder, digests)
        return copy.path

    def adopt(self, scratch: Path, kept: KeptModel) -> Generator[Event, None, KeptModel]:
        """Take in a model that was made on this machine: its whole folder `scratch`, which lies in `home`'s scratch.

        Raises: StorageError.
        """
        kept = self._settle(publish_kept(scratch, kept))
        if self._keeps(kept.bytes):
            yield from self._keep(kept)
        elif self.remote:
            yield Note("note.trained.only_here", {"name": kept.name, "gb": gigabytes(kept.bytes), "place": self.home})
        return kept

    def prepare(self) -> None:
        """Make the folders for models. Raises: StorageError."""
        self._prepare()

    def remove(self, name: str) -> int:
        """Remove a kept model wherever it is, by name or source; returns the bytes that it took.

        Raises: UnknownModelError, DownloadError while another process brings it, StorageError.
        """
        asked = name.casefold()
        places = [kept for kept in self.models().values() if asked in kept[0].spellings]
        if not places:
            raise UnknownModelError("error.models.not_kept", name=name, place=self.shelf)
        self._prepare()
        for kept in places:
            lock = self._take(kept[0].folder.name)
            if lock is None:
                raise DownloadError("error.models.busy", name=name)
            try:
                for model in kept:
                    remove_kept(model, empty_first=self.remote and model.folder.parent == self.shelf)
            finally:
                lock.release()
        return sum(model.bytes for kept in places for model in kept)

    def _prepare(self) -> None:
        self.workspace.prepare()
        for shelf in (self.home, self.shelf, self.workspace.local / "models"):
            check_shelf(shelf)
            sweep_shelf(shelf, empty_first=self.remote and shelf == self.shelf)

    def _take(self, folder: str) -> Lock | None:
        with storage_errors(self.workspace.local):
            return Lock.take(self.workspace.local / "models" / f"{folder}.lock")

    def _turn(self, wanted: Wanted) -> Generator[Event, None, Lock]:
        """Wait while another process brings this model."""
        lock = self._take(wanted.folder)
        if lock is None:
            yield Note("note.weights.waiting", {"name": wanted.name})
        while lock is None:
            yield Progress(stage="download", done=0, total=0)
            time.sleep(TURN_S)
            lock = self._take(wanted.folder)
        return lock

    def _bring(self, wanted: Wanted) -> Generator[Event, None, KeptModel]:
        there = read_kept(self.shelf / wanted.folder) if self.remote else None
        if there is not None:
            return (yield from self._bring_again(wanted, there))
        kept = yield from self._download(wanted)
        if self._keeps(kept.bytes):
            yield from self._keep(kept)
        return kept

    def _bring_again(self, wanted: Wanted, there: KeptModel) -> Generator[Event, None, KeptModel]:
        """A model that is on Drive: from where it comes faster, and from the other place when that fails."""
        files = tuple(HubFile(file.name, file.bytes, file.sha256) for file in there.files)
        same = replace(wanted, commit=there.commit, known=files, only_known=True)
        speeds = read_speeds(self.shelf)
        if speeds.faster == "hub":
            hub_mb, drive_mb = megabytes(speeds.hub), megabytes(speeds.drive)
            yield Note("note.weights.hub_faster", {"name": wanted.name, "hub_mb": hub_mb, "drive_mb": drive_mb})
            try:
                return (yield from self._download(same))
            except (DownloadError, UnknownModelError):
                yield Note("note.weights.drive_instead", {"name": wanted.name, "place": there.folder})
        try:
            return (yield from self._stage(there, wanted.name))
        except DamagedWeightsError:
            yield Note("note.weights.drive_damaged", {"name": wanted.name, "place": there.folder})
        except StorageError as error:
            if not Path(str(error.facts["path"])).is_relative_to(there.folder):
                raise  # it is the machine's own disk
            yield Note("note.weights.drive_unreadable", {"name": wanted.name, "place": there.folder})
            return (yield from self._download(same))
        kept = yield from self._download(same)
        remove_kept(there, empty_first=True)
        yield from self._keep(kept)
        return kept

    def _download(self, wanted: Wanted) -> Generator[Event, None, KeptModel]:
        """From the hub to where models are loaded from; what is announced is announced before the first byte."""
        listing = yield from look_up(self.hub, wanted)
        seen = first_seen(self.home, wanted.folder) or first_seen(self.shelf, wanted.folder)
        work = start_download(self.hub, listing, wanted, self.home, seen, self.clock())
        total, arrived = work.total, work.arrived
        check_room(wanted.name, total - arrived, self._room(), list_kept(self.home))
        gb, free_gb = gigabytes(total), gigabytes(self._room().free)
        yield Note("note.weights.download", {"name": wanted.name, "gb": gb, "free_gb": free_gb, "place": self.home})
        if self.remote and wanted.commit == "":
            kept_there = list_kept(self.shelf)
            yield announce_drive(wanted.name, total, self._drive_room(), kept_there, self.keep)
        start = self.seconds()
        kept = yield from work.run()
        remember_speed(self.shelf, "hub", total - arrived, self.seconds() - start, self._stamp())
        return self._settle(kept)

    def _stage(self, there: KeptModel, name: str) -> Generator[Event, None, KeptModel]:
        """From Drive to where models are loaded from, each byte checked."""
        check_room(name, there.bytes, self._room(), list_kept(self.home))
        scratch = self.home / UNFINISHED / f"{there.folder.name}@copy"
        if scratch.exists():
            throw_away(scratch)
        start = self.seconds()
        yield from copy_model(there, scratch)
        remember_speed(self.shelf, "drive", there.bytes, self.seconds() - start, self._stamp())
        there.mark_used()
        return self._settle(publish_kept(scratch, replace(there, folder=self.home / there.folder.name)))

    def _settle(self, kept: KeptModel) -> KeptModel:
        """Remember what was read and found right, so that it is not read again to be known."""
        remember_digests(self.memory, kept.folder, kept.digests)
        return kept

    def _keep(self, kept: KeptModel) -> Generator[Event, None, None]:
        """From the machine's disk to Drive. That it fails is told and stops nothing: the model is here."""
        scratch = self.shelf / UNFINISHED / f"{kept.folder.name}@{self._stamp()}"
        try:
            yield from copy_model(kept, scratch)
            publish_kept(scratch, replace(kept, folder=self.shelf / kept.folder.name))
            yield Note("note.weights.kept", {"name": kept.name, "place": self.shelf / kept.folder.name})
        except (StorageError, DamagedWeightsError):
            yield Note("note.weights.keep_failed", {"name": kept.name, "place": self.shelf})
        finally:
            with suppress(OSError):  # it was renamed; or Drive is gone, and the next one removes it
                throw_away(scratch, empty_first=True)

    def _keeps(self, count: int) -> bool:
        """Whether a model of so many bytes goes to Drive."""
        return self.remote and self.keep and fits_drive(count, self._drive_room())

    def _room(self) -> Room:
        """The room where models are loaded from; the budget is that of the workspace."""
        return room_on(self.home, list_kept(self.home), None if self.remote else self.budget_bytes)

    def _drive_room(self) -> Room:
        return room_on(self.shelf, list_kept(self.shelf), self.budget_bytes)

    def _stamp(self) -> str:
        return f"{self.clock():%Y%m%dT%H%M%S%f}"


def open_cache(
    workspace: Workspace,
    environ: Mapping[str, str],
    *,
    keep: bool = True,
    token: str | Literal[False] | None = None,
) -> WeightCache:
    """The cache of a workspace. `COLABSD_KEEP_MODELS=no` keeps models off Drive, `COLABSD_MODELS_GB` is a budget.

    Raises: UsageError when the budget is no number.
    """
    wished, budget = read_wishes(environ)
    return WeightCache(
        workspace=workspace,
        remote=workspace.remote,
        keep=keep and wished,
        budget_bytes=budget,
        hub=Hub(endpoint=environ.get(ENDPOINT_VARIABLE) or None, token=token),
    )
