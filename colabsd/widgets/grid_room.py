"""Where settings are compared: two that change, or a ready study; a forecast first, then one labelled sheet."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.language.amounts import duration
from colabsd.library.library import KeptSheet
from colabsd.settings.axes import WORDS, Axis
from colabsd.settings.grids import GridSettings, Study
from colabsd.settings.images import ImageSettings
from colabsd.settings.studies import study_grid
from colabsd.widgets.advice import QUIET_NOTES
from colabsd.widgets.axis_input import AxisInput
from colabsd.widgets.controls import NOTHING, names_in
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.look import button, card, column, html, row, show_if, with_classes
from colabsd.widgets.pixels import small_copy
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.run_view import Outcome, RunView

if TYPE_CHECKING:
    from colabsd.studio import Studio

SHEET_SIDE = 1600
SHEET_LAYOUT = {"max_width": "100%", "align_self": "flex-start"}
STUDIES: Mapping[Study, str] = {
    "": "page.study.own",
    "sampler": "page.study.sampler",
    "words": "page.study.words",
    "probe": "page.study.probe",
}
WITH_WORDS: tuple[Study, ...] = ("words", "probe")
EXPLAINED: Mapping[Study, str] = {
    "": "page.study.own.help",
    "sampler": "page.study.sampler.help",
    "words": "page.study.words.help",
    "probe": "page.study.probe.help",
}


class GridRoom:
    """The third room of the page. `base` gives what the form asks; everything that an axis does not change is so."""

    def __init__(self, studio: "Studio", base: Callable[[], ImageSettings], changed: Callable[[], None]) -> None:
        self.studio = studio
        self.language = studio.language
        self._base = base
        self._changed = changed
        language = self.language
        options = [(say(key, language), study) for study, key in STUDIES.items()]
        self.study = ipywidgets.ToggleButtons(options=options, style={"button_width": "auto"})
        self.across = AxisInput(say("page.grid.across", language), "steps", language)
        self.down = AxisInput(say("page.grid.down", language), "sampler", language)
        self.sheets = AxisInput(say("page.grid.sheets", language), NOTHING, language)
        self.words = ipywidgets.Text(continuous_update=False, layout={"width": "auto"})
        self._explained, self._prompt, self._forecast, self._sheets = html(), html(), html(), column()
        self.generate = with_classes(button(say("page.grid.draw", language), main=True, width="220px"), "colabsd-big")
        on_press(self.generate, self.draw)
        self.run_view = RunView(language, QUIET_NOTES)
        self._axes = row(self.across.root, self.down.root, self.sheets.root, align_items="flex-start")
        top = card(
            self._prompt, self.study, self._explained, self._axes, self.words, row(self.generate, self._forecast)
        )
        self.root = column(top, self.run_view.root, self._sheets)
        self._listen()

    def show(self) -> None:
        """Show what would be drawn now."""
        self._arrange()
        self.forecast()

    def read(self) -> GridSettings:
        """The grid that is asked for. Raises: InvalidGridError, InvalidSettingError."""
        base = replace(self._base(), count=1)
        study: Study = self.study.value
        if study:
            words = names_in(self.words.value)
            return study_grid(study, base, [Axis(WORDS, words)] if study != "sampler" else [])
        axes = [axis for part in (self.across, self.down, self.sheets) if (axis := part.read()) is not None]
        return GridSettings(base=base, axes=tuple(axes))

    def draw(self) -> Outcome:
        """Draw the grid. What is wrong with it is told."""
        try:
            grid = self.read()
        except ColabsdError as error:
            self._forecast.value = box([told_error(error, self.language)], "error")
            return Outcome(error=error)
        self._sheets.children = []
        self.generate.disabled = True
        try:
            return self.run_view.follow(self.studio.draw_grid(grid, previews=True), self._take)
        finally:
            self.generate.disabled = False
            self.forecast()
            self._changed()

    def forecast(self) -> None:
        """Say how many pictures it takes and how long. What is wrong is told."""
        if self.study.value in WITH_WORDS and not names_in(self.words.value):
            said = sentence("page.study.needs_words", self.language)
            self._forecast.value = f'<span class="colabsd-dim">{said}</span>'
            return
        try:
            plan = self.studio.plan_grid(self.read())
        except ColabsdError as error:
            self._forecast.value = box([told_error(error, self.language)], "warning")
            return
        facts = {"cells": len(plan.cells), "drawn": len(plan.drawings) - len(plan.kept)}
        said = say("page.grid.forecast", self.language, **facts)
        if plan.seconds is not None:
            said += " · " + say("page.forecast.time", self.language, time=duration(max(1.0, plan.seconds)))
        self._forecast.value = f'<span class="colabsd-dim">{escaped(said)}</span>'

    def _take(self, event: Any) -> None:
        if isinstance(event, KeptSheet):
            self._sheets.children = (*self._sheets.children, self._sheet(event.path))

    def _sheet(self, path: Path) -> Any:
        picture = ipywidgets.Image(value=small_copy(path, SHEET_SIDE), format="jpeg", layout=SHEET_LAYOUT)
        said = sentence("page.grid.kept", self.language, path=path)
        return column(with_classes(picture, "colabsd-view"), html(f'<span class="colabsd-dim">{said}</span>'))

    def _arrange(self) -> None:
        study: Study = self.study.value
        said = escaped(say(EXPLAINED[study], self.language))
        self._explained.value = f'<div class="colabsd-dim">{said}</div>'
        show_if(self._axes, not study)
        show_if(self.words, study in WITH_WORDS)
        key = "page.study.probe.word" if study == "probe" else "page.study.words.list"
        self.words.placeholder = say(key, self.language)
        try:
            prompt = self._base().prompt.strip()
        except ColabsdError:
            prompt = ""
        key = "page.grid.prompt" if prompt else "page.grid.no_prompt"
        self._prompt.value = sentence(key, self.language, prompt=prompt)
        self.generate.disabled = not prompt

    def _listen(self) -> None:
        on_change(self.study, self.show)
        for part in (self.across, self.down, self.sheets):
            on_change(part.values, self.forecast)
            on_change(part.setting, self.forecast)
        on_change(self.words, self.forecast)
