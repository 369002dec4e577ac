"""The photos of a training on the page: brought along, looked at and mended in a grid, and told what is wrong."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from colabsd.errors import ColabsdError
from colabsd.planning.photos import PhotoKind
from colabsd.progress import Note, Progress
from colabsd.widgets.escaping import box, sentence, told_error
from colabsd.widgets.look import column, html
from colabsd.widgets.photo_grid import PhotoGrid
from colabsd.widgets.photo_upload import PhotoUpload

if TYPE_CHECKING:
    from colabsd.studio import Studio
    from colabsd.training.photos import PhotoSet

MOST_NOTES = 8


class PhotoRoom:
    """`chosen` is the set of photos, None while there are none. `changed` is called when it is another."""

    def __init__(self, studio: "Studio", changed: Callable[[], None]) -> None:
        self.studio = studio
        self.language = studio.language
        self.chosen: PhotoSet | None = None
        self._changed = changed
        self.kind: PhotoKind = "object"
        self.upload = PhotoUpload(studio, self.read)
        self.grid = PhotoGrid(studio.language, self._edited)
        self._told = html()
        self.root = column(self.upload.root, self._told, self.grid.root)
        if self.upload.files():
            self._read()

    def read(self) -> None:
        """Look at the photos that are there now. What is wrong is told."""
        self._read()
        self._changed()

    def use_kind(self, kind: PhotoKind) -> None:
        """Look at the photos again, if they show something else than was thought: people have faces to crop around."""
        if kind != self.kind:
            self.kind = kind
            self._read()

    def _edited(self, chosen: "PhotoSet") -> None:
        self.chosen = chosen if chosen.photos else None
        self._changed()

    def _read(self) -> None:
        self.chosen = None
        notes: list[Note] = []
        try:
            if self.upload.files():
                for event in self.studio.photos([self.upload.folder], self.kind):
                    if isinstance(event, Note):
                        notes.append(event)
                    elif not isinstance(event, Progress):
                        self.chosen = event
        except ColabsdError as error:
            self._told.value = box([told_error(error, self.language)], "error")
            self.grid.show(None)
            return
        self.grid.show(self.chosen)
        under = [note for photo in (self.chosen.photos if self.chosen else ()) for note in photo.problems]
        others = [note for note in notes if note not in under]  # the grid tells the rest, each under its photo
        lines = [sentence(note.key, self.language, **note.facts) for note in others[:MOST_NOTES]]
        self._told.value = box(lines, "warning")
