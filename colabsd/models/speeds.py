"""How fast weights came, from the hub and from Drive: measured at each large transfer, remembered beside the models.

One small file per transfer, under a name that is never used twice, because Drive must not be appended to; the oldest
go when there are many.
"""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal, get_args

from colabsd.storage.names import new_token

Origin = Literal["hub", "drive"]
FOLDER = ".speeds"
LEAST_BYTES = 50_000_000  # below, the time to connect counts more than the bytes
REMEMBERED = 5
MARGIN = 1.2  # how much faster the hub must be before Drive's copy is passed over


@dataclass(frozen=True)
class Speeds:
    """Bytes per second, by where weights came from: the medians of the last transfers. None is not measured yet."""

    hub: float | None = None
    drive: float | None = None

    @property
    def faster(self) -> Origin:
        """Where a model that is in both places is taken from. Drive, until both are measured."""
        if self.hub is None or self.drive is None:
            return "drive"
        return "hub" if self.hub > MARGIN * self.drive else "drive"


def read_speeds(shelf: Path) -> Speeds:
    """What is remembered beside the models of a shelf; unreadable files are passed over."""
    found: Mapping[str, list[float]] = {origin: [] for origin in get_args(Origin)}
    for path in _newest_first(shelf):
        with suppress(OSError, ValueError, KeyError, TypeError, ArithmeticError):
            data = json.loads(path.read_text(encoding="utf-8"))
            values = found[data["origin"]]
            speed = data["bytes"] / data["seconds"]
            if len(values) < REMEMBERED and speed > 0:
                values.append(speed)
    return Speeds(**{origin: median(values) for origin, values in found.items() if values})


def remember_speed(shelf: Path, origin: Origin, count: int, seconds: float, stamp: str) -> None:
    """Remember a transfer of `count` bytes. `stamp` sorts by time. Small ones and failing writes are passed over."""
    if count < LEAST_BYTES or seconds <= 0:
        return
    with suppress(OSError):  # a lost measurement costs some time, nothing else
        (shelf / FOLDER).mkdir(exist_ok=True)
        path = shelf / FOLDER / f"{stamp}-{origin}-{new_token(secrets.token_bytes)}.json"
        path.write_text(json.dumps({"origin": origin, "bytes": count, "seconds": round(seconds, 3)}), encoding="utf-8")
        for old in _newest_first(shelf)[4 * REMEMBERED :]:
            old.unlink(missing_ok=True)


def megabytes(speed: float | None) -> str:
    """A speed in MB (10^6) per second."""
    return f"{(speed or 0) / 1e6:.0f}"


def _newest_first(shelf: Path) -> list[Path]:
    folder = shelf / FOLDER
    return sorted(folder.glob("*.json"), reverse=True) if folder.is_dir() else []
