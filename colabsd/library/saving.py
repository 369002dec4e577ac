"""What a library keeps in a workspace on Drive: brought there without anybody waiting, told, waited for at the end.

On an ordinary disk nothing here does anything: files are in their places when they are kept.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colabsd.progress import Note, Progress
from colabsd.storage.delivery import PATIENCE, Arrival, Patience
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.ledger import LedgerState
from colabsd.storage.outbox import Outbox
from colabsd.storage.workspace import Workspace

ON_DRIVE = "on_drive"
SEGMENTS = "journal/"
FLUSH_S, TROUBLED_S, GLANCE_S = 120.0, 20.0, 0.2
STOP_S = 2.0
JOURNAL_S = 120.0
REMOUNT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class DriveCare:
    """What is needed to get on with Drive.

    `remount` mounts it again and says whether it did; it is called on the main thread alone, at most once a minute, and
    only while Drive is away. `log` is Colab's log of causes.
    """

    remount: Callable[[], bool] | None = None
    log: Path | None = None
    patience: Patience = PATIENCE


class Saving:
    """The way of one library's files to Drive."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        care: DriveCare,
        disk: Disk | None = None,
    ) -> None:
        self._workspace = workspace
        self._journal = journal
        self._remount = care.remount
        self._remounted_at = -REMOUNT_S
        self._outbox = Outbox(
            workspace,
            journal.runtime,
            self._write_down,
            before_turn=journal.publish_old,
            log=care.log,
            disk=disk,
            patience=care.patience,
        )
        self._waited = False

    def wake(self) -> None:
        """Something was kept."""
        if self._workspace.remote:
            self._waited = False
            self._outbox.wake()

    def read_journal(self) -> None:
        """See that what Drive has of the journal is on this machine."""
        if self._workspace.remote:
            self._workspace.prepare_local()
            self._outbox.read_journal(JOURNAL_S)

    def state(self) -> LedgerState:
        """How it stands; asks nothing of Drive."""
        return self._outbox.state() if self._workspace.remote else LedgerState(0, 0, drive=False)

    def tend(self) -> None:
        """What only the main thread may do: mount Drive again when it is away. The first time begins the copying of
        the journal, so that who asks for pictures later has not to wait for it."""
        if not self._workspace.remote:
            return
        if not self._outbox.is_awake:
            self._workspace.prepare_local()
            self._outbox.wake()
        if self._remount is None or not self._outbox.wants_remount:
            return
        here = threading.current_thread() is threading.main_thread()
        if here and time.monotonic() - self._remounted_at >= REMOUNT_S:
            mounted = self._remount()
            self._remounted_at = time.monotonic()
            if mounted:
                self._outbox.hurry()

    def flush(self, limit_s: float = FLUSH_S) -> Iterator[Progress | Note]:
        """Wait until all is on Drive, at most `limit_s`, and less when nothing moves; a Note tells what is left."""
        if not self._workspace.remote:
            return
        self._waited = True  # also when whoever waits has enough of it
        self._journal.publish()
        left = len(self._outbox.pending())
        if left:
            self._outbox.hurry()
            yield Note("note.drive.saving", {"count": left, "limit_s": f"{limit_s:.0f}"})
            yield from self._wait(left, limit_s)
            left = len(self._outbox.pending())
        if left:
            yield Note("note.drive.left", {"count": left})
            trouble = self._outbox.trouble()
            yield from (trouble,) if trouble is not None else ()

    def close(self) -> None:
        """Wait for Drive unless that was just done, and end the thread. It can go on being used."""
        if not self._waited:
            for _ in self.flush():
                continue
        self._outbox.stop(STOP_S)

    def _wait(self, first: int, limit_s: float) -> Iterator[Progress]:
        start = moved = time.monotonic()
        total = left = first
        while left:
            yield Progress(stage="save", done=total - left, total=total)
            now = time.monotonic()
            if now - start > limit_s or (self._outbox.trouble() is not None and now - moved > TROUBLED_S):
                return
            self.tend()
            time.sleep(GLANCE_S)
            before, left = left, len(self._outbox.pending())
            if left < before:
                moved = time.monotonic()
            if not left and self._journal.is_open:  # what arrived was written down meanwhile
                self._journal.publish()
                self._outbox.wake()
                left = len(self._outbox.pending())
                total += left

    def _write_down(self, arrivals: Sequence[Arrival]) -> None:
        """In the outbox's thread. Segments are left out: each would be followed by another one without end."""
        files = [
            {"path": arrival.relative, "sha256": arrival.sha256, "bytes": arrival.bytes}
            for arrival in arrivals
            if not arrival.relative.startswith(SEGMENTS)
        ]
        if files:
            self._journal.append(ON_DRIVE, {"files": files})
