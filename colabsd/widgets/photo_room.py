"""The photos of a training on the page: brought along, looked at, and told what is wrong with them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from colabsd.errors import ColabsdError
from colabsd.geometry import Size
from colabsd.planning.photos import PhotoKind
from colabsd.progress import Note, Progress
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.look import column, html, row, with_classes
from colabsd.widgets.photo_upload import PhotoUpload
from colabsd.widgets.pixels import shown_bytes

if TYPE_CHECKING:
    from colabsd.studio import Studio
    from colabsd.training.photos import PhotoSet

SIDE = 160  # of a photo on the page
MOST_SHOWN = 60
MOST_NOTES = 8


class PhotoRoom:
    """`chosen` is the set of photos, None while there are none. `changed` is called when it is another."""

    def __init__(self, studio: "Studio", changed: Callable[[], None]) -> None:
        self.studio = studio
        self.language = studio.language
        self.chosen: PhotoSet | None = None
        self._changed = changed
        self.upload = PhotoUpload(studio, self.read)
        self._grid = with_classes(row(gap="8px"), "colabsd-photos")
        self._told = html()
        self.root = column(self.upload.root, self._told, self._grid)
        if self.upload.files():
            self._read()

    def read(self, kind: PhotoKind = "object") -> None:
        """Look at the photos that are there now. What is wrong is told."""
        self._read(kind)
        self._changed()

    def _read(self, kind: PhotoKind = "object") -> None:
        self.chosen = None
        notes: list[Note] = []
        try:
            if self.upload.files():
                for event in self.studio.photos([self.upload.folder], kind):
                    if isinstance(event, Note):
                        notes.append(event)
                    elif not isinstance(event, Progress):
                        self.chosen = event
        except ColabsdError as error:
            self._told.value = box([told_error(error, self.language)], "error")
            self._grid.children = []
            return
        lines = [sentence(note.key, self.language, **note.facts) for note in notes[:MOST_NOTES]]
        self._told.value = box(lines, "warning")
        self._grid.children = [self._cell(photo) for photo in (self.chosen.photos if self.chosen else ())[:MOST_SHOWN]]

    def _cell(self, photo: Any) -> Any:
        """The photo as it will be learnt: cropped."""
        import ipywidgets

        try:
            data = shown_bytes(photo.image(Size(SIDE, SIDE)), SIDE)
        except ColabsdError:  # told above, and left out when it is trained
            data = b""
        image = ipywidgets.Image(value=data, format="jpeg", layout={"width": f"{SIDE}px"})
        caption = html(
            f'<span class="colabsd-clip">{escaped(photo.caption or photo.name, 60)}</span>', "colabsd-caption"
        )
        cell = with_classes(column(image, caption, gap="2px"), "colabsd-cell")
        cell.layout.width = f"{SIDE + 14}px"
        return cell
