"""Long work in a plain cell: lines of text, and pictures as they are kept. No widgets; works wherever a cell does."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import ColabsdError
from colabsd.language import Language, say, say_on_page
from colabsd.progress import Forecaster, Note, Progress, told_progress
from colabsd.settings.images import ImageSettings
from colabsd.widgets.pixels import small_copy

if TYPE_CHECKING:
    from colabsd.library.library import KeptPicture
    from colabsd.studio import Studio

LINE_INTERVAL_S = 5.0  # Colab's command line gives up on a cell that is silent for 30 s
SHOWN_SIDE = 512


class ToldError(Exception):
    """A mistake that people can do something about, in their words; a notebook shows the sentence and no traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [str(self)]


def follow(
    studio: "Studio",
    events: Iterator[Any],
    *,
    show: Callable[[Path], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> "list[KeptPicture]":
    """Drive long work to its end under the running cell; gives the pictures that were kept.

    Prints a line every few seconds, so that no cell looks dead. Interrupting the cell stops at the next step, and what
    is kept stays kept. `show` displays a picture file; None is IPython's display. Raises: ToldError.
    """
    lines = Lines(studio.language, clock)
    kept: list[KeptPicture] = []
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                studio.library.tend()
                if isinstance(event, Progress):
                    lines.progress(event)
                elif isinstance(event, Note):
                    lines.say(event.key, **event.facts)
                else:
                    kept.extend(_kept(event, lines, show or _display))
    except KeyboardInterrupt:
        lines.say("cell.stopped", kept=len(kept))
    except ColabsdError as error:
        raise ToldError(error.tell_on_page(studio.language)) from None
    return kept


def draw_here(studio: "Studio", **settings: Any) -> "list[KeptPicture]":
    """Draw under the running cell; settings are those of `ImageSettings`. Raises: ToldError."""
    return follow(studio, studio.draw(ImageSettings(**settings)))


def finish_what_waits(studio: "Studio") -> "list[KeptPicture]":
    """Draw what stopped or killed runs left, under the running cell. Raises: ToldError."""
    if not studio.unfinished():
        print(say("cell.nothing", studio.language), flush=True)
        return []
    return follow(studio, studio.resume())


class Lines:
    """Printed lines, flushed at once, so that they are seen while the cell runs."""

    def __init__(self, language: Language, clock: Callable[[], float]) -> None:
        self.language = language
        self._clock = clock
        self._forecaster = Forecaster(clock)
        self._last = float("-inf")

    def progress(self, progress: Progress) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        self._forecaster.note(progress)
        if self._clock() - self._last >= LINE_INTERVAL_S:
            self._print(told_progress(progress, self._forecaster, self.language))

    def say(self, key: str, **facts: object) -> None:
        """Tell a sentence."""
        self._print(say_on_page(key, self.language, **facts))

    def _print(self, line: str) -> None:
        self._last = self._clock()
        print(line, flush=True)


def _kept(event: Any, lines: Lines, show: Callable[[Path], None]) -> "list[KeptPicture]":
    """Show what was kept: pictures with seed and place; a sheet of a grid as a picture; other results not at all."""
    from colabsd.library.library import KeptPicture

    path = getattr(event, "path", None)
    if isinstance(event, KeptPicture):
        drawing = event.picture.drawing
        lines.say("cell.kept", seed=drawing.seed, size=drawing.size, path=event.path)
    if isinstance(path, Path):
        show(path)
    return [event] if isinstance(event, KeptPicture) else []


def _display(path: Path) -> None:
    """A small copy under the cell: a notebook with full pictures in it becomes too heavy to open."""
    from IPython.display import Image, display

    display(Image(data=small_copy(path, SHOWN_SIDE), format="jpeg"))
