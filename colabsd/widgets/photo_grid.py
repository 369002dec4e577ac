"""Photos to train on in a grid: each with its crop, its caption, what is wrong with it. Knows nothing of uploads.

The same cells are used again and again: five hundred photos are pages of the same widgets.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import Language, say
from colabsd.widgets.escaping import box, escaped, sentence
from colabsd.widgets.look import button, column, html, row, show_if, with_classes
from colabsd.widgets.photo_cropping import SIDE as LARGE
from colabsd.widgets.photo_cropping import PhotoCropping
from colabsd.widgets.pixels import shown_bytes
from colabsd.widgets.presses import on_change, on_press

if TYPE_CHECKING:
    from colabsd.training.photos import Photo, PhotoSet

SIDE = 200
PAGE = 24


class PhotoCell:
    """One place of the grid."""

    def __init__(self, grid: "PhotoGrid", language: Language) -> None:
        self.photo: Photo | None = None
        self._grid = grid
        self._language = language
        self._setting = False
        self._image = ipywidgets.Image(format="jpeg", layout={"width": "auto"})
        self._words = html("", "colabsd-caption")
        self.caption = ipywidgets.Text(continuous_update=False, layout={"width": "auto"})
        self.crop = button(say("page.photos.crop", language))
        self.leave_out = button(say("page.photos.leave_out", language))
        for press in (self.crop, self.leave_out):
            press.layout.flex = "1 1 auto"
        on_press(self.crop, self._open)
        on_press(self.leave_out, self._leave_out)
        on_change(self.caption, self._write)
        presses = row(self.crop, self.leave_out, gap="4px", flex_flow="row nowrap")
        self.root = with_classes(column(self._image, self._words, self.caption, presses, gap="4px"), "colabsd-cell")

    def show(self, photo: "Photo | None", image: Any = None) -> None:
        """Show a photo, `image` in any size; or nothing at all."""
        from colabsd.sheets.photos import RIGHT, WRONG, lit_crop
        from colabsd.training.photo_sheets import crop_shares

        self.photo = photo
        show_if(self.root, photo)
        if photo is None:
            return
        self._setting = True
        self.caption.value = photo.caption
        self.caption.placeholder = photo.proposed or say("page.photos.caption", self._language)
        self._setting = False
        colour = WRONG if photo.problems else RIGHT
        self._image.value = b"" if image is None else shown_bytes(lit_crop(image, crop_shares(photo), SIDE, colour))
        self._words.value = self._said(photo)

    def _said(self, photo: "Photo") -> str:
        from colabsd.training.photo_sheets import without_name

        name = f'<span class="colabsd-clip" title="{escaped(photo.name, 200)}">{escaped(photo.name, 60)}</span>'
        size = f'<span class="colabsd-dim">{escaped(photo.crop.size)}</span>'
        told = (say(note.key, self._language, **note.facts) for note in photo.problems)
        return name + size + box([escaped(without_name(photo, one), 400) for one in told], "warning")

    def _open(self) -> None:
        if self.photo is not None:
            self._grid.crop(self.photo.name)

    def _leave_out(self) -> None:
        if self.photo is not None:
            self._grid.leave_out(self.photo.name)

    def _write(self) -> None:
        if self.photo is not None and not self._setting:
            self._grid.write(self.photo.name, self.caption.value)


class PhotoGrid:
    """`chosen` is the set as it stands now; `changed` is called with it whenever somebody changed it."""

    def __init__(self, language: Language, changed: "Callable[[PhotoSet], None]") -> None:
        self.chosen: PhotoSet | None = None
        self.cells: list[PhotoCell] = []
        self.first = 0
        self._language = language
        self._changed = changed
        self._images: dict[str, Any] = {}
        self._told = html()
        self.shape = self._shapes()
        self.name_captions = self._press("page.photos.name_captions", lambda: self._caption_all(proposed=True))
        self.clear_captions = self._press("page.photos.clear_captions", lambda: self._caption_all(proposed=False))
        self.newer = self._press("page.gallery.newer", lambda: self._turn(-PAGE))
        self.older = self._press("page.gallery.older", lambda: self._turn(PAGE))
        self._place = html("", "colabsd-dim")
        self._cells = with_classes(row(gap="10px", align_items="flex-start"), "colabsd-grid")
        self.cropping: PhotoCropping | None = None
        self._pages = row(self.newer, self._place, self.older)
        bar = row(self.shape, self.name_captions, self.clear_captions)
        self.root = column(bar, self._told, self._pages, self._cells)
        self.show(None)

    def show(self, chosen: "PhotoSet | None") -> None:
        """Show a set, from its first photo on; None shows nothing."""
        self._images.clear()
        self.first = 0
        self.cropping = None
        self.chosen = chosen
        self._show()

    def crop(self, name: str) -> None:
        """Open one photo large, under its row, to move its crop."""
        assert self.chosen is not None, "nothing is shown"
        self.cropping = PhotoCropping(self._language, self._replace, self._close, self.chosen.side)
        photo = self.chosen.find(name)
        self.cropping.open(photo, self._image(photo))
        self._arrange()

    def leave_out(self, name: str) -> None:
        """Take a photo out of the set. Its file stays."""
        assert self.chosen is not None, "nothing is shown"
        self._take(self.chosen.without(name))

    def write(self, name: str, caption: str) -> None:
        """Give a photo another caption. It is kept with the set; no file is written."""
        from colabsd.training.captions import clean_caption

        assert self.chosen is not None, "nothing is shown"
        self._replace(replace(self.chosen.find(name), caption=clean_caption(caption)))

    def _replace(self, photo: "Photo") -> None:
        assert self.chosen is not None, "nothing is shown"
        self._take(self.chosen.with_photo(photo), closing=False)

    def _take(self, chosen: "PhotoSet", closing: bool = True) -> None:
        self.chosen = chosen
        if closing:
            self.cropping = None
        self._show()
        self._changed(chosen)

    def _close(self) -> None:
        self.cropping = None
        self._arrange()

    def _turn(self, by: int) -> None:
        self.first += by
        self.cropping = None
        self._show()

    def _reshape(self) -> None:
        from colabsd.training.shapes import shapes_of

        if self.chosen is not None:
            sizes = [photo.size for photo in self.chosen.photos]
            self._take(self.chosen.cropped(shapes_of(self.shape.value, sizes, self.chosen.side)))

    def _caption_all(self, *, proposed: bool) -> None:
        """Give every photo the caption that its name proposes where it has none, or take all captions away."""
        if self.chosen is not None:
            photos = tuple(
                replace(photo, caption=(photo.caption or photo.proposed) if proposed else "")
                for photo in self.chosen.photos
            )
            self._take(replace(self.chosen, photos=photos))

    def _show(self) -> None:
        photos = () if self.chosen is None else self.chosen.photos
        self.first = max(0, min(self.first, (len(photos) - 1) // PAGE * PAGE))
        shown = photos[self.first : self.first + PAGE]
        while len(self.cells) < len(shown):
            self.cells.append(PhotoCell(self, self._language))
        for place, cell in enumerate(self.cells):
            photo = shown[place] if place < len(shown) else None
            cell.show(photo, None if photo is None else self._image(photo))
        self._say(len(photos))
        self._arrange()

    def _say(self, count: int) -> None:
        for widget in (self.root.children[0], self._cells):
            show_if(widget, count)
        show_if(self._pages, count > PAGE)
        last = min(self.first + PAGE, count)
        self._place.value = f"{self.first + 1}–{last} / {count}"
        self.newer.disabled, self.older.disabled = self.first == 0, last >= count
        problems = sum(bool(photo.problems) for photo in self.chosen.photos) if self.chosen else 0
        key = "page.photos.wrong" if problems else "page.photos.right"
        told = [sentence(key, self._language, count=count, problems=problems)] if count else []
        self._told.value = box(told, "warning" if problems else "good")

    def _arrange(self) -> None:
        """The cells, and under that of the open photo its panel."""
        children: list[Any] = []
        for cell in self.cells:
            children.append(cell.root)
            opened = self.cropping and self.cropping.photo
            if opened and cell.photo is not None and cell.photo.name == opened.name:
                children.append(self.cropping.root)  # type: ignore[union-attr]
        self._cells.children = children

    def _image(self, photo: "Photo") -> Any:
        """The photo, small enough to keep; None where its file can no longer be read."""
        if photo.name not in self._images:
            try:
                image = photo.upright(LARGE)
            except ColabsdError:
                return None
            image.thumbnail((LARGE, LARGE))
            self._images[photo.name] = image
        return self._images[photo.name]

    def _shapes(self) -> Any:
        from colabsd.training.shapes import OWN, SHAPES, SQUARE

        named = {SQUARE: "page.photos.shape.square", OWN: "page.photos.shape.own"}
        options = [(say(named[shape], self._language) if shape in named else shape, shape) for shape in SHAPES]
        chosen = ipywidgets.Dropdown(
            options=options, value=SQUARE, description=say("page.photos.shape", self._language)
        )
        chosen.style.description_width = "initial"
        on_change(chosen, self._reshape)
        return chosen

    def _press(self, key: str, do: Callable[[], object]) -> Any:
        made = button(say(key, self._language))
        on_press(made, do)
        return made
