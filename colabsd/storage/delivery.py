"""Bringing one file from the outbox under its final name on Drive, and knowing that it is there.

The way: a scratch file in `.unfinished/`, written and synced; a rename; then, and again until it is so, Drive is asked
whether it has uploaded the file, and the file is read back and compared. After anything went wrong the final name is
looked at first: the rename may have been done although an error was told.

Google Drive tells the id of a mounted file in the attribute `user.drive.id`; that it begins with `local` until the file
is uploaded is reported, not documented. Where there is no such attribute, or it never changes, reading back decides.
"""

import errno
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from colabsd.storage.disk import Disk
from colabsd.storage.names import new_token
from colabsd.storage.publish import write_whole
from colabsd.storage.workspace import Workspace

NEW_NAMES = ("pictures", "journal")  # folders whose names carry chance, so that nothing can be there yet
ID_ATTRIBUTE, NOT_UPLOADED = "user.drive.id", b"local"
PART = ".part"
LATE_ATTEMPTS = 5  # after so many a folder that was made is made again


@dataclass(frozen=True)
class Arrival:
    """A file that was read back from Drive as it was sent. `relative` is its path in the workspace."""

    relative: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds. Between two attempts at a file are `first_s` to `longest_s`, each time twice as many.

    Where Drive is known to upload in its own time, it is not asked before `upload_s`. A file that was written may take
    `visible_s` to show up before it is written again. When no file's id has ever changed within `uploaded_s`, ids mean
    nothing here.
    """

    first_s: float = 0.5
    longest_s: float = 60.0
    upload_s: float = 4.0
    visible_s: float = 60.0
    uploaded_s: float = 300.0


PATIENCE = Patience()


@dataclass
class _Trip:
    """How far one file has come. `due`: not before then. `sent`: when it was renamed; `sent_at`: that since 1970."""

    look_first: bool
    due: float = 0.0
    attempts: int = 0
    sent: float | None = None
    sent_at: float = 0.0


@dataclass
class Delivery:
    """The way to one workspace on Drive. Used by one thread.

    `taken(since)` says whether Drive takes what is written to it, as far as its log tells since then.
    """

    workspace: Workspace
    disk: Disk
    taken: Callable[[float], bool] = lambda since: True
    seconds: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    patience: Patience = PATIENCE
    _trips: dict[str, _Trip] = field(default_factory=dict)
    _made: set[Path] = field(default_factory=set)
    _ids_change: bool = False
    _began: float = field(default_factory=time.time)

    def due(self, relatives: Iterable[str]) -> list[str]:
        """Those that can be tried now."""
        now = self.seconds()
        return [relative for relative in relatives if relative not in self._trips or self._trips[relative].due <= now]

    def wait_after(self, attempts: int) -> float:
        """Seconds until the next attempt after so many."""
        return float(min(self.patience.first_s * 2 ** min(attempts - 1, 20), self.patience.longest_s))

    def hurry(self) -> None:
        """Try everything now: something has changed."""
        for trip in list(self._trips.values()):
            trip.due = 0.0

    def next_due(self) -> float:
        """Seconds until a file that was tried can be tried again; 0 when none was."""
        return max(0.0, min((trip.due for trip in self._trips.values()), default=0.0) - self.seconds())

    def forget(self, relatives: Iterable[str]) -> None:
        """Files that were taken back, or have arrived another way: remember only these."""
        keep = set(relatives)
        for relative in [known for known in self._trips if known not in keep]:
            del self._trips[relative]

    def longest_upload(self) -> float:
        """Seconds since the oldest file was written that Drive has not uploaded yet."""
        sent = [trip.sent for trip in self._trips.values() if trip.sent is not None]
        return self.seconds() - min(sent) if sent else 0.0

    def deliver(self, relative: str) -> Arrival | None:
        """Go as far as can be now; None when it has to be looked at again. Raises: OSError, after which it is too."""
        outgoing = self.workspace.outbox / relative
        data = outgoing.read_bytes()
        if relative not in self._trips:
            new = relative.startswith(NEW_NAMES) and outgoing.stat().st_mtime >= self._began
            self._trips[relative] = _Trip(look_first=not new)
        trip = self._trips[relative]
        trip.attempts += 1
        trip.due = self.seconds() + self.wait_after(trip.attempts)
        try:
            there = self._go(relative, data, trip)
        except FileNotFoundError:  # a name that was made just now may show up late
            trip.look_first = True
            if trip.attempts % LATE_ATTEMPTS == 0:
                self._made.clear()
            if not self.disk.exists(self.workspace.root.parent):
                raise
            return None
        except OSError:
            trip.look_first = True
            self._made.clear()
            raise
        if not there:
            return None
        del self._trips[relative]
        return Arrival(relative, hashlib.sha256(data).hexdigest(), len(data))

    def _go(self, relative: str, data: bytes, trip: _Trip) -> bool:
        final = self.workspace.root / relative
        if trip.sent is not None:
            with suppress(FileNotFoundError):  # not visible yet
                if not self._is_uploaded(final, trip):
                    return False
                if self.disk.read(final) == data:
                    return True
            if self.seconds() - trip.sent < self.patience.visible_s:
                return False
            trip.sent, trip.look_first = None, True
        if trip.look_first and self._look(final, data, relative):
            self._mark_sent(trip)
        else:
            self._send(relative, data, final)
            self._mark_sent(trip)
            if self._ids_change:  # it takes Drive some seconds to upload it
                trip.due = self.seconds() + self.patience.upload_s
                return False
        with suppress(FileNotFoundError):
            return self._is_uploaded(final, trip) and self.disk.read(final) == data
        return False

    def _mark_sent(self, trip: _Trip) -> None:
        trip.sent, trip.sent_at, trip.attempts = self.seconds(), self.wall(), 1

    def _look(self, final: Path, data: bytes, relative: str) -> bool:
        """Whether it is there already. What is there of it and broken is put aside. Raises: FileExistsError."""
        try:
            there = self.disk.read(final)
        except FileNotFoundError:
            return False
        if there == data:
            return True
        if not data.startswith(there):
            raise FileExistsError(errno.EEXIST, "another file has the name", str(final))
        token = new_token(secrets.token_bytes)
        self._make_folder(self.workspace.unfinished)
        self.disk.rename(final, self.workspace.unfinished / f"{quote(relative)}@{token}{PART}")
        return False

    def _send(self, relative: str, data: bytes, final: Path) -> None:
        part = self.workspace.unfinished / scratch_name(relative, data)
        for folder in (self.workspace.unfinished, *reversed(final.relative_to(self.workspace.root).parents[:-1])):
            self._make_folder(self.workspace.root / folder)
        try:
            descriptor = self.disk.create(part)
        except FileExistsError:  # of an attempt that failed or was killed
            if self.disk.read(part) != data:
                remove_emptied(part, self.disk)
                raise
        else:
            write_whole(data, descriptor, self.disk)
        self.disk.rename(part, final)

    def _make_folder(self, folder: Path) -> None:
        """The workspace's own parent must be there: a Drive that went away must not be made anew on another disk."""
        for path in (self.workspace.root, folder):
            if path not in self._made:
                self.disk.make_folder(path)
                self._made.add(path)

    def _is_uploaded(self, final: Path, trip: _Trip) -> bool:
        assert trip.sent is not None, "it was sent"
        identity = self.disk.attribute(final, ID_ATTRIBUTE)
        if identity is None:
            return self.taken(trip.sent_at)
        if not identity.startswith(NOT_UPLOADED):
            self._ids_change = True
            return True
        return (
            not self._ids_change and self.seconds() - trip.sent > self.patience.uploaded_s and self.taken(trip.sent_at)
        )


def quote(relative: str) -> str:
    """A relative path as one file name."""
    return relative.replace("%", "%25").replace("/", "%2F")


def unquote(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")


def scratch_name(relative: str, data: bytes) -> str:
    """The name of a scratch file: what it will be, and how to know that it is whole."""
    return f"{quote(relative)}@{hashlib.sha256(data).hexdigest()}{PART}"


def remove_emptied(path: Path, disk: Disk) -> None:
    """Remove a file on Drive so that it takes no room in the bin. Raises: OSError."""
    disk.empty(path)
    disk.remove(path)
