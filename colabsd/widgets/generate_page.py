"""The page in the notebook: create, gallery, compare, guide.

It is built anew from the studio whenever its cell is run, so it always shows the true state.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.library.library import KeptPicture
from colabsd.library.record import Record
from colabsd.widgets.captions import name_of
from colabsd.widgets.cells import AfterCells
from colabsd.widgets.choices import ModelChoice
from colabsd.widgets.create_room import CreateRoom
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.gallery import Gallery
from colabsd.widgets.grid_room import GridRoom
from colabsd.widgets.guide import guide
from colabsd.widgets.look import button, column, html, row, show_if, style_sheet, with_classes
from colabsd.widgets.picture_panel import PicturePanel, PictureVerbs
from colabsd.widgets.presses import on_change, on_press

if TYPE_CHECKING:
    from colabsd.studio import Studio

ROOMS: Mapping[str, str] = {
    "create": "page.room.create",
    "gallery": "page.room.gallery",
    "grid": "page.room.grid",
    "guide": "page.room.guide",
}


class GeneratePage:
    """Everything on the page. `root` is the widget that is displayed; `run` draws as the button does."""

    def __init__(self, studio: "Studio") -> None:
        self.studio = studio
        self.language = studio.language
        verbs = PictureVerbs(
            use_settings=self._use_settings,
            draw_again=self._draw_again,
            start_from=self._start_from,
            deleted=self._deleted,
        )
        self.panel = PicturePanel(studio, verbs)
        self.create = CreateRoom(studio, self.panel, self._library_changed)
        self.gallery_panel = PicturePanel(studio, verbs)
        self.gallery = Gallery(studio, self.gallery_panel)
        self.grid = GridRoom(studio, self.create.form.read, self._library_changed)
        self.rooms = self._navigation()
        self._bodies = {
            "create": column(self._offer(), self.create.root, gap="14px"),
            "gallery": self.gallery.root,
            "grid": self.grid.root,
            "guide": column(),
        }
        self._status = html()
        head = row(
            html(f'<span class="colabsd-title">{escaped(say("page.title", self.language))}</span>'), self._status
        )
        head.layout.justify_content = "space-between"
        self.root = column(style_sheet(), head, self.rooms, *self._bodies.values(), gap="12px")
        with_classes(self.root, "colabsd")
        self._go_on()
        self.open("create")
        self.create.advise()
        self.create.show_last()
        self.create.refresh_unfinished()
        self._library_changed()

    def show(self) -> "GeneratePage":
        """Put the page under the running cell."""
        from IPython.display import display

        display(self.root)
        AfterCells("generate", self._after_cell).listen()
        return self

    def run(self, **settings: Any) -> list[KeptPicture]:
        """Draw what the form asks, with these settings changed, under the running cell; the pictures that were kept.

        It is what the button does. What is wrong is told, not raised; stopping the cell keeps what is finished.
        """
        from IPython.display import display

        shown = column(style_sheet(), self.create.run_view.root, self.create.pictures.root)
        display(with_classes(shown, "colabsd"))
        outcome = self.create.draw_with(settings)
        return [result for result in outcome.results if isinstance(result, KeptPicture)]

    def open(self, room: str) -> None:
        """Show a room of the page."""
        if self.rooms.value == room:
            self._show_room(room)
        self.rooms.value = room

    def _show_room(self, room: str) -> None:
        for name, body in self._bodies.items():
            show_if(body, name == room)
        if room == "gallery":
            self.gallery.refresh()
        elif room == "grid":
            self.grid.show()
        elif room == "guide" and not self._bodies["guide"].children:
            self._bodies["guide"].children = (guide(self.studio),)

    def _navigation(self) -> Any:
        options = [(say(key, self.language), name) for name, key in ROOMS.items()]
        rooms = ipywidgets.ToggleButtons(options=options, style={"button_width": "auto"})
        on_change(rooms, lambda: self._show_room(rooms.value))
        return with_classes(rooms, "colabsd-rooms")

    def _library_changed(self) -> None:
        """Say how many pictures there are now, and how many of them are on Drive."""
        self.studio.library.tend()
        count = self._count = self.studio.library.count("")
        facts = {"count": f"{count:,}", "machine": machine_name(self.studio)}
        drive = self.studio.library.ledger().tell(self.language)
        said = " · ".join(filter(None, (say("page.status", self.language, **facts), drive)))
        self._status.value = f'<span class="colabsd-dim">{escaped(said)}</span>'

    def _after_cell(self) -> None:
        """Other cells draw, too."""
        if self.studio.library.count("") == self._count:
            return
        self._library_changed()
        if self.rooms.value == "gallery":
            self.gallery.refresh()

    # What is done with one picture of the library; each leads back to the first room.

    def _deleted(self, record: Record) -> None:
        self.create.pictures.remove(name_of(record))
        if self.rooms.value == "gallery":
            self.gallery.refresh()
        self._library_changed()

    def _use_settings(self, record: Record) -> None:
        self._in_create(lambda: self.create.use_settings(record))

    def _draw_again(self, record: Record) -> None:
        self._in_create(lambda: self.create.draw_again(record))

    def _start_from(self, record: Record) -> None:
        self._in_create(lambda: self.create.start_from(record))

    def _in_create(self, do: Callable[[], object]) -> None:
        self.panel.close()
        self.gallery_panel.close()
        self.open("create")
        do()

    # What was last.

    def _go_on(self) -> None:
        """Go on with the model that this workspace remembers, and with the words of its newest picture."""
        remembered = self.studio.remembered_model()
        if remembered is not None:
            self.create.form.use_model(remembered)
        for newest in self.studio.library.list(1):
            self.create.form.fill_words(newest.prompt, newest.negative_prompt)

    def _offer(self) -> Any:
        """With a graphics card a larger model is worth its download: say what it takes, and wait."""
        larger = next((choice for choice in self.create.form.choices if choice.to_bring), None)
        if self.studio.machine.gpu is None or larger is None:
            return row(display="none")
        said = html(sentence("page.offer", self.language, name=larger.card.name, gb=f"{larger.to_bring / 1e9:.1f}"))
        take = button(say("page.offer.take", self.language, name=larger.card.name))
        offer = with_classes(row(said, take), "colabsd-card")

        def taken(chosen: ModelChoice = larger) -> None:
            self.studio.remember_model(chosen.card.name)
            self.create.form.use_model(chosen.card.name)
            self.create.advise()
            show_if(offer, False)

        on_press(take, taken)
        return offer


def machine_name(studio: "Studio") -> str:
    """The graphics card, or how many cores there are."""
    gpu = studio.machine.gpu
    return gpu.name if gpu is not None else say("page.machine.cpu", studio.language, cores=studio.machine.cores)


def show(studio: "Studio") -> GeneratePage | None:
    """Show the page of a studio under the running cell; what keeps it from opening is told there, with None."""
    from IPython.display import display

    try:
        return GeneratePage(studio).show()
    except ColabsdError as error:
        display(
            with_classes(column(style_sheet(), html(box([told_error(error, studio.language)], "error"))), "colabsd")
        )
        return None
