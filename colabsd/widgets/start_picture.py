"""The picture that a drawing starts from: chosen from the library or brought along, with how much of it is renewed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError, NoPageError
from colabsd.language import say
from colabsd.settings.fields import field_specs
from colabsd.settings.redraw import RedrawSettings
from colabsd.widgets.controls import control_of, labelled, slider_control
from colabsd.widgets.escaping import box, told_error
from colabsd.widgets.look import button, column, html, row, show_if, with_classes
from colabsd.widgets.pixels import small_copy
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.uploads import PICTURE_FILES, forget_upload, keep_upload, uploaded_files

if TYPE_CHECKING:
    from colabsd.studio import Studio

USUAL_STRENGTH = 0.6
SPECS = field_specs(RedrawSettings)
PLAIN = ("exact_steps", "image_guidance")


class StartPicture:
    """Chooses a picture to start from; `path` is None while there is none."""

    def __init__(self, studio: "Studio") -> None:
        self.studio = studio
        self._colab = studio.place.colab
        self.language = studio.language
        self.path: Path | None = None
        self._watchers: list[Callable[[], None]] = []
        self.strength = slider_control("strength", SPECS["strength"], self.language, most=1.0, step=0.05)
        self.strength.fill(USUAL_STRENGTH)
        defaults = {"exact_steps": False, "image_guidance": None}
        self.others = {name: control_of(name, SPECS[name], defaults[name], self.language) for name in PLAIN}
        self._shown = with_classes(ipywidgets.Image(layout={"width": "120px", "display": "none"}), "colabsd-view")
        self._trouble = html()
        self.clear = button(say("page.start.clear", self.language))
        on_press(self.clear, lambda: self.use(None))
        self._controls = column(
            row(self._shown, self.clear), self.strength.box, *(control.box for control in self.others.values())
        )
        explained = say("page.start.help", self.language)
        self.root = labelled(say("page.start", self.language), explained, self._upload(), self._trouble, self._controls)
        show_if(self._controls, False)
        for control in (self.strength, *self.others.values()):
            on_change(control.input, self._changed)

    def use(self, path: Path | None) -> None:
        """Start from this picture, or from noise alone. What is no picture is told, and changes nothing."""
        if path is not None:
            try:
                self._shown.value = small_copy(path, 240)
            except ColabsdError as error:
                self._trouble.value = box([told_error(error, self.language)], "error")
                return
        self._trouble.value = ""
        self.path = path
        show_if(self._controls, path is not None)
        show_if(self._shown, path is not None)
        self._changed()

    def read(self) -> dict[str, Any]:
        """The settings that a redrawing has more than a drawing. Raises: InvalidSettingError."""
        values = {name: control.read() for name, control in self.others.items()}
        asked = {"image": str(self.path), "strength": self.strength.read(), **values}
        return {name: value for name, value in asked.items() if value is not None}

    def use_settings(self, settings: Mapping[str, Any]) -> None:
        """Show what a drawing started from: the picture of a redrawing, where it is still there, else none."""
        path = Path(str(settings.get("image", "")))
        self.strength.fill(settings.get("strength", USUAL_STRENGTH))
        for name, control in self.others.items():
            control.fill(settings.get(name))
        self.use(path if settings.get("image") and path.is_file() else None)

    def on_change(self, do: Callable[[], None]) -> None:
        """Call `do` when another picture is chosen, or another strength."""
        self._watchers.append(do)

    def _changed(self) -> None:
        for do in self._watchers:
            do()

    def _upload(self) -> Any:
        """What brings a picture along. Colab loses what is given to a FileUpload beyond a megabyte, so where its page
        answers its own dialog asks for the file; where none does (Colab in VS Code) there is the FileUpload after all.
        """
        label = say("page.start.upload", self.language)
        upload = ipywidgets.FileUpload(accept=PICTURE_FILES, multiple=False, description=label)
        upload.layout.width = "auto"
        on_change(upload, lambda: self._brought(upload))
        if not self._colab.has_notebook:
            return row(upload)
        show_if(upload, False)
        asked = button(label)

        def ask() -> None:
            try:
                self._take_first(self._colab.upload(self._folder))
            except NoPageError:
                show_if(upload, True)
                show_if(asked, False)

        on_press(asked, ask)
        return row(asked, upload)

    @property
    def _folder(self) -> Path:
        return self.studio.workspace.local / "uploads"

    def _brought(self, upload: Any) -> None:
        contents = uploaded_files(upload.value)
        if contents:
            self._take(dict(contents))
            forget_upload(upload)

    def _take_first(self, paths: Sequence[Path]) -> None:
        """Take the first of the files that Colab wrote, under a name of ours."""
        for path in paths:
            contents = {path.name: path.read_bytes()}
            path.unlink()
            self._take(contents)

    def _take(self, contents: dict[str, bytes]) -> None:
        try:
            path = keep_upload(contents.items(), self._folder)
        except ColabsdError as error:
            self._trouble.value = box([told_error(error, self.language)], "error")
            return
        if path is not None:
            self.use(path)
