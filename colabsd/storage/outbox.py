"""The outbox: what is kept in a workspace on Drive is brought there in the background, and only then called so.

Its entries are files on this machine's disk (`publish_into` puts them there), so they outlive every process; whichever
process of this machine holds the outbox's lock brings them, in one thread that nothing else waits for. A file that was
read back is noted by whoever keeps the journal, then in `on_drive.log`, and leaves the outbox. Nothing that goes wrong
with Drive is raised: it is told by `state` and tried again.
"""

import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

from colabsd.errors import StorageError
from colabsd.progress import Note
from colabsd.storage.copies import prune_copies
from colabsd.storage.delivery import PATIENCE, Arrival, Delivery, Patience, remove_emptied
from colabsd.storage.disk import Disk
from colabsd.storage.failures import NOWHERE
from colabsd.storage.ledger import NOT_TAKEN, LedgerState, read_cause, trouble_of
from colabsd.storage.locks import Lock
from colabsd.storage.mirror import Mirror
from colabsd.storage.remote_disk import RemoteDisk
from colabsd.storage.rescue import rescue
from colabsd.storage.workspace import Workspace

BATCH = 20
SEGMENTS = 5  # brought between two batches
IDLE_S, TURN_S = 5.0, 1.0
SILENT_S, SLOW_UPLOAD_S = 60.0, 180.0
REFRESH_S = 60.0
COUNTED = "pictures/"


