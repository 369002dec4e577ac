"""What a setting is: its kind, limits and place in a form. Forms, options, checks and help are all made from this."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from colabsd.errors import InvalidSettingError

Kind = Literal["text", "integer", "number", "choice", "switch", "names"]
PictureGroup = Literal["picture", "sampling", "variation"]
TrainingGroup = Literal["subject", "training", "learning", "watching"]
FilmGroup = Literal["film", "camera", "frames", "between", "footage", "film_file"]
Group = PictureGroup | TrainingGroup | FilmGroup | Literal["machine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldSpec:
    """One setting. Its label and help are the sentences `field.<name>.label` and `field.<name>.help`.

    `named` is the name that these go by, where a field of that name means something else in other settings.
    """

    kind: Kind
    group: Group
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    short: str | None = None
    advanced: bool = False
    named: str = ""


def setting(default: Any = None, **spec: Any) -> Any:
    """A dataclass field that carries its FieldSpec."""
    return dataclasses.field(default=default, metadata={"spec": FieldSpec(**spec)})


def field_specs(settings_type: type) -> Mapping[str, FieldSpec]:
    """The FieldSpecs of a settings dataclass by field name, in order."""
    return {field.name: field.metadata["spec"] for field in dataclasses.fields(settings_type)}


def check_value(name: str, spec: FieldSpec, value: object) -> None:
    """Check one value against its FieldSpec; None ("choose for me") is always right.

    Raises: InvalidSettingError with the field, the value and the limit that it breaks.
    """
    if value is None:
        return
    if spec.kind in ("text", "choice"):
        if not isinstance(value, str):
            raise InvalidSettingError("error.setting.text", field=name, value=value)
        if spec.choices and value not in spec.choices:
            raise InvalidSettingError("error.setting.choice", field=name, value=value, choices=", ".join(spec.choices))
        return
    if spec.kind == "names":
        if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
            raise InvalidSettingError("error.setting.names", field=name, value=value)
        return
    if spec.kind == "switch":
        if not isinstance(value, bool):
            raise InvalidSettingError("error.setting.switch", field=name, value=value)
        return
    accepted = int if spec.kind == "integer" else (int, float)
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise InvalidSettingError(f"error.setting.{spec.kind}", field=name, value=value)
    assert isinstance(value, (int, float))
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidSettingError("error.setting.number", field=name, value=value)
    if spec.minimum is not None and value < spec.minimum:
        raise InvalidSettingError("error.setting.below", field=name, value=value, minimum=f"{spec.minimum:g}")
    if spec.maximum is not None and value > spec.maximum:
        raise InvalidSettingError("error.setting.above", field=name, value=value, maximum=f"{spec.maximum:,}")


def check_settings(settings: Any) -> None:
    """Check every field of a settings object. Raises: InvalidSettingError for the first that is wrong."""
    for name, spec in field_specs(type(settings)).items():
        check_value(name, spec, getattr(settings, name))


def read_number(name: str, spec: FieldSpec, text: str) -> int | float:
    """A number typed by somebody; a comma is accepted as the decimal sign. Raises: InvalidSettingError."""
    try:
        return int(text) if spec.kind == "integer" else float(text.replace(",", "."))
    except ValueError:
        raise InvalidSettingError(f"error.setting.{spec.kind}", field=name, value=text) from None
