"""Progress for people: one redrawn line with the time left on a terminal, a few plain lines in a pipe."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from colabsd.cli.text import cut
from colabsd.language import Language
from colabsd.progress import Forecaster, Progress, Stage, told_progress

TOLD_STAGES: frozenset[Stage] = frozenset(  # the others take a moment
    {"download", "load", "denoise", "check", "copy", "delete", "enlarge", "encode_film"}
)
PLAIN_INTERVAL_S = 10.0
REDRAW_INTERVAL_S = 0.1
CLEAR = "\r\x1b[K"


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
        """See `told_progress`."""
        return told_progress(progress, self._forecaster, self.language)


def can_redraw(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the stream is a terminal that can clear a line."""
    return stream.isatty() and environ.get("TERM", "") != "dumb"


def progress_line(language: Language, width: int, environ: Mapping[str, str]) -> ProgressLine:
    """The progress line on stderr."""
    return ProgressLine(language, sys.stderr, can_redraw(sys.stderr, environ), width)
