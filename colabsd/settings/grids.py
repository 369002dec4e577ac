"""What people ask of a grid: a picture's settings, and one to three of them that take several values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Literal, Self, TypeAlias

from colabsd.errors import InvalidGridError
from colabsd.settings.axes import AXES, WORDS, Axis, check_axis, known_setting
from colabsd.settings.codec import settings_from_json, settings_to_json
from colabsd.settings.fields import check_settings
from colabsd.settings.images import ImageSettings

MOST_AXES = 3
FIRST = ("prompt", "negative_prompt")  # whole prompts come before words in them are replaced
Study = Literal["", "sampler", "words", "probe"]
Place: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class GridSettings:
    """A request for pictures that differ in one to three settings.

    The first axis goes across, the second down, the third from sheet to sheet. Everything else is as `base` says; a
    seed that is to be chosen is chosen once for all cells. `study` names the question that the grid is to answer (see
    `settings/studies.py`), and `title` is what stands on its sheets, else the prompt does.
    """

    base: ImageSettings
    axes: tuple[Axis, ...]
    study: Study = ""
    title: str = ""

    @property
    def shape(self) -> Place:
        """Columns, rows, sheets."""
        columns, rows, sheets = (*(len(axis.values) for axis in self.axes), 1, 1, 1)[:MOST_AXES]
        return columns, rows, sheets

    @property
    def count(self) -> int:
        """How many cells it has."""
        return prod(self.shape)

    def places(self) -> Iterator[Place]:
        """Every cell's column, row and sheet, as one reads: sheet by sheet, row by row."""
        columns, rows, sheets = self.shape
        for sheet, row, column in product(range(sheets), range(rows), range(columns)):
            yield column, row, sheet

    def at(self, place: Place) -> ImageSettings:
        """What the cell of a place asks for."""
        chosen = sorted(zip(self.axes, place, strict=False), key=lambda one: one[0].setting not in FIRST)
        settings = self.base
        for axis, value in sorted(chosen, key=lambda one: one[0].setting == WORDS):
            settings = axis.apply(settings, value)
        return settings

    def values_at(self, place: Place) -> dict[str, Any]:
        """The axes' values of a place, by setting; of several axes of words the last one counts."""
        return {axis.setting: axis.values[value] for axis, value in zip(self.axes, place, strict=False)}

    def axis(self, setting: str) -> Axis | None:
        """The axis of a setting, if it has one."""
        return next((axis for axis in self.axes if axis.setting == setting), None)

    def as_json(self) -> dict[str, Any]:
        axes = [
            {"setting": axis.setting, "values": [list(one) if isinstance(one, tuple) else one for one in axis.values]}
            for axis in self.axes
        ]
        named = {name: value for name, value in (("study", self.study), ("title", self.title)) if value}
        return {"base": settings_to_json(self.base), "axes": axes, **named}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError or TypeError for data that is no grid, InvalidGridError and InvalidSettingError."""
        axes = tuple(
            Axis(one["setting"], tuple(tuple(value) if isinstance(value, list) else value for value in one["values"]))
            for one in data["axes"]
        )
        base, study = settings_from_json(ImageSettings, data["base"]), known_study(data.get("study", ""))
        grid = cls(base=base, axes=axes, study=study, title=str(data.get("title", "")))
        check_grid(grid)
        return grid


def known_study(name: str) -> Study:
    """Raises: InvalidGridError with the studies that there are."""
    studies: tuple[Study, ...] = ("", "sampler", "words", "probe")
    found = next((study for study in studies if study == name.strip().casefold()), None)
    if found is None:
        raise InvalidGridError("error.grid.study", name=name, choices=", ".join(studies[1:]))
    return found


def check_grid(grid: GridSettings) -> None:
    """Raises: InvalidGridError and InvalidSettingError for the first thing that is wrong."""
    check_settings(grid.base)
    if not 1 <= len(grid.axes) <= MOST_AXES:
        raise InvalidGridError("error.grid.axes", count=len(grid.axes), choices=", ".join(AXES))
    if grid.base.count != 1:
        raise InvalidGridError("error.grid.count", count=grid.base.count)
    names = [known_setting(axis.setting) for axis in grid.axes]
    for name in names:
        if names.count(name) > 1 and name != WORDS:
            raise InvalidGridError("error.grid.twice", setting=name)
    for axis in grid.axes:
        check_axis(axis)
    _check_words(grid)


def _check_words(grid: GridSettings) -> None:
    """Every word that is to be replaced has to stand in a prompt. Raises: InvalidGridError."""
    texts = [grid.base.prompt, grid.base.negative_prompt]
    texts += [str(text) for axis in grid.axes if axis.setting in FIRST for text in axis.values]
    for axis in (one for one in grid.axes if one.setting == WORDS):
        if not any(axis.values[0] in text for text in texts):
            raise InvalidGridError("error.grid.word_absent", word=axis.values[0], prompt=grid.base.prompt[:80])
