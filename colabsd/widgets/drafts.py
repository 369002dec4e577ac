"""What is done with the ticked pictures: finished with more steps, enlarged, or started from."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.language import say
from colabsd.widgets.escaping import sentence
from colabsd.widgets.look import button, html, row
from colabsd.widgets.presses import on_press

if TYPE_CHECKING:
    from colabsd.studio import Studio

FACTORS = (2, 4, 8)
USUAL_FACTOR = 4
# What enlarges: the key of its label and its name.
UPSCALERS: tuple[tuple[str, str], ...] = (
    ("page.enlarge.photo", "realesrgan-x4plus"),
    ("page.enlarge.anime", "realesrgan-anime"),
    ("page.enlarge.plain", "lanczos"),
)

Work = Callable[[Iterator[Any]], object]


class TickedActions:
    """Buttons for the ticked pictures. `work` follows what they start; `start_from` takes one picture's name."""

    def __init__(
        self, studio: "Studio", ticked: Callable[[], Sequence[str]], work: Work, start_from: Callable[[str], None]
    ) -> None:
        self.studio = studio
        self._ticked = ticked
        self._work = work
        self._start_from = start_from
        language = studio.language
        self._said = html()
        self.finish = button(say("page.finish", language), main=True, tooltip=say("page.finish.help", language))
        self.enlarge = button(say("page.enlarge", language), tooltip=say("page.enlarge.help", language))
        options = [(f"× {factor}", factor) for factor in FACTORS]
        self.factor = ipywidgets.Dropdown(options=options, value=USUAL_FACTOR, layout={"width": "70px"})
        ways = [(say(key, language), name) for key, name in UPSCALERS]
        self.upscaler = ipywidgets.Dropdown(options=ways, layout={"width": "190px"})
        self.start = button(say("page.start_from", language), tooltip=say("page.start_from.help", language))
        on_press(self.finish, lambda: self._do(lambda names: studio.finish(names, previews=True)))
        on_press(self.enlarge, lambda: self._do(self._enlarged))
        on_press(self.start, self._started)
        self.root = row(
            self._said, self.finish, row(self.enlarge, self.factor, self.upscaler, gap="4px"), self.start, gap="8px"
        )
        self.refresh()

    def refresh(self) -> None:
        """Show how many are ticked, and what can be done with so many."""
        count = len(self._ticked())
        key = "page.ticked.none" if count == 0 else "page.ticked.one" if count == 1 else "page.ticked.many"
        self._said.value = f'<span class="colabsd-dim">{sentence(key, self.studio.language, count=count)}</span>'
        self.finish.disabled = self.enlarge.disabled = count == 0
        self.start.disabled = count != 1

    def _do(self, begin: Callable[[Sequence[str]], Iterator[Any]]) -> None:
        names = self._ticked()
        if names:
            self._work(begin(names))

    def _enlarged(self, names: Sequence[str]) -> Iterator[Any]:
        return self.studio.enlarge(names, factor=self.factor.value, upscaler=self.upscaler.value)

    def _started(self) -> None:
        names = self._ticked()
        if len(names) == 1:
            self._start_from(names[0])
