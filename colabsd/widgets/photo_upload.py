"""Photos that people bring to the page: many at once, or those that come along for a try."""

from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError, NoPageError
from colabsd.language import say
from colabsd.widgets.escaping import box, sentence, told_error
from colabsd.widgets.look import button, column, html, row, show_if
from colabsd.widgets.photo_files import keep_photo, photo_folder, photos_in
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.uploads import LONGEST_UPLOAD, forget_upload, uploaded_files

if TYPE_CHECKING:
    from colabsd.studio import Studio

PHOTO_FILES = ".png,.jpg,.jpeg,.webp,.heic,.heif,.txt"


class PhotoUpload:
    """A button that brings photos along, and one that forgets them all. `changed` is called when there are others."""

    def __init__(self, studio: "Studio", changed: Callable[[], None]) -> None:
        self.studio = studio
        self._colab = studio.place.colab
        self._changed = changed
        self.folder = photo_folder(studio)
        self._trouble = html()
        self._count = html()
        language = studio.language
        self.forget = button(say("page.train.forget_photos", language))
        on_press(self.forget, self._forget)
        self.example = button(say("page.train.example", language))
        on_press(self.example, self.take_example)
        brings = self._brings(say("page.train.upload", language))
        self.root = column(row(brings, self.example, self.forget, self._count), self._trouble)
        self._tell()

    def take(self, contents: Iterable[tuple[str, bytes]]) -> None:
        """Keep these files. What is too large is told."""
        too_large = []
        try:
            for name, data in contents:
                if len(data) > LONGEST_UPLOAD:
                    too_large.append(name)
                elif data:
                    keep_photo(name, data, self.folder)
        except ColabsdError as error:
            self._trouble.value = box([told_error(error, self.studio.language)], "error")
            return
        lines = [
            sentence("page.train.too_large", self.studio.language, name=name, mb=LONGEST_UPLOAD // 1_000_000)
            for name in too_large
        ]
        self._trouble.value = box(lines, "warning")
        self._tell()
        self._changed()

    def files(self) -> list[Path]:
        """The photos that were brought, without the captions beside them."""
        return photos_in(self.folder)

    def take_example(self) -> None:
        """Take the photos that come along: a poodle, which the embedded model has never seen."""
        folder = files("colabsd.training").joinpath("example_photos")
        self.take([(photo.name, photo.read_bytes()) for photo in folder.iterdir() if photo.name.endswith(".webp")])

    def _forget(self) -> None:
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            path.unlink()
        self._tell()
        self._changed()

    def _tell(self) -> None:
        count = len(self.files())
        key = "page.train.photos.none" if not count else "page.train.photos.one" if count == 1 else "page.train.photos"
        self._count.value = f'<span class="colabsd-dim">{sentence(key, self.studio.language, count=count)}</span>'
        show_if(self.forget, count)
        show_if(self.example, not count)

    def _brings(self, label: str) -> Any:
        """Colab loses what is given to a FileUpload beyond a megabyte, so there its own dialog asks for the files."""
        upload = ipywidgets.FileUpload(accept=PHOTO_FILES, multiple=True, description=label)
        upload.layout.width = "auto"
        on_change(upload, lambda: self._brought(upload))
        if not self._colab.has_notebook:
            return row(upload)
        show_if(upload, False)
        asked = button(label)

        def ask() -> None:
            inbox = self.folder.with_name("inbox")
            try:
                paths = self._colab.upload(inbox)
            except NoPageError:
                show_if(upload, True)
                show_if(asked, False)
                return
            self.take([(path.name, path.read_bytes()) for path in paths])
            for path in paths:
                path.unlink(missing_ok=True)

        on_press(asked, ask)
        return row(asked, upload)

    def _brought(self, upload: Any) -> None:
        contents = uploaded_files(upload.value)
        if contents:
            forget_upload(upload)
            self.take(contents)
