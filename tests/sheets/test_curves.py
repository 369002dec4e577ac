"""Curves: where points land, what is smoothed, which steps are shown."""

import math

import numpy as np
import pytest
from PIL import Image

from colabsd.sheets.curves import Line, Panel, draw_curves, smoothed, ticks
from colabsd.sheets.training import MOST_ROWS, SampleRow, curves_picture, sample_sheet, thinned

BLUE = (31, 111, 180)


def blue_rows(picture: Image.Image, column: int) -> np.ndarray:
    """The rows of a column where the first colour is."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return np.flatnonzero(np.abs(pixels[:, column] - BLUE).sum(-1) < 60)


def test_a_rising_line_rises_from_left_to_right() -> None:
    line = Line(name="", points=[(0, 0.0), (10, 1.0)])
    picture = draw_curves("title", [Panel(title="", lines=[line])], "steps")
    left, right = blue_rows(picture, 120).mean(), blue_rows(picture, 880).mean()
    assert left > right + 100


def test_what_is_no_number_leaves_a_gap() -> None:
    points = [(0, 0.5), (3, 0.5), (5, math.nan), (7, 0.5), (10, 0.5)]
    picture = draw_curves("", [Panel(title="", lines=[Line(name="", points=points)], low=0, high=1)], "")
    middle = 72 + (960 - 24 - 72) // 2
    assert len(blue_rows(picture, middle)) == 0
    assert len(blue_rows(picture, 100)) and len(blue_rows(picture, 900))


def test_a_smoothed_constant_is_that_constant_from_the_beginning() -> None:
    assert smoothed([0.25] * 5, 0.9) == pytest.approx([0.25] * 5)


def test_smoothing_passes_over_what_is_no_number() -> None:
    assert smoothed([1.0, math.nan, 1.0], 0.9) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.031), (0, 1337), (3, 3.5)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert low - 1e-9 <= found[0] and found[-1] <= high + 1e-9


def rows(count: int) -> list[SampleRow]:
    shares = {"way": 0.5, "following": 0.9, "kept": 0.8, "score": 0.36}
    return [
        SampleRow(step=step, images=[Image.new("RGB", (32, 32), "red")] * 2, shares=shares) for step in range(count)
    ]


def test_of_many_rows_the_first_the_last_and_the_best_are_shown() -> None:
    shown = thinned(rows(50), best=23)
    assert len(shown) == MOST_ROWS
    assert shown[0].step == 0 and shown[-1].step == 49 and 23 in [row.step for row in shown]


def test_few_rows_are_all_shown() -> None:
    assert len(thinned(rows(5), best=None)) == 5


def test_a_sheet_shows_a_picture_for_each_step_and_prompt() -> None:
    sheet = sample_sheet(rows(3), ["one", "two"], title="t", facts="f", best=2, language="es")
    red = (np.asarray(sheet) == (255, 0, 0)).all(-1).sum()
    assert red == 3 * 2 * 32 * 32


def test_curves_without_any_sample_or_loss_are_drawn_too() -> None:
    assert curves_picture([], [], title="", best=None, language="en").width
    assert curves_picture([0.1, math.nan, 0.3], rows(2), title="", best=1, language="es").width
