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
    return {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}


def settings_from_json(settings_type: type[Settings], data: Mapping[str, Any]) -> Settings:
    """Settings from plain data. Raises: InvalidSettingError for an unknown name or a value that cannot be."""
    names = field_specs(settings_type)
    for name in data:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, 1, 0.0)[0]
            raise InvalidSettingError("error.setting.unknown", field=name, nearest=nearest)
    settings = settings_type(**data)
    check_settings(settings)
    return settings
