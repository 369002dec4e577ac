"""Settings as plain data and back, checked on the way in."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from colabsd.errors import InvalidSettingError
from colabsd.settings.fields import check_settings, field_specs

Settings = TypeVar("Settings")


def settings_to_json(settings: Any) -> dict[str, Any]:
    """What was asked, as plain data; what was left to be chosen is left out."""
    plain = {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def settings_from_json(settings_type: type[Settings], data: Mapping[str, Any]) -> Settings:
    """Settings from plain data. Raises: InvalidSettingError for an unknown name or a value that cannot be."""
    names = field_specs(settings_type)
    for name in data:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, 1, 0.0)[0]
            raise InvalidSettingError("error.setting.unknown", field=name, nearest=nearest)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    settings = settings_type(**values)
    check_settings(settings)
    return settings
