"""One axis of a grid: a setting and the values that it takes in turn. Knows how values are typed and applied."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from colabsd.errors import InvalidGridError
from colabsd.settings.fields import FieldSpec, check_value, field_specs, read_number
from colabsd.settings.images import ImageSettings

WORDS, SIZE = "words", "size"
UNSUITABLE = ("count", "batch", "device", "precision", "attention", "offload")  # how many are drawn and how, not what
MOST_VALUES = 1000
SPECS: Mapping[str, FieldSpec] = {
    name: spec for name, spec in field_specs(ImageSettings).items() if name != "count" and spec.group != "machine"
}  # what is drawn, not how many and how
AXES = (*SPECS, SIZE, WORDS)
RANGE = re.compile(r"(-?[\d.]+)-(-?[\d.]+)(?::([\d.]+))?")
SIDES = re.compile(r"(\d+)[xX*×](\d+)")
YES, NO = ("yes", "true", "on", "sí", "si", "1"), ("no", "false", "off", "0")


@dataclass(frozen=True)
class Axis:
    """A setting of a grid and its values, in order.

    `setting` is a field of ImageSettings, or `size` with values like "512x768", or `words`: then the first value is
    looked for in the prompts, and each value is put in its place (an empty one takes it out), as A1111's "Prompt S/R".
    """

    setting: str
    values: tuple[Any, ...]

    def apply(self, settings: ImageSettings, place: int) -> ImageSettings:
        """The settings with the value of that place."""
        value = self.values[place]
        if self.setting == WORDS:
            return _with_words(settings, self.values[0], value)
        if self.setting == SIZE:
            width, height = sides(value)
            return replace(settings, width=width, height=height)
        return replace(settings, **{self.setting: value})


def read_axis(text: str) -> Axis:
    """An axis as it is typed: `steps=10,20,30`, `guidance=4-12:2`, `sampler=Euler a,DPM++ 2M`, `words=cat|dog`.

    Values stand between commas, or between `|` where they have commas themselves; a range is from, to and step (1).
    Raises: InvalidGridError, InvalidSettingError.
    """
    name, equals, typed = text.partition("=")
    if not equals or not name.strip():
        raise InvalidGridError("error.grid.axis_form", text=text)
    setting = known_setting(name)
    parts = [part.strip() for part in typed.split("|" if "|" in typed else ",")]
    return Axis(setting, tuple(value for part in parts for value in _read(setting, part)))


def known_setting(name: str) -> str:
    """The setting of that name, in whatever case and with hyphens too. Raises: InvalidGridError with the nearest."""
    plain = name.strip().casefold().replace("-", "_")
    if plain not in AXES:
        nearest = difflib.get_close_matches(plain, AXES, 1, 0.0)[0]
        raise InvalidGridError("error.grid.setting", name=name.strip(), nearest=nearest, choices=", ".join(AXES))
    return plain


def check_axis(axis: Axis) -> None:
    """Raises: InvalidGridError, InvalidSettingError."""
    known_setting(axis.setting)
    if not axis.values:
        raise InvalidGridError("error.grid.no_values", setting=axis.setting)
    if len(axis.values) > MOST_VALUES:
        raise InvalidGridError(
            "error.grid.many_values", setting=axis.setting, count=len(axis.values), limit=MOST_VALUES
        )
    for value in axis.values:
        if axis.setting == SIZE:
            for name, side in zip(("width", "height"), sides(value), strict=True):
                check_value(name, SPECS[name], side)
        else:
            check_value(axis.setting, SPECS.get(axis.setting, SPECS["prompt"]), value)
    if axis.setting == WORDS and not axis.values[0]:
        raise InvalidGridError("error.grid.no_word")


def sides(value: object) -> tuple[int, int]:
    """The width and height of a size as it is typed. Raises: InvalidGridError."""
    match = SIDES.fullmatch(str(value).replace(" ", ""))
    if match is None:
        raise InvalidGridError("error.grid.size", value=value)
    return int(match[1]), int(match[2])


def _read(setting: str, part: str) -> tuple[Any, ...]:
    """The value, or the values of a range. Raises: InvalidGridError, InvalidSettingError."""
    if setting in (WORDS, SIZE):
        return (part,)
    spec = SPECS[setting]
    return READERS[spec.kind](setting, spec, part)


def _read_numbers(setting: str, spec: FieldSpec, part: str) -> tuple[Any, ...]:
    found = RANGE.fullmatch(part.replace(" ", ""))
    if found is None:
        return (read_number(setting, spec, part),)
    first, last = (read_number(setting, spec, found[end]) for end in (1, 2))
    step = read_number(setting, spec, found[3] or "1")
    if step <= 0:
        raise InvalidGridError("error.grid.range", setting=setting, text=part)
    count = int(abs(last - first) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise InvalidGridError("error.grid.many_values", setting=setting, count=count, limit=MOST_VALUES)
    step = step if last >= first else -step
    values = [first + place * step for place in range(count)]
    return tuple(round(value, 9) if isinstance(value, float) else value for value in values)


def _read_switch(setting: str, _spec: FieldSpec, part: str) -> tuple[Any, ...]:
    return (True if part.casefold() in YES else False if part.casefold() in NO else part,)


def _read_names(_setting: str, _spec: FieldSpec, part: str) -> tuple[Any, ...]:
    return ((part,) if part else (),)


def _read_text(setting: str, _spec: FieldSpec, part: str) -> tuple[Any, ...]:
    return (part if part or "prompt" in setting else None,)


def _read_choice(_setting: str, _spec: FieldSpec, part: str) -> tuple[Any, ...]:
    return (part.casefold() or None,)


READERS: Mapping[str, Callable[[str, FieldSpec, str], tuple[Any, ...]]] = {
    "integer": _read_numbers,
    "number": _read_numbers,
    "switch": _read_switch,
    "names": _read_names,
    "text": _read_text,
    "choice": _read_choice,
}


def _with_words(settings: ImageSettings, searched: str, word: str) -> ImageSettings:
    texts = (settings.prompt, settings.negative_prompt)
    prompt, negative = (without(text, searched) if not word else text.replace(searched, word) for text in texts)
    return replace(settings, prompt=prompt, negative_prompt=negative)


def without(text: str, word: str) -> str:
    """The text without the word, and without the comma that would stand there twice."""
    if word not in text:
        return text
    pieces = [" ".join(piece.split()) for piece in text.replace(word, "").split(",")]
    return ", ".join(piece for piece in pieces if piece)
