"""Progress for people: one redrawn line with the time left on a terminal, a few plain lines in a pipe."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from colabsd.cli.text import cut, duration, megabytes
from colabsd.language import Language, say
from colabsd.progress import Progress, Stage

STAGES: Mapping[Stage, str] = {
    "download": "stage.download",
    "load": "stage.load",
    "encode": "stage.encode",
    "denoise": "stage.denoise",
    "decode": "stage.decode",
    "save": "stage.save",
    "check": "stage.check",
    "copy": "stage.copy",
}
TOLD_STAGES: frozenset[Stage] = frozenset({"download", "load", "denoise", "check", "copy"})  # the others take a moment
PLAIN_INTERVAL_S = 10.0
REDRAW_INTERVAL_S = 0.1
CLEAR = "\r\x1b[K"


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


@dataclass
class ProgressLine:
    """Where long work has come, on a stream. `redraw` when the stream is a terminal."""

    language: Language
    stream: TextIO
    redraw: bool
    width: int = 80
    clock: Callable[[], float] = time.monotonic
    _forecaster: Forecaster = field(init=False)
    _told_stage: str = ""
    _last_time: float = float("-inf")

    def __post_init__(self) -> None:
        self._forecaster = Forecaster(self.clock)

    def show(self, progress: Progress) -> None:
        """Tell a report, unless the last one was told a moment ago."""
        self._forecaster.note(progress)
        now = self.clock()
        if not self._is_due(progress, now - self._last_time):
            return
        self._last_time = now
        line = self.line(progress)
        if self.redraw:
            self.stream.write(CLEAR + cut(line, self.width - 1))
        else:
            self.stream.write(line + "\n")
            self._told_stage = progress.stage
        self.stream.flush()

    def _is_due(self, progress: Progress, since_s: float) -> bool:
        """On a terminal ten times a second; in a pipe when something else begins, and every ten seconds."""
        if self.redraw:
            return since_s >= REDRAW_INTERVAL_S
        begins = progress.stage in TOLD_STAGES and progress.stage != self._told_stage
        return begins or since_s >= PLAIN_INTERVAL_S

    def clear(self) -> None:
        """Take the redrawn line away (and the ^C of an interrupt), so that something else can be written."""
        if self.redraw:
            self.stream.write(CLEAR)
            self.stream.flush()

    def line(self, progress: Progress) -> str:
        """`Drawing · picture 3 of 20 · step 12/20 · 4 s left · all: 1 min 10 s left`."""
        parts = [say(STAGES[progress.stage], self.language)]
        if progress.items > 1:
            parts.append(say("cli.progress.picture", self.language, number=progress.item + 1, count=progress.items))
        parts.extend(self._units(progress))
        left, all_left = self._forecaster.stage_left(progress), self._forecaster.all_left(progress)
        if left:
            parts.append(say("cli.progress.left", self.language, time=duration(left)))
        if all_left:
            parts.append(say("cli.progress.all_left", self.language, time=duration(all_left)))
        return " · ".join(parts)

    def _units(self, progress: Progress) -> list[str]:
        if progress.stage == "denoise":
            return [say("cli.progress.step", self.language, done=progress.done, total=progress.total)]
        if progress.stage in ("download", "copy") and progress.done:
            done, total = megabytes(progress.done), megabytes(progress.total)
            return [f"{done} / {total}" if progress.total else done]
        return []


def can_redraw(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the stream is a terminal that can clear a line."""
    return stream.isatty() and environ.get("TERM", "") != "dumb"


def progress_line(language: Language, width: int, environ: Mapping[str, str]) -> ProgressLine:
    """The progress line on stderr."""
    return ProgressLine(language, sys.stderr, can_redraw(sys.stderr, environ), width)