class Outbox:
    """The way of one workspace's files to Drive. `arrived` is called in its thread with what was read back, and
    `before_turn` before it looks for what to bring.

    `log` is Colab's log of causes. Nothing starts before `wake`.
    """

    def __init__(
        self,
        workspace: Workspace,
        runtime: str,
        arrived: Callable[[Sequence[Arrival]], None],
        *,
        before_turn: Callable[[], None] = lambda: None,
        log: Path | None = None,
        disk: Disk | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.workspace = workspace
        self._runtime = runtime
        self._arrived = arrived
        self._before_turn = before_turn
        self._log = log
        self._disk = disk or RemoteDisk()
        self._delivery = Delivery(workspace, self._disk, self._is_taken, patience=patience)
        self._mirror = Mirror(workspace, self._disk)
        self._thread: Thread | None = None
        self._woken, self._stopped, self._mirrored = Event(), Event(), Event()
        self._counted: tuple[int, frozenset[str]] = (-1, frozenset())
        self._mirrored_at = 0.0
        self._rescued = False
        self._failures = 0
        self._trouble: Note | None = None
        self._busy_since: float | None = None

    def pending(self) -> list[str]:
        """The files that are on their way, oldest first."""
        found = []
        for folder, _, names in os.walk(self.workspace.outbox):
            for path in (Path(folder, name) for name in names):
                try:
                    found.append((path.stat().st_mtime_ns, path.relative_to(self.workspace.outbox).as_posix()))
                except FileNotFoundError:  # it has arrived just now
                    continue
        return [relative for _, relative in sorted(found)]

    def state(self) -> LedgerState:
        """How it stands. Asks nothing of Drive."""
        pending = {relative for relative in self.pending() if relative.startswith(COUNTED)}
        noted = self._noted()  # a moment before they leave the outbox
        return LedgerState(len(noted), len(pending - noted), self.trouble())

    def trouble(self) -> Note | None:
        """What keeps files from Drive now."""
        busy = self._busy_since
        if busy is not None and time.monotonic() - busy > SILENT_S:
            seconds = f"{time.monotonic() - busy:.0f}"
            return Note("note.drive.silent", {"place": self.workspace.root, "seconds": seconds})
        waited = self._delivery.longest_upload()
        if self._trouble is None and waited > SLOW_UPLOAD_S:
            return Note("note.drive.not_uploaded", {"minutes": f"{waited / 60:.0f}"})
        return self._trouble

    @property
    def is_awake(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def wants_remount(self) -> bool:
        """Whether Drive went away, and mounting it again may help."""
        return self._trouble is not None and self._trouble.key == "note.drive.disconnected"

    def wake(self) -> None:
        """Something was kept: bring it soon. Returns at once."""
        if not self.is_awake:
            self._stopped = Event()
            self._thread = Thread(target=self._run, args=(self._stopped,), name="colabsd-outbox", daemon=True)
            self._thread.start()
        self._woken.set()

    def hurry(self) -> None:
        """Try again now what failed before: Drive was mounted again, or somebody waits."""
        self._failures = 0
        self._delivery.hurry()
        self.wake()

    def read_journal(self, patience_s: float) -> None:
        """Wait until the journal was copied from Drive, once; later calls let it be looked at again, and return."""
        if self._mirrored.is_set():
            if time.monotonic() - self._mirrored_at > REFRESH_S:
                self._mirrored_at = time.monotonic()
                self._mirror.refresh()
                self.wake()
            return
        self.wake()
        self._mirrored.wait(patience_s)

    def stop(self, patience_s: float) -> None:
        """End the thread after the file it is at. One that Drive keeps for longer is left behind."""
        thread, self._thread = self._thread, None
        self._stopped.set()
        self._woken.set()
        if thread is not None:
            thread.join(patience_s)

    def _run(self, stopped: Event) -> None:
        while not stopped.is_set():
            self._woken.clear()
            wait_s = self._turn()
            self._woken.wait(wait_s)

    def _turn(self) -> float:
        """One batch, by whoever holds the lock, and some of the journal; gives the seconds until the next."""
        try:
            self._before_turn()
            if not self.workspace.is_mounted():
                raise OSError(errno.ENOTCONN, "Drive is not mounted", str(self.workspace.root))
            wait_s = self._bring_batch()
            whole = self._copy_journal()
        except (OSError, StorageError) as error:
            self._mirrored.set()  # whoever waits for the journal goes on with what is here
            self._fail(error)
            self._failures += 1
            return self._delivery.wait_after(self._failures)
        finally:
            self._disk.rest()
            self._busy_since = None
        self._failures = 0
        return wait_s if whole else 0.0

    def _bring_batch(self) -> float:
        """Bring what is due; the seconds until something is again. Raises: OSError after what came was noted."""
        pending = self.pending()
        self._delivery.forget(pending)
        if not pending:
            self._trouble = None
            return IDLE_S
        due = self._delivery.due(pending)
        lock = Lock.take(self.workspace.local / "outbox.lock") if due else None
        if lock is not None:
            try:
                self._bring(due[:BATCH])
            finally:
                lock.release()
            if due[BATCH:]:
                return 0.0
        return min(TURN_S, self._delivery.next_due()) if lock is not None else TURN_S

    def _bring(self, due: Sequence[str]) -> None:
        arrivals, failed = self._deliver(due)
        if arrivals:
            self._note(arrivals)
        if failed is None:
            self._trouble = None
            return
        self._fail(failed)
        if failed.errno in NOWHERE:
            raise failed

    def _deliver(self, due: Sequence[str]) -> tuple[list[Arrival], OSError | None]:
        arrivals: list[Arrival] = []
        failed = None
        for relative in due:
            if self._stopped.is_set():
                break
            self._busy_since = time.monotonic()
            try:
                arrival = self._delivery.deliver(relative)
            except OSError as error:
                if not (self.workspace.outbox / relative).exists():  # it was taken back
                    continue
                failed = error
                if error.errno in NOWHERE:
                    break
            else:
                arrivals += [arrival] if arrival is not None else []
        return arrivals, failed

    def _note(self, arrivals: Sequence[Arrival]) -> None:
        """Journal first, then the log, then out of the outbox: killed in between, a file is brought and noted again."""
        deleted = [arrival for arrival in arrivals if not (self.workspace.outbox / arrival.relative).exists()]
        for arrival in deleted:  # while it was on the way
            with suppress(FileNotFoundError):
                remove_emptied(self.workspace.root / arrival.relative, self._disk)
        arrivals = [arrival for arrival in arrivals if arrival not in deleted]
        self._arrived(arrivals)
        with (self.workspace.local / "on_drive.log").open("a", encoding="utf-8") as file:
            file.writelines(f"{arrival.sha256} {arrival.bytes} {arrival.relative}\n" for arrival in arrivals)
            file.flush()
            os.fsync(file.fileno())
        for arrival in arrivals:
            (self.workspace.outbox / arrival.relative).unlink(missing_ok=True)

    def _noted(self) -> frozenset[str]:
        """The pictures that were read back from Drive on this machine."""
        log = self.workspace.local / "on_drive.log"
        size = log.stat().st_size if log.exists() else 0
        if size != self._counted[0]:
            lines = log.read_text(encoding="utf-8").splitlines() if size else []
            paths = (line.rpartition(" ")[2] for line in lines)
            self._counted = (size, frozenset(path for path in paths if path.startswith(COUNTED)))
        return self._counted[1]

    def _copy_journal(self) -> bool:
        """Some segments; True when all that Drive shows are here. The first time, lost names are put right before."""
        self._busy_since = time.monotonic()
        if not self._rescued:
            prune_copies(self.workspace)
            rescue(self.workspace, self._disk, time.time())
            self._rescued = True
        whole = self._mirror.step(SEGMENTS)
        if whole and not self._mirrored.is_set():
            self._mirrored_at = time.monotonic()
            self._mirrored.set()
            self._mirror.pack(self._runtime, lambda: datetime.now(UTC))
        return whole

    def _is_taken(self, since: float) -> bool:
        return read_cause(self._log, since) not in NOT_TAKEN

    def _fail(self, error: OSError | StorageError) -> None:
        cause = read_cause(self._log, time.time() - REFRESH_S)
        known = error if isinstance(error, OSError) else OSError(None, str(error))
        self._trouble = trouble_of(known, self.workspace.root, cause)
