"""Prompts by frame in a small table: from which frame on, what is seen. Knows no film."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from colabsd.language import Language, say
from colabsd.widgets.controls import labelled
from colabsd.widgets.look import button, column, row
from colabsd.widgets.presses import on_change, on_press

KEYED = re.compile(r"\s*([0-9]+|[^:]*max_f[^:]*)\s*:\s*(.*)", re.DOTALL)


class PromptTable:
    """`root` is what is shown. `changed` is called whenever a row is another one."""

    def __init__(self, language: Language, changed: Callable[[], None]) -> None:
        self.language = language
        self._changed = changed
        self._silent = False
        self.rows: list[tuple[Any, Any]] = []
        self._body = column(gap="4px")
        self.more = button(say("page.film.prompt.more", language))
        on_press(self.more, lambda: self.add("", ""))
        self.root = labelled(
            say("page.film.prompts", language), say("field.prompts.help", language), self._body, self.more
        )

    def read(self) -> tuple[str, ...]:
        """The prompts as settings have them; rows without a text are left out."""
        return tuple(
            f"{frame.value.strip() or '0'}: {text.value.strip()}" for frame, text in self.rows if text.value.strip()
        )

    def fill(self, prompts: Sequence[str]) -> None:
        """Show these prompts, and one empty row where there are none."""
        self._silent = True
        self.rows.clear()
        for prompt in prompts or ("0: ",):
            found = KEYED.fullmatch(prompt)
            self.add(*(found.groups() if found else ("0", prompt)))
        self._silent = False
        self._changed()

    def add(self, frame: str, text: str) -> None:
        """Put a row below the others."""
        first = ipywidgets.Text(
            value=frame, placeholder=say("sheet.film.frame", self.language), continuous_update=False
        )
        first.layout.width = "84px"
        second = ipywidgets.Text(
            value=text, placeholder=say("page.film.prompt.placeholder", self.language), continuous_update=False
        )
        second.layout.flex = "1 1 260px"
        second.layout.width = "auto"
        pair = (first, second)
        self.rows.append(pair)
        for typed in pair:
            on_change(typed, self._tell)
        self._show()

    def _remove(self, pair: tuple[Any, Any]) -> None:
        self.rows.remove(pair)
        self._show()
        self._tell()

    def _show(self) -> None:
        self._body.children = [self._line(pair) for pair in self.rows]

    def _line(self, pair: tuple[Any, Any]) -> Any:
        gone = button("×", tooltip=say("page.film.prompt.remove", self.language), width="46px")
        gone.disabled = len(self.rows) == 1
        on_press(gone, lambda: self._remove(pair))
        return row(*pair, gone, gap="6px", flex_flow="row nowrap")

    def _tell(self) -> None:
        if not self._silent:
            self._changed()
