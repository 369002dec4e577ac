"""Long work on the page: a bar with the time left, the picture as it grows, what is told, and how it ended.

It runs where it was asked for, in the cell or in the callback of a button: no threads, whose changes Colab does not
show. While it runs no press arrives; the notebook's own stop button raises KeyboardInterrupt here, which stops the work
at its next step.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import Language
from colabsd.progress import Forecaster, Note, Progress, told_progress
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.look import column, html, show_if, with_classes
from colabsd.widgets.pixels import preview_bytes

REDRAW_INTERVAL_S = 0.25
MOST_NOTES = 8


@dataclass
class Outcome:
    """How long work ended: its results, whether it was stopped, what went wrong (already told)."""

    results: list[Any] = field(default_factory=list)
    stopped: bool = False
    error: ColabsdError | None = None


class RunView:
    """Where work is followed. One at a time."""

    def __init__(
        self, language: Language, quiet_notes: tuple[str, ...] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.language = language
        self._quiet_notes = frozenset(quiet_notes)
        self._clock = clock
        self._last_time = float("-inf")
        self._notes: dict[str, None] = {}
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "auto", "height": "12px"})
        self._status = html()
        self._preview = with_classes(ipywidgets.Image(format="jpeg", layout={"width": "256px"}), "colabsd-view")
        self._told = html()
        self._running = column(self._status, self._bar, self._preview)
        self.root = column(self._running, self._told)
        show_if(self._running, False)

    def follow(self, work: Iterator[Any], on_result: Callable[[Any], None]) -> Outcome:
        """Drive the work to its end. Progress and notes are shown here, everything else goes to `on_result`.

        Errors that people can do something about are told here, and so is being stopped; others are told and raised.
        """
        outcome = Outcome()
        self.begin()
        show_if(self._running, True)
        try:
            with closing(work):  # type: ignore[type-var]
                for event in work:
                    self._take(event, outcome, on_result)
        except KeyboardInterrupt:
            outcome.stopped = True
        except ColabsdError as error:
            outcome.error = error
        except Exception as error:
            facts = {"type": type(error).__name__, "reason": error}
            self.tell(sentence("page.unexpected", self.language, **facts), "error")
            raise
        finally:
            show_if(self._running, False)
        self._tell_end(outcome)
        return outcome

    def tell(self, line: str, tone: Any = "info") -> None:
        """Show a line of HTML under the others."""
        self._told.value += box([line], tone)

    def begin(self) -> None:
        """Take away what was told of other work."""
        self._forecaster = Forecaster(self._clock)
        self._last_time = float("-inf")
        self._notes.clear()
        self._told.value = ""
        self._bar.value = 0
        self._status.value = sentence("page.starting", self.language)
        show_if(self._preview, False)

    def _take(self, event: Any, outcome: Outcome, on_result: Callable[[Any], None]) -> None:
        if isinstance(event, Progress):
            self._show(event)
        elif isinstance(event, Note):
            self._note(event)
        else:
            outcome.results.append(event)
            on_result(event)

    def _show(self, progress: Progress) -> None:
        self._forecaster.note(progress)
        now = self._clock()
        if now - self._last_time < REDRAW_INTERVAL_S and progress.done:
            return
        self._last_time = now
        said = escaped(told_progress(progress, self._forecaster, self.language))
        hint = sentence("page.how_to_stop", self.language)
        self._status.value = f'<b>{said}</b><br><span class="colabsd-dim">{hint}</span>'
        self._bar.value = share_done(progress)
        if progress.preview is not None:
            self._preview.value = preview_bytes(progress.preview)
            show_if(self._preview, True)

    def _note(self, note: Note) -> None:
        line = sentence(note.key, self.language, **note.facts)
        if note.key not in self._quiet_notes and line not in self._notes and len(self._notes) < MOST_NOTES:
            self._notes[line] = None
            self.tell(line)

    def _tell_end(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.tell(told_error(outcome.error, self.language), "error")
        if outcome.stopped or (outcome.error is not None and outcome.results):
            self.tell(sentence("page.stopped", self.language, kept=len(outcome.results)), "warning")


def share_done(progress: Progress) -> float:
    """How much of all pictures is done, from 0 to 1; of work that is counted otherwise, of its stage."""
    part = progress.done / progress.total if progress.total > 0 else 0.0
    if progress.stage not in ("denoise", "decode") or progress.items < 2:
        return min(1.0, part)
    return min(1.0, (progress.item + (part if progress.stage == "denoise" else 1.0)) / progress.items)
