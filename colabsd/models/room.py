"""Whether a model has room, said before it comes, and what could go instead. Removes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colabsd.errors import DownloadError, UsageError
from colabsd.models.shelf import KeptModel
from colabsd.progress import Note
from colabsd.storage.budget import free_bytes

KEEP_VARIABLE = "COLABSD_KEEP_MODELS"
BUDGET_VARIABLE = "COLABSD_MODELS_GB"
NO = frozenset({"0", "no", "false", "off"})
SPARE_BYTES = 500_000_000  # what a download leaves free: a full disk stops everything else too
DRIVE_BYTES = 6_000_000_000  # Drive has 15 GB for mail, photos and everything; below this, models stay off it


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What bringing a model takes, before anything is brought.

    `needed_bytes` are to come (0 when it is here), `free_bytes` are free at `place`, `seconds` is a guess from earlier
    transfers (None: none yet). `drive` says whether it will be kept on Drive too.
    """

    name: str
    needed_bytes: int
    free_bytes: int
    place: Path
    seconds: float | None = None
    drive: bool = False


@dataclass(frozen=True)
class Room:
    """The room of one shelf: what is free, and of the budget what is left (None: no budget)."""

    shelf: Path
    free: int
    budget_left: int | None

    def lacks(self, needed: int) -> int:
        """Bytes that would have to go for `needed` more; 0 when it fits."""
        short_of_disk = needed + SPARE_BYTES - self.free
        short_of_budget = needed - self.budget_left if self.budget_left is not None else 0
        return max(0, short_of_disk, short_of_budget)


def room_on(shelf: Path, kept: Sequence[KeptModel], budget: int | None) -> Room:
    """The room of a shelf that holds `kept`. Raises: StorageError."""
    used = sum(model.bytes for model in kept)
    return Room(shelf, free_bytes(shelf), None if budget is None else budget - used)


def propose_removal(kept: Sequence[KeptModel], lacking: int) -> tuple[KeptModel, ...]:
    """What could go to make room, the longest unused first; () when even all of it would not be enough."""
    proposed: list[KeptModel] = []
    for model in sorted(kept, key=lambda model: (model.last_used(), model.name)):
        if sum(other.bytes for other in proposed) >= lacking:
            break
        proposed.append(model)
    return tuple(proposed) if sum(model.bytes for model in proposed) >= lacking else ()


def read_wishes(environ: Mapping[str, str]) -> tuple[bool, int | None]:
    """What the environment wishes: whether models may be kept on Drive, and a budget in bytes (None: none).

    Raises: UsageError when the budget is no number of GB (10^9).
    """
    keep = environ.get(KEEP_VARIABLE, "").casefold() not in NO
    text = environ.get(BUDGET_VARIABLE, "")
    if not text.strip():
        return keep, None
    try:
        budget = int(float(text) * 1e9)
    except (ValueError, OverflowError):
        budget = -1
    if budget < 0:
        raise UsageError("error.models.budget", name=BUDGET_VARIABLE, value=text)
    return keep, budget


def gigabytes(count: float) -> str:
    """Bytes in GB (10^9), as disks and download pages count them."""
    return f"{count / 1e9:.1f}"


def removal_command(proposed: Sequence[KeptModel]) -> str:
    """The command that removes what is proposed."""
    return "colabsd models remove " + " ".join(model.name for model in proposed)


def check_room(name: str, needed: int, room: Room, kept: Sequence[KeptModel]) -> None:
    """Raises: DownloadError when `needed` bytes do not fit, with what could go."""
    lacking = room.lacks(needed)
    if needed <= 0 or not lacking:
        return
    facts = {"name": name, "needed_gb": gigabytes(needed), "free_gb": gigabytes(room.free), "place": room.shelf}
    over_budget = room.budget_left is not None and needed > room.budget_left
    if over_budget:
        facts["left_gb"] = gigabytes(max(0, room.budget_left or 0))
    proposed = propose_removal(kept, lacking)
    if proposed:
        facts |= {"command": removal_command(proposed), "gone_gb": gigabytes(sum(model.bytes for model in proposed))}
        raise DownloadError("error.download.budget" if over_budget else "error.download.no_room", **facts)
    raise DownloadError("error.download.budget_small" if over_budget else "error.download.no_room_at_all", **facts)


def fits_drive(count: int, room: Room) -> bool:
    """Whether a model of so many bytes may be kept on Drive."""
    return room.free >= DRIVE_BYTES and not room.lacks(count)


def announce_drive(name: str, count: int, room: Room, kept: Sequence[KeptModel], wished: bool) -> Note:
    """What will become of a model of `count` bytes on Drive, said before it comes, with the switch."""
    switch = f"{KEEP_VARIABLE}=no"
    gb, free_gb = gigabytes(count), gigabytes(room.free)
    if not wished:
        return Note("note.weights.keep_off", {"name": name, "switch": switch})
    if fits_drive(count, room):
        facts = {"name": name, "gb": gb, "free_gb": free_gb, "place": room.shelf, "switch": switch}
        return Note("note.weights.will_keep", facts)
    proposed = propose_removal(kept, max(room.lacks(count), DRIVE_BYTES - room.free))
    if proposed:
        command = removal_command(proposed)
        return Note("note.weights.no_drive_room", {"name": name, "gb": gb, "free_gb": free_gb, "command": command})
    return Note("note.weights.drive_full", {"name": name, "gb": gb, "free_gb": free_gb})
