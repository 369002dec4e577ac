"""The gallery: every picture of the library, page by page; searched, starred, taken along, thrown away."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError, NoPageError
from colabsd.language import say
from colabsd.widgets.escaping import box, data_address, escaped, sentence, told_error
from colabsd.widgets.look import button, card, column, html, row, show_if
from colabsd.widgets.picture_grid import Actions, PictureGrid
from colabsd.widgets.picture_panel import PicturePanel
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.thumbnails import shown_of

if TYPE_CHECKING:
    from colabsd.studio import Studio

PAGE = 24
LARGEST_LINK = 40_000_000  # bytes of a zip that is put into the page itself


class Gallery:
    """The second room of the page. Looks into the library when it is opened, never before."""

    def __init__(self, studio: "Studio", panel: PicturePanel) -> None:
        self.studio = studio
        self._colab = studio.place.colab
        self.language = studio.language
        self.panel = panel
        self.first = 0
        self.total = 0
        self.query = self._search_box()
        self.only_starred = ipywidgets.ToggleButton(
            value=False, description=say("page.gallery.starred", self.language), layout={"width": "auto"}
        )
        on_change(self.only_starred, self.show)
        actions = Actions(open=self._open, star=self._star, ticked=self._refresh_presses)
        self.grid = PictureGrid(actions, self.language)
        self._told, self._place, self._link = html(), html(), html()
        self.newer = self._press("page.gallery.newer", lambda: self.show(self.first - PAGE))
        self.older = self._press("page.gallery.older", lambda: self.show(self.first + PAGE))
        self.tick_all = self._press("page.gallery.tick_all", self._tick_all)
        self.take = self._press("page.gallery.download", self._download)
        self.delete = self._press("page.gallery.delete", lambda: show_if(self._sure, True))
        self._sure_said = html()
        self._sure = row(
            self._sure_said,
            self._press("page.delete.yes", self._delete),
            self._press("page.delete.no", lambda: show_if(self._sure, False)),
        )
        self.root = self._arranged()
        show_if(self._sure, False)

    def show(self, first: int = 0) -> None:
        """Show the page that begins with picture `first` of those that are looked for. What is wrong is told."""
        self._told.value = ""
        try:
            query = self._asked()
            self.total = self.studio.library.count(query)
            self.first = max(0, min(first, (self.total - 1) // PAGE * PAGE))
            records = self.studio.library.search(query, PAGE, self.first)
        except ColabsdError as error:
            self._told.value = box([told_error(error, self.language)], "error")
            return
        self.panel.close()
        self.grid.show([shown_of(self.studio, record) for record in records])
        self._say_place(len(records))
        self._refresh_presses()

    def refresh(self) -> None:
        """Show the same page again, as it is now."""
        self.show(self.first)

    def _open(self, name: str) -> None:
        self.panel.open(name)
        self.grid.insert(self.panel.root, name)

    def _asked(self) -> str:
        words = self.query.value.strip()
        return f"{words} starred".strip() if self.only_starred.value else words

    def _say_place(self, count: int) -> None:
        key = "page.gallery.place" if count else "page.gallery.none_found" if self._asked() else "page.gallery.none"
        facts = {
            "first": self.first + 1,
            "last": self.first + count,
            "total": f"{self.total:,}",
            "query": self._asked(),
        }
        self._place.value = f'<span class="colabsd-dim">{sentence(key, self.language, **facts)}</span>'
        self.newer.disabled = self.first == 0
        self.older.disabled = self.first + count >= self.total

    def _refresh_presses(self) -> None:
        count = len(self.grid.ticked())
        self.take.disabled = self.delete.disabled = count == 0
        show_if(self._sure, False)
        self._sure_said.value = f"<b>{sentence('page.gallery.delete.sure', self.language, count=count)}</b>"

    def _tick_all(self) -> None:
        on = len(self.grid.ticked()) < self.grid.count
        for cell in self.grid.cells:
            cell.tick.value = on and cell.shown is not None

    def _star(self, name: str, on: bool) -> None:
        self._caught(lambda: self.studio.library.star(name, on))()

    def _delete(self) -> None:
        names = self.grid.ticked()
        for _ in self.studio.library.delete(names):
            pass
        self.panel.close()
        self.refresh()
        self._told.value = box([sentence("page.gallery.deleted", self.language, count=len(names))], "info")

    def _download(self) -> None:
        path = self._exported(self.grid.ticked())
        try:
            self._colab.download(path)
            self._link.value = ""
        except NoPageError:
            self._link.value = box([link_html(path, say("page.gallery.link", self.language, name=path.name))], "good")

    def _exported(self, names: Sequence[str]) -> Path:
        path = self.studio.workspace.local / "downloads" / f"colabsd-{datetime.now():%Y-%m-%d-%H%M%S}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in self.studio.library.export_zip(names, path):
            pass
        return path

    def _caught(self, do: Callable[[], object]) -> Callable[..., None]:
        def pressed(*_: Any) -> None:
            try:
                do()
            except ColabsdError as error:
                self._told.value = box([told_error(error, self.language)], "error")

        return pressed

    def _press(self, key: str, do: Callable[[], object]) -> Any:
        made = button(say(key, self.language))
        on_press(made, self._caught(do))
        return made

    def _search_box(self) -> Any:
        search = ipywidgets.Text(
            placeholder=say("page.gallery.search", self.language), continuous_update=False, layout={"flex": "1 1 280px"}
        )
        on_change(search, self.show)
        return search

    def _arranged(self) -> Any:
        said = html(f'<div class="colabsd-dim">{escaped(say("page.gallery.search.help", self.language))}</div>')
        pages = row(self.newer, self._place, self.older)
        presses = row(self.tick_all, self.take, self.delete, gap="6px")
        bar = row(pages, presses, justify_content="space-between")
        top = card(row(self.query, self.only_starred), said)
        return column(top, self._told, bar, self._sure, self._link, self.grid.root)


def link_html(path: Path, label: str) -> str:
    """A link that holds the file itself, or for a large one where it lies."""
    if path.stat().st_size > LARGEST_LINK:
        return escaped(f"{label}: {path}")
    address = data_address(path.read_bytes(), "application/zip")
    return f'<a download="{escaped(path.name)}" href="{address}">⬇ {escaped(label)}</a>'
