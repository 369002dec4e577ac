"""What is on Drive and what is not yet, in words; and what is wrong with Drive, as far as it can be known.

Colab writes what goes wrong between its Drive mount and Drive into a file, whose last line its own page reads too and
sorts as is done here (googlecolab/colabtools, `drive._timeouts_path`).
"""

import errno
from dataclasses import dataclass
from pathlib import Path

from colabsd.language import Language, say
from colabsd.progress import Note
from colabsd.storage.failures import FULL, READ_ONLY, VANISHED

LOG = Path(".config/Google/DriveFS/Logs/timeouts.txt")
"""Colab's log of causes, relative to the home folder."""
LOG_BYTES = 4096  # the last line is short
CAUSES = (
    ("The user has exceeded their Drive storage quota", "note.drive.full"),
    ("The download quota for this file has been exceeded", "note.drive.quota"),
    ("userRateLimitExceeded", "note.drive.quota"),
    ("User rate limit exceeded", "note.drive.quota"),
    ("QUOTA_EXCEEDED", "note.drive.quota"),
    ("QueryManager timed out", "note.drive.slow"),
    ("deadlineExceeded", "note.drive.slow"),
    ("internalError", "note.drive.internal"),
)
NOT_TAKEN = frozenset({"note.drive.full", "note.drive.quota"})
"""Causes that let writing succeed, while nothing of it reaches Drive."""


@dataclass(frozen=True)
class LedgerState:
    """How many pictures were read back from Drive since this machine began, how many are still on their way there.

    `trouble` says what keeps them. `drive` False: the workspace is on an ordinary disk, and nothing is on its way.
    """

    on_drive: int
    on_the_way: int
    trouble: Note | None = None
    drive: bool = True

    def tell(self, language: Language) -> str:
        """The state as a line: the counts, then what is wrong. "" on an ordinary disk."""
        if not self.drive:
            return ""
        key = "ledger.on_the_way" if self.on_the_way else "ledger.on_drive" if self.on_drive else "ledger.nothing"
        counts = say(key, language, on_drive=self.on_drive, on_the_way=self.on_the_way)
        return counts if self.trouble is None else f"{counts} · {say(self.trouble.key, language, **self.trouble.facts)}"


def read_cause(log: Path | None, since: float) -> str | None:
    """The key of what Colab's log says last, if it was written to since then (seconds since 1970); else None."""
    if log is None:
        return None
    try:
        if log.stat().st_mtime < since:
            return None
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:  # no Colab, or nothing went wrong
        return None
    last = lines[-1] if lines else ""
    return next((key for sign, key in CAUSES if sign in last), None)


def trouble_of(error: OSError, place: Path, cause: str | None) -> Note:
    """What an error on the way to Drive means; `cause` is what Colab's log says of that time."""
    facts = {"place": place, "reason": error.strerror or type(error).__name__}
    if error.errno in FULL:
        return Note("note.drive.full", facts)
    if error.errno in VANISHED:
        return Note("note.drive.disconnected", facts)
    if error.errno in READ_ONLY:
        return Note("note.drive.read_only", facts)
    if error.errno == errno.EEXIST:
        return Note("note.drive.taken", facts | {"path": error.filename})
    return Note(cause or "note.drive.failing", facts)
