"""Curves as pictures: lines over a common axis, in panels below each other. Knows nothing of what they mean.

Drawn with the letters of the other sheets, in both languages alike, without another package.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from colabsd.sheets.labels import Lettering, lettering

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

PAPER, INK, FAINT, RULE, MARK = "white", "#1c1c1c", "#6a6a6a", "#e2e2e2", "#9a9a9a"
COLOURS = ("#1f6fb4", "#d2691e", "#3a923a", "#8a5fbf", "#b8433a")
TINTS = ("#b9d3e8", "#efcdb0", "#bddcbd", "#d6c8ea", "#e6bfbc")
WIDTH, PANEL_HEIGHT = 960, 300
SHARPNESS = 2  # drawn so many times as large, then made small: lines without steps
MOST_TICKS = 6
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points from left to right; a `faint` line is what a bold one was made from. `dots` shows each point."""

    name: str
    points: Sequence[Point]
    colour: int = 0
    faint: bool = False
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Lines that share both axes. `low` and `high` bound what is shown where they are given, else the points do."""

    title: str
    lines: Sequence[Line]
    low: float | None = None
    high: float | None = None


def draw_curves(title: str, panels: Sequence[Panel], across: str, mark: tuple[float, str] | None = None) -> "Image":
    """Panels below each other over one horizontal axis, which `across` names; `mark` is a place on it, with a word.

    Points that are no finite numbers are left out, and leave a gap.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    scale = SHARPNESS
    letters, large = lettering(15 * scale), lettering(19 * scale)
    head = large.line_height + 16 * scale
    foot = letters.line_height * 2 + 16 * scale
    height = head + len(panels) * PANEL_HEIGHT * scale + foot
    picture = Images.new("RGB", (WIDTH * scale, height), PAPER)
    canvas = ImageDraw.Draw(picture)
    large.write(canvas, (16 * scale, 8 * scale), large.wrap(title, (WIDTH - 32) * scale, 1), INK)
    span = _span([point[0] for panel in panels for line in panel.lines for point in line.points])
    for number, panel in enumerate(panels):
        top = head + number * PANEL_HEIGHT * scale
        last = number == len(panels) - 1
        frame = _Frame(panel, span, top, scale)
        frame.draw(canvas, letters, mark if number == 0 else mark and (mark[0], ""), across if last else "")
    return picture.resize((WIDTH, height // scale), Images.Resampling.LANCZOS)


def smoothed(values: Sequence[float], memory: float) -> list[float]:
    """An exponential mean that forgets 1 - `memory` at each value, corrected for its beginning (as Adam's are)."""
    mean, weight, result = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            mean, weight = memory * mean + (1 - memory) * value, memory * weight + (1 - memory)
        result.append(mean / weight if weight else math.nan)
    return result


class _Frame:
    """One panel's place on the paper, and where values lie in it."""

    def __init__(self, panel: Panel, span: tuple[float, float], top: int, scale: int) -> None:
        self.panel, self.span, self.scale = panel, span, scale
        self.left, self.right = 72 * scale, (WIDTH - 24) * scale
        self.top, self.bottom = top + 52 * scale, top + (PANEL_HEIGHT - 16) * scale
        low, high = _span([point[1] for line in panel.lines for point in line.points])
        self.range = (low if panel.low is None else panel.low, high if panel.high is None else panel.high)

    def place(self, point: Point) -> tuple[float, float]:
        """A point in pixels; what lies outside the range is brought to its border."""
        low, high = self.range
        share = min(max((point[1] - low) / (high - low), 0.0), 1.0)
        along = (point[0] - self.span[0]) / (self.span[1] - self.span[0])
        return self.left + along * (self.right - self.left), self.bottom - share * (self.bottom - self.top)

    def draw(self, canvas: "ImageDraw", letters: Lettering, mark: tuple[float, str] | None, across: str) -> None:
        """Axes, lines and what they are called."""
        self._axes(canvas, letters, across)
        if mark is not None:
            x = self.place((mark[0], 0.0))[0]
            canvas.line((x, self.top, x, self.bottom), MARK, 2 * self.scale)
            width = letters.width(mark[1])
            letters.write(canvas, (round(min(x + 6 * self.scale, self.right - width)), self.top), [mark[1]], FAINT)
        for line in sorted(self.panel.lines, key=lambda one: not one.faint):
            self._line(canvas, line)
        self._names(canvas, letters)

    def _axes(self, canvas: "ImageDraw", letters: Lettering, across: str) -> None:
        half = letters.line_height // 2
        for value in ticks(*self.range):
            y = self.place((self.span[0], value))[1]
            canvas.line((self.left, y, self.right, y), RULE, self.scale)
            text = f"{value:g}"
            place = self.left - letters.width(text) - 8 * self.scale, round(y) - half
            letters.write(canvas, place, [text], FAINT)
        canvas.line((self.left, self.bottom, self.right, self.bottom), MARK, self.scale)
        if not across:
            return
        for value in ticks(*self.span):
            x = self.place((value, self.range[0]))[0]
            text = f"{value:g}"
            letters.write(canvas, (round(x) - letters.width(text) // 2, self.bottom + 6 * self.scale), [text], FAINT)
        below = self.bottom + 6 * self.scale + letters.line_height
        letters.write(canvas, (self.left, below), [across], INK, middle=self.right - self.left)

    def _line(self, canvas: "ImageDraw", line: Line) -> None:
        colour = (TINTS if line.faint else COLOURS)[line.colour % len(COLOURS)]
        width = self.scale * (1 if line.faint else 3)
        for run in _runs(line.points):
            places = [self.place(point) for point in run]
            if len(places) > 1:
                canvas.line(places, colour, width, joint="curve")
            if line.dots or len(places) == 1:
                radius = 4 * self.scale
                for x, y in places:
                    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def _names(self, canvas: "ImageDraw", letters: Lettering) -> None:
        """The panel's title, and each line's name in its colour beside it."""
        x, y = self.left, self.top - letters.line_height - 12 * self.scale
        letters.write(canvas, (x, y), [self.panel.title], INK)
        x += letters.width(self.panel.title) + 24 * self.scale
        for line in self.panel.lines:
            if line.name:
                letters.write(canvas, (x, y), [line.name], COLOURS[line.colour % len(COLOURS)])
                x += letters.width(line.name) + 20 * self.scale


def ticks(low: float, high: float) -> list[float]:
    """At most six round numbers from `low` to `high`: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of finite values, never empty: of one value, one around it."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low > 1e-12 * max(1.0, abs(high)):
        return low, high
    return low - 0.5, high + 0.5


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """Neighbours that are finite, together."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if all(map(math.isfinite, point)):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
