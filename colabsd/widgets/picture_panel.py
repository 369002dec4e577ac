"""One picture of the library, large, with what can be done with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.library.record import Record
from colabsd.widgets.captions import manifest_rows, name_of, record_rows
from colabsd.widgets.escaping import box, escaped, told_error
from colabsd.widgets.look import button, card, column, columns, html, row, show_if, with_classes
from colabsd.widgets.presses import on_press
from colabsd.widgets.thumbnails import large_copy

if TYPE_CHECKING:
    from colabsd.studio import Studio


@dataclass(frozen=True, kw_only=True)
class PictureVerbs:
    """What the page does with one picture; each gets its record."""

    use_settings: Callable[[Record], None]
    draw_again: Callable[[Record], None]
    start_from: Callable[[Record], None]
    deleted: Callable[[Record], None]


class PicturePanel:
    """Shows one picture at a time, or none. Deleting is asked twice."""

    def __init__(self, studio: "Studio", verbs: PictureVerbs) -> None:
        self.studio = studio
        self.language = studio.language
        self.record: Record | None = None
        self._verbs = verbs
        picture = ipywidgets.Image(format="jpeg", layout={"max_width": "100%", "width": "384px"})
        self._image = with_classes(picture, "colabsd-view")
        self._facts, self._manifest, self._trouble = html(), html(), html()
        self.buttons = {key: button(say(key, self.language)) for key in self._presses()}
        for key, do in self._presses().items():
            on_press(self.buttons[key], self._caught(do))
        self._sure = row(
            html(f"<b>{escaped(say('page.delete.sure', self.language))}</b>"),
            self._button("page.delete.yes", self._delete),
            self._button("page.delete.no", lambda: show_if(self._sure, False)),
        )
        presses = row(*self.buttons.values(), gap="6px")
        beside = column(self._facts, presses, self._sure, self._manifest)
        self._inside = columns(self._image, beside, least=("200px", "300px"))
        self.root = card(self._trouble, self._inside)
        show_if(self.root, False)
        show_if(self._sure, False)

    def open(self, name: str) -> None:
        """Show the picture of that name. What cannot be shown is told."""
        show_if(self._inside, False)
        self._caught(lambda: self._open(name))()

    def close(self) -> None:
        """Show none."""
        self.record = None
        show_if(self.root, False)

    def _open(self, name: str) -> None:
        self.record = self.studio.library.find(name)
        self._image.value = large_copy(self.studio, self.record)
        self._facts.value = record_rows(self.record, self.language)
        self._manifest.value = self._trouble.value = ""
        show_if(self._sure, False)
        show_if(self._inside, True)
        show_if(self.root, True)

    def _presses(self) -> dict[str, Callable[[], None]]:
        return {
            "page.use_settings": lambda: self._verbs.use_settings(self._current()),
            "page.draw_again": lambda: self._verbs.draw_again(self._current()),
            "page.start_from": lambda: self._verbs.start_from(self._current()),
            "page.manifest": self._show_manifest,
            "page.delete": lambda: show_if(self._sure, True),
            "page.close": self.close,
        }

    def _current(self) -> Record:
        assert self.record is not None, "the buttons are there while a picture is"
        return self.record

    def _button(self, key: str, do: Callable[[], None]) -> Any:
        made = button(say(key, self.language))
        on_press(made, self._caught(do))
        return made

    def _show_manifest(self) -> None:
        if self._manifest.value:
            self._manifest.value = ""
            return
        self._manifest.value = manifest_rows(self.studio.library.manifest(self._current()), self.language)

    def _delete(self) -> None:
        record = self._current()
        for _ in self.studio.library.delete([name_of(record)]):
            pass
        self.close()
        self._verbs.deleted(record)

    def _caught(self, do: Callable[[], None]) -> Callable[..., None]:
        """The same, with errors that people can do something about told in the panel."""

        def pressed(*_: Any) -> None:
            self._trouble.value = ""
            try:
                do()
            except ColabsdError as error:
                self._trouble.value = box([told_error(error, self.language)], "error")
                show_if(self.root, True)

        return pressed
