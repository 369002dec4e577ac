"""Thumbnails in a grid, each with a tick, a star and a way to open it.

The same cells are used again and again, so that a gallery of ten thousand pictures takes no more widgets than one page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets

from colabsd.language import Language, say
from colabsd.widgets.look import button, column, html, row, show_if, with_classes
from colabsd.widgets.presses import on_change, on_press

STAR, NO_STAR = "★", "☆"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a cell shows: the picture's name in the library, its bytes, a caption as HTML, and whether it has a star."""

    name: str
    data: bytes
    caption: str
    starred: bool = False


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What presses in a grid do; each gets the picture's name."""

    open: Callable[[str], None]
    star: Callable[[str, bool], None]
    ticked: Callable[[], None]


class Cell:
    """One place of the grid."""

    def __init__(self, actions: Actions, language: Language) -> None:
        self.shown: Shown | None = None
        self._actions = actions
        self._image = ipywidgets.Image(format="jpeg", layout={"width": "auto"})
        self._caption = html("", "colabsd-caption")
        self.tick = ipywidgets.ToggleButton(
            value=False, description=say("page.tick", language), tooltip=say("page.tick.help", language)
        )
        self.tick.layout = ipywidgets.Layout(width="auto", flex="1 1 auto")
        self.star = button(NO_STAR, tooltip=say("page.star", language), width="32px")
        self.open = button(say("page.open", language))
        self.open.layout.flex = "1 1 auto"
        presses = row(self.tick, self.star, self.open, gap="4px", flex_flow="row nowrap")
        self.root = column(self._image, self._caption, presses, gap="4px")
        with_classes(self.root, "colabsd-cell")
        on_change(self.tick, self._ticked)
        on_press(self.star, self._starred)
        on_press(self.open, self._opened)

    def show(self, shown: Shown | None) -> None:
        """Show a picture, or nothing at all."""
        self.shown = shown
        self.tick.value = False
        show_if(self.root, shown)
        if shown is not None:
            self._image.value = shown.data
            self._caption.value = shown.caption
            self.star.description = STAR if shown.starred else NO_STAR

    def _opened(self) -> None:
        if self.shown is not None:
            self._actions.open(self.shown.name)

    def _ticked(self) -> None:
        (self.root.add_class if self.tick.value else self.root.remove_class)("colabsd-ticked")
        self._actions.ticked()

    def _starred(self) -> None:
        if self.shown is not None:
            on = self.star.description == NO_STAR
            self._actions.star(self.shown.name, on)
            self.star.description = STAR if on else NO_STAR


class PictureGrid:
    """Cells beside and under each other. `add` makes more of them where `show` was given more before."""

    def __init__(self, actions: Actions, language: Language) -> None:
        self._actions = actions
        self._language = language
        self.cells: list[Cell] = []
        self.root = with_classes(row(gap="10px"), "colabsd-grid")

    def show(self, pictures: Sequence[Shown]) -> None:
        """Show these pictures and no others."""
        while len(self.cells) < len(pictures):
            self.cells.append(Cell(self._actions, self._language))
        for place, cell in enumerate(self.cells):
            cell.show(pictures[place] if place < len(pictures) else None)
        self.root.children = [cell.root for cell in self.cells]

    def add(self, shown: Shown) -> None:
        """Show one picture more."""
        free = next((cell for cell in self.cells if cell.shown is None), None)
        if free is None:
            free = Cell(self._actions, self._language)
            self.cells.append(free)
        free.show(shown)
        self.root.children = [cell.root for cell in self.cells]

    def remove(self, name: str) -> None:
        """Show that picture no more."""
        for cell in self.cells:
            if cell.shown and cell.shown.name == name:
                cell.show(None)
        self.root.children = [cell.root for cell in self.cells]

    def insert(self, widget: Any, name: str) -> None:
        """Put a wide widget under the row of a picture; it stays until other pictures are shown."""
        roots = [cell.root for cell in self.cells]
        place = next((place for place, cell in enumerate(self.cells) if cell.shown and cell.shown.name == name), None)
        self.root.children = roots if place is None else [*roots[: place + 1], widget, *roots[place + 1 :]]

    def ticked(self) -> list[str]:
        """The names of the ticked pictures, in order."""
        return [cell.shown.name for cell in self.cells if cell.shown and cell.tick.value]

    def untick(self) -> None:
        """Take every tick away."""
        for cell in self.cells:
            cell.tick.value = False

    @property
    def count(self) -> int:
        """How many pictures are shown."""
        return sum(cell.shown is not None for cell in self.cells)
