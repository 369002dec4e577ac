"""One model from the hub into a folder: its files one after the other, continued, checked, and only then a model."""

import glob
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from colabsd.errors import DownloadError
from colabsd.models.cards import HubFile
from colabsd.models.hub import Hub, Listing, is_release, size_of
from colabsd.models.shelf import (
    UNFINISHED,
    KeptFile,
    KeptModel,
    folder_name,
    publish_kept,
    seen_path,
    throw_away,
)
from colabsd.models.transfer import check_arrived
from colabsd.models.wanted import wanted_files
from colabsd.progress import Progress
from colabsd.storage.failures import storage_errors

PART = ".part"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A model that is asked for: `name` for people, where it is from, and what is known of its files.

    `source` is a hub id, or `github.com/owner/name` for files of a release there. `revision` is what was asked for (""
    is the newest; a release's tag), `commit` what it must be when that is known. With `only_known` exactly the files of
    `known` are brought, else what a diffusers folder needs. `kept_as` names its folder when its source does not.
    """

    name: str
    source: str
    revision: str = ""
    commit: str = ""
    known: tuple[HubFile, ...] = ()
    only_known: bool = False
    kept_as: str = ""

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.kept_as or folder_name(self.source, self.revision)

    @property
    def at(self) -> str:
        """What the hub is asked for."""
        return self.commit or self.revision


@dataclass(frozen=True, kw_only=True)
class Download:
    """The bringing of one model. `total` bytes, of which `arrived` are there from before. `seen` is what it had been
    made of when it was kept earlier and then removed."""

    hub: Hub
    listing: Listing
    wanted: Wanted
    shelf: Path
    files: tuple[HubFile, ...]
    seen: KeptModel | None
    moment: datetime

    @property
    def scratch(self) -> Path:
        """Where it grows. The commit is in the name: files of two commits never meet."""
        return self.shelf / UNFINISHED / f"{self.wanted.folder}@{self.listing.commit[:12]}"

    @property
    def total(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def arrived(self) -> int:
        paths = (self.scratch / file.name for file in self.files)
        return sum(size_of(path) or size_of(_part(path)) for path in paths)

    def run(self) -> Generator[Progress, None, KeptModel]:
        """Bring what is missing and let the model appear. Raises: UnknownModelError, DownloadError, StorageError."""
        kept: list[KeptFile] = []
        for file in self.files:
            arrived = yield from self._bring(file, sum(file.bytes for file in kept))
            self._compare(arrived)
            kept.append(arrived)
        model = publish_kept(
            self.scratch,
            KeptModel(
                folder=self.shelf / self.wanted.folder,
                name=self.wanted.name,
                source=self.wanted.source,
                revision=self.wanted.revision,
                commit=self.listing.commit,
                files=tuple(kept),
                kept=self.moment,
            ),
        )
        self._sweep()
        return model

    def _compare(self, arrived: KeptFile) -> None:
        """What was kept before under the same commit must be what came. Raises: DownloadError."""
        seen = self.seen
        if seen is None or seen.commit != self.listing.commit:
            return
        if seen.digests.get(arrived.name, arrived.sha256) != arrived.sha256:
            path = seen_path(seen.folder.parent, seen.folder.name)
            raise DownloadError("error.download.changed", name=self.wanted.source, file=arrived.name, path=path)

    def _bring(self, file: HubFile, done: int) -> Generator[Progress, None, KeptFile]:
        """One file, from its beginning or from where it was cut off; a wrong one is brought anew, once."""
        path = self.scratch / file.name
        if path.exists():
            try:
                return (yield from self._checked(path, file, done))
            except DownloadError:
                path.unlink()
        try:
            return (yield from self._fetched(path, file, done))
        except DownloadError as error:
            if error.message_key != "error.download.hash":
                raise
        return (yield from self._fetched(path, file, done))

    def _fetched(self, path: Path, file: HubFile, done: int) -> Generator[Progress, None, KeptFile]:
        part = _part(path)
        told = yield from self._counted(self.hub.fetch(self.listing, file, part), done)
        try:
            kept = yield from self._checked(part, told, done)
        except DownloadError:
            part.unlink()  # what is wrong must not be continued
            raise
        with storage_errors(path):
            part.rename(path)
        return kept

    def _checked(self, path: Path, file: HubFile, done: int) -> Generator[Progress, None, KeptFile]:
        """The file as it will be kept, when it is what was announced. Raises: DownloadError, StorageError."""
        sha256 = yield from self._counted(check_arrived(path, file, self.wanted.source), done)
        return KeptFile(file.name, size_of(path), sha256, "hub" if file.sha256 or file.blob else "here")

    def _counted(self, work: Generator[Progress, None, T], done: int) -> Generator[Progress, None, T]:
        """The work on one file, counted in bytes of the whole model; checking what has arrived adds none."""
        with closing(work):
            while True:
                try:
                    report = next(work)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                arrived = report.total if report.stage == "check" else report.done
                yield Progress(stage="download", done=done + arrived, total=self.total)

    def _sweep(self) -> None:
        """Remove what is left of this model at other commits: nobody will continue it."""
        for path in self.scratch.parent.glob(f"{glob.escape(self.wanted.folder)}@*"):
            with storage_errors(path):
                throw_away(path)


def look_up(hub: Hub, wanted: Wanted) -> Generator[Progress, None, Listing]:
    """What there is at the source. A release is not asked: its files are those that are known.

    Raises: UnknownModelError, DownloadError.
    """
    if is_release(wanted.source):
        return Listing(wanted.source, wanted.revision, wanted.known)
    return (yield from hub.listing(wanted.source, wanted.at))


def start_download(
    hub: Hub, listing: Listing, wanted: Wanted, shelf: Path, seen: KeptModel | None, moment: datetime
) -> Download:
    """What has to be brought onto a shelf; brings nothing yet. Raises: DownloadError when files are not there."""
    files = wanted_files(wanted.source, listing.files, wanted.known, only_known=wanted.only_known)
    return Download(hub=hub, listing=listing, wanted=wanted, shelf=shelf, files=files, seen=seen, moment=moment)


def _part(path: Path) -> Path:
    """Where a file grows until it is whole and checked."""
    return path.with_name(path.name + PART)
