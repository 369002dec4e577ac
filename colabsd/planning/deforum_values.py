"""Values of Deforum's settings files as our settings want them: 2 for "2", "0: (7)" for 7, "RIFE" for "RIFE v4.6"."""

import math
import re
from dataclasses import dataclass
from typing import Any

from colabsd.errors import UnknownSamplerError
from colabsd.planning.deforum_tables import ALIASES, SAMPLER_LIST, SAMPLERS, SPECS
from colabsd.planning.plans import Note
from colabsd.settings.samplers import find_sampler, find_schedule, split_label
from colabsd.settings.video import SCHEDULES, TEXT_SCHEDULES

WORD = re.compile(r"""(["'])([^"']+)\1""")
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "none", "")


@dataclass(frozen=True)
class Converted:
    """A value as the setting wants it, None where nothing can be made of it; a note where it is another one now."""

    value: Any
    note: Note | None = None


def convert(name: str, value: Any) -> Converted:
    """The value of a setting from what a file has for it."""
    aliases = ALIASES.get(name, {})
    if isinstance(value, str | bool) and value in aliases and type(value) in {type(key) for key in aliases}:
        new = aliases[value]
        return Converted(new) if new == value or not new else Converted(new, _changed(name, value, new))
    if name == "sampler":
        return _sampler(value)
    if name == "sampler_schedule":
        return _sampler_schedule(value)
    if name == "animation_mode" and value == "None":
        return Converted("2D", _changed(name, value, "2D"))
    if name in SCHEDULES or name in TEXT_SCHEDULES:
        return _schedule(value)
    kind = SPECS[name].kind
    if kind == "switch":
        return Converted(_switch(value))
    if kind in ("integer", "number"):
        return Converted(_number(value, whole=kind == "integer"))
    if kind == "choice":
        return _choice(name, value)
    return Converted("" if value in (None, "None") and name.endswith(("path", "image", "file")) else _text(value))


def _changed(name: str, old: Any, new: Any) -> Note:
    return Note("note.deforum.changed", {"name": name, "old": str(old)[:60], "new": new})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _schedule(value: Any) -> Converted:
    """A schedule; a bare number holds for all frames."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return Converted(None)
    return Converted(value if isinstance(value, str) else f"0: ({value!r})")


def _switch(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = str(value).strip().casefold()
    return True if text in TRUE else False if text in FALSE else None


def _number(value: Any, *, whole: bool) -> int | float | None:
    """A number that may be written as a text, or as 1.0 where a whole one is wanted."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        number = int(value) if isinstance(value, int) else float(value)
        if not math.isfinite(number):
            return None
        return int(number) if whole and number == int(number) else None if whole else number
    except (ValueError, OverflowError):
        return None


def _choice(name: str, value: Any) -> Converted:
    """One of the choices, however it is spelt."""
    text = "None" if value is None else str(value).strip()
    found = next((one for one in SPECS[name].choices if one.casefold() == text.casefold()), None)
    return Converted(found, None if found is None or found == value else _changed(name, value, found))


def _sampler(value: Any) -> Converted:
    """A sampler by name, by a name of k-diffusion, or by its place in A1111's list."""
    if isinstance(value, int) and not isinstance(value, bool):
        listed = SAMPLER_LIST[value] if 0 <= value < len(SAMPLER_LIST) else None
        done = _sampler(listed) if listed else Converted(None)
        return Converted(done.value, _changed("sampler", value, done.value)) if done.value else done
    if not isinstance(value, str):
        return Converted(None)
    known = known_sampler(value)
    if known is None:
        return Converted(None, Note("note.deforum.sampler", {"name": value[:60]}))
    return Converted(known, None if known in (value, value.strip()) else _changed("sampler", value, known))


def known_sampler(name: str) -> str | None:
    """The sampler that is meant, with its noise schedule, by its label here; the nearest one where it is not here."""
    name = SAMPLERS.get(name.strip(), name.strip().removesuffix("_gpu"))
    try:
        plain, schedule = split_label(name)
        label = find_sampler(plain).label
    except UnknownSamplerError:
        return None
    return f"{label} {find_schedule(schedule).label}" if schedule else label


def _sampler_schedule(value: Any) -> Converted:
    """A schedule of samplers, by our names; None where one of them is not known."""
    if not isinstance(value, str):
        return Converted(None)
    lost = [found[2] for found in WORD.finditer(value) if known_sampler(found[2]) is None]
    if lost:
        return Converted(None, Note("note.deforum.sampler", {"name": lost[0][:60]}))
    new = WORD.sub(lambda found: f'"{known_sampler(found[2])}"', value)
    return Converted(
        new, None if new.replace('"', "'") == value.replace('"', "'") else _changed("sampler_schedule", value, new)
    )
