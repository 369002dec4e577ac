"""VideoSettings as a settings file for Deforum's extension for A1111, or for its notebook. Reads nothing."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from colabsd.planning.deforum_prompts import written_prompts
from colabsd.planning.deforum_tables import ETAS, MACHINE, OWN, SPECS, SWITCHES, WRITTEN
from colabsd.settings.video import VideoSettings

NOTEBOOK_KEYS: Mapping[str, str] = {
    "cfg_scale_schedule": "scale",
    "enable_perspective_flip": "flip_2d_perspective",
    "fov_schedule": "fov",
}
"""What the notebook calls otherwise. Its `scale` and `fov` are numbers, for which a schedule of one key is read."""


NOT_OF_THE_NOTEBOOK = ("transform_center_x", "transform_center_y")
DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in fields(VideoSettings)}


def write_deforum(settings: VideoSettings, kept: Mapping[str, Any] | None = None) -> str:
    """The text of a settings file. `kept` are keys of the file that the settings came from, written as they were.

    What Deforum has no key for (styles, LoRAs, the camera alone) is not in it.
    """
    data: dict[str, Any] = dict(kept or {})
    notebook = settings.dialect == "notebook"
    for name in SPECS:
        value = getattr(settings, name)
        if name in (*OWN, *MACHINE, "eta_schedule") or value is None:
            continue
        key = WRITTEN.get(name, name)
        if notebook and name in NOT_OF_THE_NOTEBOOK and value == DEFAULTS[name]:
            continue
        if notebook and name in NOTEBOOK_KEYS:
            key, value = NOTEBOOK_KEYS[name], _single(value)
        data[key] = value
    _write_switches(settings, data, notebook=notebook)
    if settings.prompts or "prompts" not in data:
        data["prompts"] = written_prompts(settings.prompts, settings.negative_prompt)
        for repeated in ("positive_prompts", "negative_prompts"):
            data.pop(repeated, None)
    return json.dumps(data, indent=4, ensure_ascii=False) + "\n"


def _write_switches(settings: VideoSettings, data: dict[str, Any], *, notebook: bool) -> None:
    """The switches without which Deforum passes over a schedule."""
    for name, switches in SWITCHES.items():
        own = switches[-1] if notebook else switches[0]
        if getattr(settings, name) is not None:
            data[own] = True
        elif not notebook or own in data:
            data[own] = False
    for key, switch in ETAS.items():
        if settings.eta_schedule is not None:
            data[key], data[switch] = settings.eta_schedule, True
        elif not notebook:
            data[switch] = False


def _single(value: Any) -> Any:
    """The number of a schedule that has one key; else the schedule."""
    text = "".join(value.split()) if isinstance(value, str) else ""
    if not text.startswith("0:("):
        return value
    try:
        number = float(text[3:].removesuffix(")"))
    except ValueError:
        return value
    return int(number) if number == int(number) else number
