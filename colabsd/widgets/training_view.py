"""A training as it is seen on the page: the curve of the loss, sheets of samples, what is best so far."""

import io
import time
from collections.abc import Callable
from typing import Any

import ipywidgets

from colabsd.language import Language
from colabsd.widgets.escaping import box, escaped, sentence
from colabsd.widgets.look import column, html, show_if, with_classes

REDRAW_S = 4.0  # between two drawings of the curve: each is a picture that goes to the browser


class TrainingView:
    """Takes the events of a training. Pictures are plain PNG images, which every notebook shows while a cell runs."""

    def __init__(self, language: Language, clock: Callable[[], float] = time.monotonic) -> None:
        self.language = language
        self._clock = clock
        self._last = float("-inf")
        self.losses: list[float] = []
        self._samples: Any = None
        self._said = html()
        self._curves = with_classes(ipywidgets.Image(format="png", layout={"max_width": "100%"}), "colabsd-view")
        self._sheet = with_classes(ipywidgets.Image(format="png", layout={"max_width": "100%"}), "colabsd-view")
        self.root = column(self._curves, self._said, self._sheet)
        self.clear()

    def clear(self) -> None:
        """Show nothing: another training begins."""
        self.losses, self._samples, self._last = [], None, float("-inf")
        self._said.value = ""
        for image in (self._curves, self._sheet):
            show_if(image, False)

    def take(self, event: Any) -> None:
        """Show what an event tells; what it does not know it leaves alone."""
        shown = {"TrainingReport": self._report, "Samples": self._seen, "Finished": self._finished}
        show = shown.get(type(event).__name__)
        if show is not None:
            show(event)

    def _report(self, report: Any) -> None:
        """Also of a training that goes on: its first steps were taken elsewhere and stand there as the first known."""
        missing = report.step - 1 - len(self.losses)
        self.losses += [report.loss] * max(0, missing)
        self.losses.append(report.loss)
        if self._clock() - self._last >= REDRAW_S:
            self._draw_curve()

    def _finished(self, finished: Any) -> None:
        self.losses = list(finished.losses)
        if self._samples is None:
            self._draw_curve()

    def _seen(self, samples: Any) -> None:
        self._samples = samples
        self._show(self._sheet, samples.image)
        self._show(self._curves, samples.curves)
        self._last = self._clock()
        shares = {name: f"{share:.0%}" for name, share in samples.figures.shares.items()}
        line = sentence("page.train.seen", self.language, step=samples.step, **shares)
        lines = [line]
        if samples.best is not None:
            lines.append(sentence("page.train.best", self.language, step=samples.best))
        self._said.value = box(lines, "info")

    def _draw_curve(self) -> None:
        from colabsd.sheets.training import curves_picture

        title = f"{self.losses[-1]:.4f}"
        self._show(self._curves, curves_picture(self.losses, (), title=title, best=None, language=self.language))
        self._last = self._clock()

    def _show(self, image: Any, picture: Any) -> None:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        image.value = buffer.getvalue()
        show_if(image, True)


def told_run(name: str, step: int, steps: int, language: Language) -> str:
    """An unfinished training in a line of HTML."""
    return f"<b>{escaped(name)}</b> · {sentence('page.train.left', language, step=step, steps=steps)}"
