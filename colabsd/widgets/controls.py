"""From a FieldSpec to something to type or choose in, with label and help, and back to a value. Knows no field by name.

An empty or "automatic" control is None: "choose for me".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets

from colabsd.language import Language, say
from colabsd.settings.fields import FieldSpec, Kind, check_value, read_number
from colabsd.widgets.escaping import escaped
from colabsd.widgets.look import column, html, with_classes

WIDE = {"width": "auto"}
NOTHING = ""  # in menus: ipywidgets shows a chosen None as no choice at all


@dataclass(frozen=True, kw_only=True)
class Control:
    """One setting in the form: `box` is what is shown, `input` what is typed in or chosen from.

    `read` gives the value, or raises InvalidSettingError; `fill` shows another one, whatever it is.
    """

    name: str
    box: Any
    input: Any
    read: Callable[[], Any]
    fill: Callable[[Any], None]


def labelled(label: str, explained: str, *inputs: Any) -> Any:
    """Inputs under a label; a press on the label unfolds its help. Both are plain text."""
    words = f"<summary>{escaped(label)}</summary><div>{escaped(explained)}</div>"
    head = html(f'<div class="colabsd-label"><details>{words}</details></div>')
    return with_classes(column(head, *inputs, gap="2px"), "colabsd-field")


def field_box(name: str, language: Language, *inputs: Any) -> Any:
    """Inputs under the label of a setting."""
    return labelled(say(f"field.{name}.label", language), say(f"field.{name}.help", language), *inputs)


def control_of(name: str, spec: FieldSpec, default: Any, language: Language) -> Control:
    """The control of one setting, by its kind. `default` is the setting's own."""
    automatic = say("page.automatic", language)
    made, read, fill = MAKERS[spec.kind](name, spec, automatic)
    fill(default)
    return Control(name=name, box=field_box(name, language, made), input=made, read=read, fill=fill)


Made = tuple[Any, Callable[[], Any], Callable[[Any], None]]


def _text(name: str, spec: FieldSpec, automatic: str) -> Made:
    typed = ipywidgets.Text(placeholder=automatic, continuous_update=False, layout=WIDE)

    def read() -> str | None:
        return typed.value.strip() or None

    def fill(value: Any) -> None:
        typed.value = "" if value is None else str(value)

    return typed, read, fill


def _number(name: str, spec: FieldSpec, automatic: str) -> Made:
    """A number is typed as text: seeds have more digits than a browser's numbers, and empty means automatic."""
    typed = ipywidgets.Text(placeholder=automatic, continuous_update=False, layout=WIDE)

    def read() -> int | float | None:
        text = typed.value.strip()
        if not text:
            return None
        value = read_number(name, spec, text)
        check_value(name, spec, value)
        return value

    def fill(value: Any) -> None:
        typed.value = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    return typed, read, fill


def _names(name: str, spec: FieldSpec, automatic: str) -> Made:
    typed = ipywidgets.Text(placeholder="", continuous_update=False, layout=WIDE)

    def read() -> tuple[str, ...] | None:
        return names_in(typed.value) or None

    def fill(value: Any) -> None:
        typed.value = ", ".join(value or ())

    return typed, read, fill


def _choice(name: str, spec: FieldSpec, automatic: str) -> Made:
    chosen = ipywidgets.Dropdown(options=[(automatic, NOTHING), *((one, one) for one in spec.choices)], layout=WIDE)

    def fill(value: Any) -> None:
        chosen.value = value if value in spec.choices else NOTHING

    return chosen, lambda: chosen.value or None, fill


def _switch(name: str, spec: FieldSpec, automatic: str) -> Made:
    ticked = ipywidgets.Checkbox(indent=False, layout=WIDE)

    def fill(value: Any) -> None:
        ticked.value = bool(value)

    return ticked, lambda: ticked.value, fill


MAKERS: dict[Kind, Callable[[str, FieldSpec, str], Made]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "names": _names,
    "choice": _choice,
    "switch": _switch,
}


def slider_control(name: str, spec: FieldSpec, language: Language, *, most: float, step: float) -> Control:
    """A slider for a number that most people want within `most`; it grows for values beyond."""
    kind = ipywidgets.IntSlider if spec.kind == "integer" else ipywidgets.FloatSlider
    facts = {} if spec.kind == "integer" else {"readout_format": ".2f" if step < 0.1 else ".1f"}
    least = spec.minimum or 0
    slider = kind(value=least, min=least, max=most, step=step, continuous_update=False, layout=WIDE, **facts)

    def fill(value: Any) -> None:
        wanted = least if value is None else value
        slider.max = max(most, wanted)
        slider.value = wanted

    return Control(name=name, box=field_box(name, language, slider), input=slider, read=lambda: slider.value, fill=fill)


def area_control(name: str, language: Language, *, rows: int, placeholder: str) -> Control:
    """Some lines to write a sentence in."""
    area = ipywidgets.Textarea(rows=rows, placeholder=placeholder, continuous_update=False, layout=WIDE)

    def fill(value: Any) -> None:
        area.value = value or ""

    return Control(name=name, box=field_box(name, language, area), input=area, read=lambda: area.value, fill=fill)


def menu_control(name: str, language: Language, options: Sequence[tuple[str, Any]], *below: Any) -> Control:
    """One of several values, NOTHING for None; `below` stands under the menu."""
    menu = ipywidgets.Dropdown(options=list(options), layout=WIDE)

    def fill(value: Any) -> None:
        wanted = NOTHING if value is None else value
        if wanted in [choice for _, choice in menu.options]:
            menu.value = wanted

    return Control(
        name=name, box=field_box(name, language, menu, *below), input=menu, read=lambda: menu.value or None, fill=fill
    )


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
