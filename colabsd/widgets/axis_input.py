"""One axis of a grid to choose: a setting from a menu, and its values as they are typed."""

import ipywidgets

from colabsd.language import Language, say
from colabsd.settings.axes import Axis, read_axis
from colabsd.widgets.controls import NOTHING
from colabsd.widgets.escaping import escaped
from colabsd.widgets.look import column, html, show_if
from colabsd.widgets.presses import on_change

# What people compare, the label's key, and values to begin with.
COMPARED: tuple[tuple[str, str, str], ...] = (
    ("sampler", "field.sampler.label", "Euler a, Euler, DPM++ 2M, Heun"),
    ("steps", "field.steps.label", "5, 10, 20, 40"),
    ("guidance", "field.guidance.label", "1, 2, 4, 8"),
    ("seed", "field.seed.label", "1, 2, 3, 4"),
    ("schedule", "field.schedule.label", "Uniform, Karras, SGM Uniform"),
    ("words", "page.grid.words", ""),
    ("size", "page.size", ""),
    ("model", "field.model.label", "starter"),
    ("clip_skip", "field.clip_skip.label", "1, 2"),
)


class AxisInput:
    """A menu and a line to type in. `label` says where the axis goes."""

    def __init__(self, label: str, setting: str, language: Language) -> None:
        none = [(say("page.grid.no_axis", language), NOTHING)]
        options: list[tuple[str, str]] = none + [(say(key, language), name) for name, key, _ in COMPARED]
        self.setting = ipywidgets.Dropdown(options=options, layout={"width": "auto"})
        self.setting.value = setting
        self.values = ipywidgets.Text(
            placeholder=say("page.grid.values", language), continuous_update=False, layout={"width": "auto"}
        )
        head = html(f'<div class="colabsd-label">{escaped(label)}</div>')
        self.root = column(head, self.setting, self.values, gap="4px", flex="1 1 220px")
        on_change(self.setting, self._suggest)
        self._suggest()

    def read(self) -> Axis | None:
        """The axis; None where no setting is chosen. Raises: InvalidGridError, InvalidSettingError."""
        return None if self.setting.value == NOTHING else read_axis(f"{self.setting.value}={self.values.value}")

    def _suggest(self) -> None:
        """Put values to begin with under a setting that was chosen."""
        name = self.setting.value
        self.values.value = next((values for setting, _, values in COMPARED if setting == name), "")
        show_if(self.values, name)
