"""What every generator yields before its results: how far the work has come, and what was chosen on the way."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from colabsd.language import Language, say
from colabsd.language.amounts import duration, megabytes

Stage = Literal[
    "download",
    "load",
    "encode",
    "denoise",
    "decode",
    "save",
    "check",
    "copy",
    "delete",
    "enlarge",
    "encode_film",
    "train",
    "sample",
]
STAGES: Mapping[Stage, str] = {
    "download": "stage.download",
    "load": "stage.load",
    "encode": "stage.encode",
    "denoise": "stage.denoise",
    "decode": "stage.decode",
    "save": "stage.save",
    "check": "stage.check",
    "copy": "stage.copy",
    "delete": "stage.delete",
    "enlarge": "stage.enlarge",
    "encode_film": "stage.encode_film",
    "train": "stage.train",
    "sample": "stage.sample",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One report of long work.

    `done` of `total` units of `stage` are finished (steps, files or bytes; `total` 0 = not known). `item` of `items`
    says which picture or batch this is about, counted from 0. `preview` is an (H, W, 3) uint8 array or None.
    """

    stage: Stage
    done: int
    total: int
    item: int = 0
    items: int = 1
    preview: Any = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """Something that was chosen or changed, with its reason: a sentence's key and facts."""

    key: str
    facts: Mapping[str, Any]


@dataclass
class Forecaster:
    """The time left, from the times of the steps and pictures so far. `clock` gives seconds.

    Loading does not count, and as soon as a second picture is finished, the first, slower one does not either.
    """

    clock: Callable[[], float] = time.monotonic
    _place: tuple[str, int] = ("", -1)
    _place_start: tuple[float, int] = (0.0, 0)
    _item_starts: list[tuple[float, int]] = field(default_factory=list)

    def note(self, progress: Progress) -> None:
        """Take a report into account."""
        now = self.clock()
        if (progress.stage, progress.item) != self._place:
            self._place, self._place_start = (progress.stage, progress.item), (now, progress.done)
        if progress.stage != "denoise":
            return
        if self._item_starts and progress.item < self._item_starts[-1][1]:  # a new job starts
            self._item_starts.clear()
        if not self._item_starts or progress.item > self._item_starts[-1][1]:
            self._item_starts.append((now, progress.item))

    def stage_left(self, progress: Progress) -> float | None:
        """Seconds until this stage of this picture is finished; None while nothing is known."""
        start, first = self._place_start
        if progress.done <= first or progress.total <= 0:
            return None
        return (self.clock() - start) / (progress.done - first) * (progress.total - progress.done)

    def all_left(self, progress: Progress) -> float | None:
        """Seconds until all pictures are finished; None until the first one is."""
        if progress.items < 2 or len(self._item_starts) < 2:
            return None
        start, first = self._item_starts[0 if len(self._item_starts) == 2 else 1]
        steps = progress.stage == "denoise" and progress.total
        place = progress.item + (progress.done / progress.total if steps else 0.0)
        return (self.clock() - start) / (place - first) * (progress.items - place) if place > first else None


def told_progress(progress: Progress, forecaster: Forecaster, language: Language) -> str:
    """`Drawing · picture 3 of 20 · step 12/20 · 4 s left · all: 1 min 10 s left`."""
    parts = [say(STAGES[progress.stage], language)]
    if progress.items > 1:
        parts.append(say("progress.picture", language, number=progress.item + 1, count=progress.items))
    parts.extend(_units(progress, language))
    left, all_left = forecaster.stage_left(progress), forecaster.all_left(progress)
    if left:
        parts.append(say("progress.left", language, time=duration(left)))
    if all_left:
        parts.append(say("progress.all_left", language, time=duration(all_left)))
    return " · ".join(parts)


def _units(progress: Progress, language: Language) -> list[str]:
    if progress.stage in ("denoise", "train", "sample"):
        return [say("progress.step", language, done=progress.done, total=progress.total)]
    if progress.stage in ("download", "copy") and progress.done:
        done, total = megabytes(progress.done), megabytes(progress.total)
        return [f"{done} / {total}" if progress.total else done]
    if progress.stage == "enlarge" and progress.total > 1:
        return [say("progress.tile", language, done=progress.done, total=progress.total)]
    return []
