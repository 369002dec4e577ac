"""What is asked of a training on the page: words, kind and model; all else folded. Made from the FieldSpecs."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.language import say
from colabsd.settings.codec import settings_from_json
from colabsd.settings.fields import field_specs
from colabsd.settings.training import TrainingSettings
from colabsd.widgets.controls import Control, control_of
from colabsd.widgets.look import button, column, columns, show_if
from colabsd.widgets.presses import on_change, on_press

if TYPE_CHECKING:
    from colabsd.studio import Studio

FIRST = ("subject", "class_word", "kind", "name", "model")
LEFT_OUT = ("photos", "reference")  # photos have a place of their own; the other is for comparing programs
USUAL_WORD = "sks"
SPECS = field_specs(TrainingSettings)


class TrainingForm:
    """`root` is what is displayed; `read` gives the settings, without photos."""

    def __init__(self, studio: "Studio", changed: Callable[[], None]) -> None:
        language = studio.language
        defaults = {field.name: field.default for field in fields(TrainingSettings)}
        self.controls: dict[str, Control] = {
            name: control_of(spec.named or name, spec, defaults[name], language)
            for name, spec in SPECS.items()
            if name not in LEFT_OUT
        }
        self.controls["subject"].fill(USUAL_WORD)
        for control in self.controls.values():
            on_change(control.input, changed)
        first = [self.controls[name].box for name in FIRST]
        plain = [
            control.box for name, control in self.controls.items() if name not in FIRST and not SPECS[name].advanced
        ]
        rare = [control.box for name, control in self.controls.items() if name not in FIRST and SPECS[name].advanced]
        self._folded = column(_beside(plain), _beside(rare))
        self.unfold = button(say("page.train.more", language))
        on_press(self.unfold, self._toggle)
        show_if(self._folded, False)
        self.root = column(_beside(first), self.unfold, self._folded)

    def read(self) -> TrainingSettings:
        """What is asked. Raises: InvalidSettingError."""
        values = {name: control.read() for name, control in self.controls.items()}
        return settings_from_json(
            TrainingSettings, {name: value for name, value in values.items() if value is not None}
        )

    def fill(self, **settings: Any) -> None:
        """Show these settings and leave the others."""
        for name, value in settings.items():
            self.controls[name].fill(value)

    def _toggle(self) -> None:
        show_if(self._folded, self._folded.layout.display == "none")


def _beside(boxes: list[Any]) -> Any:
    """Boxes in as many columns as there is room for."""
    return columns(*boxes, least=["220px"] * len(boxes), gap="10px") if boxes else ipywidgets.HBox()
