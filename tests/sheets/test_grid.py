"""Sheets: every picture in its place, nothing outside, labels that fit, bounded however many there are."""

import numpy as np
import pytest
from PIL import Image

from colabsd.geometry import Size
from colabsd.sheets.grid import LEAST_SIDE, LONGEST_SIDE, MOST_PIXELS, SheetText, draw_sheet, fitted

COLOURS = ("#c00000", "#00c000", "#0000c0", "#c0c000", "#00c0c0", "#c000c0")


def text(across: int, down: int, **changes: object) -> SheetText:
    facts = {
        "title": "a title",
        "columns": tuple(f"column {place}" for place in range(across)),
        "rows": tuple(f"row {place}" for place in range(down)),
        "column_name": "Steps",
        "row_name": "Sampler",
    }
    return SheetText(**{**facts, **changes})  # type: ignore[arg-type]


def boxes(sheet: Image.Image, colour: str) -> tuple[int, int, int, int]:
    """The box of all pixels of a colour: left, top, right, bottom."""
    wanted = np.array(Image.new("RGB", (1, 1), colour).getpixel((0, 0)))
    rows, columns = np.nonzero((np.asarray(sheet) == wanted).all(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_every_picture_stands_in_its_column_and_row_at_its_own_size() -> None:
    cells = [(place % 3, place // 3, Image.new("RGB", (64, 40), COLOURS[place])) for place in range(6)]
    sheet = draw_sheet(text(3, 2), Size(64, 40), cells)
    found = [boxes(sheet, colour) for colour in COLOURS]
    assert all((right - left, bottom - top) == (64, 40) for left, top, right, bottom in found)
    lefts, tops = [box[0] for box in found], [box[1] for box in found]
    assert lefts[:3] == lefts[3:] == sorted(lefts[:3])
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4] == tops[5]


def test_pictures_of_several_sizes_are_in_the_middle_and_never_enlarged() -> None:
    cells = [(0, 0, Image.new("RGB", (100, 100), COLOURS[0])), (1, 0, Image.new("RGB", (20, 40), COLOURS[1]))]
    sheet = draw_sheet(text(2, 1), Size(100, 100), cells)
    large, small = boxes(sheet, COLOURS[0]), boxes(sheet, COLOURS[1])
    assert (small[2] - small[0], small[3] - small[1]) == (20, 40)
    assert small[1] - large[1] == 30


@pytest.mark.parametrize(("columns", "rows"), [(30, 30), (1, 60), (60, 1), (1, 1), (1000, 1)])
def test_a_sheet_is_bounded(columns: int, rows: int) -> None:
    box = fitted(Size(512, 512), columns, rows)
    pixels = box.pixels * columns * rows
    assert pixels <= max(MOST_PIXELS, LEAST_SIDE**2 * columns * rows)
    assert max(box.width * columns, box.height * rows) <= max(LONGEST_SIDE, LEAST_SIDE * max(columns, rows))
    assert min(box.width, box.height) >= LEAST_SIDE


def test_thirty_by_thirty_becomes_one_sheet_that_can_be_opened() -> None:
    picture = Image.new("RGB", (128, 128), COLOURS[0])
    cells = ((column, row, picture) for column in range(30) for row in range(30))
    sheet = draw_sheet(text(30, 30), Size(128, 128), cells)
    assert sheet.width * sheet.height < 1.6 * MOST_PIXELS  # with the labels


def test_long_words_change_the_margins_and_not_the_places() -> None:
    long = "una etiqueta larguísima " * 30
    cells = [(0, 0, Image.new("RGB", (64, 64), COLOURS[0])), (1, 1, Image.new("RGB", (64, 64), COLOURS[1]))]
    sheet = draw_sheet(text(2, 2, title=long, columns=(long, "b"), rows=(long, "d"), facts=long), Size(64, 64), cells)
    first, second = boxes(sheet, COLOURS[0]), boxes(sheet, COLOURS[1])
    assert first[2] - first[0] == second[2] - second[0] == 64
    assert second[2] <= sheet.width and second[3] <= sheet.height
    assert sheet.width < 900


def test_words_stand_below_the_pictures() -> None:
    cells = [(0, 0, Image.new("RGB", (64, 64), COLOURS[0]))]
    without = draw_sheet(text(1, 1), Size(64, 64), cells)
    sheet = draw_sheet(text(1, 1, words=("Euler: from 10 steps on.", "LMS: nothing.")), Size(64, 64), cells)
    assert sheet.height > without.height
    below = np.asarray(sheet)[boxes(sheet, COLOURS[0])[3] + 4 :]
    assert (below < 100).any()


def test_a_cell_without_a_picture_says_why() -> None:
    box = boxes(draw_sheet(text(1, 1), Size(96, 96), [(0, 0, Image.new("RGB", (96, 96), COLOURS[0]))]), COLOURS[0])
    sheet = draw_sheet(text(1, 1), Size(96, 96), [(0, 0, "these do not go together")])
    inside = np.asarray(sheet.crop(box))
    assert (inside[0] == 0xEE).all() and (inside < 150).any()


def test_equal_sheets_are_equal_to_the_pixel() -> None:
    cells = [(0, 0, Image.new("RGB", (64, 64), COLOURS[0]))]
    assert (
        draw_sheet(text(1, 1), Size(64, 64), cells).tobytes() == draw_sheet(text(1, 1), Size(64, 64), cells).tobytes()
    )
