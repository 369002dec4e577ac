"""Contact sheets of photos: each whole with its crop lit up, and under it what is said of it. Knows no training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colabsd.sheets.labels import Lettering, lettering

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SIDE = 240  # pixels of a photo's place
LETTERS = 13
GAP = 10
FRAME = 3
ON_A_SHEET = 40
MOST_COLUMNS = 8
PAPER, INK, FAINT, WRONG, RIGHT = "white", "#1c1c1c", "#6a6a6a", "#b3261e", "#2e7d32"
SHADE = 0.62  # of white, over what a crop leaves out
NAME_LINES, FACT_LINES, CAPTION_LINES, PROBLEM_LINES = 1, 1, 3, 8


@dataclass(frozen=True, kw_only=True)
class PhotoCell:
    """One photo of a sheet. `image` may be of any size; `crop` is left, top, right and lower edge in shares of it."""

    image: "Image"
    crop: tuple[float, float, float, float]
    name: str
    facts: str = ""
    caption: str = ""
    problems: tuple[str, ...] = ()


def draw_photo_sheets(title: str, facts: str, cells: Sequence[PhotoCell]) -> "Iterator[Image]":
    """Sheets of at most 40 photos each, with the title and the facts on top of every one."""
    for first in range(0, len(cells), ON_A_SHEET):
        yield _draw(title, facts, cells[first : first + ON_A_SHEET])


def lit_crop(image: "Image", crop: tuple[float, float, float, float], side: int, colour: str = RIGHT) -> "Image":
    """The photo with at most `side` pixels a side, pale but for its crop, which has a frame."""
    from PIL import Image as Images
    from PIL import ImageDraw

    small = image.convert("RGB")
    small.thumbnail((side, side))
    width, height = small.size
    left, top = min(round(crop[0] * width), width - 1), min(round(crop[1] * height), height - 1)
    right, lower = max(left + 1, round(crop[2] * width)), max(top + 1, round(crop[3] * height))
    box = left, top, min(right, width), min(lower, height)
    pale = Images.blend(small, Images.new("RGB", small.size, PAPER), SHADE)
    pale.paste(small.crop(box), box[:2])
    frame = box[0], box[1], box[2] - 1, box[3] - 1
    ImageDraw.Draw(pale).rectangle(frame, outline=colour, width=FRAME)
    return pale


def _draw(title: str, facts: str, cells: Sequence[PhotoCell]) -> "Image":
    from PIL import Image as Images
    from PIL import ImageDraw

    letters, large = lettering(LETTERS), lettering(LETTERS + 6)
    columns = min(len(cells), MOST_COLUMNS, max(3, round(len(cells) ** 0.5 * 1.3)))
    width = columns * (SIDE + GAP) + GAP
    heading = large.wrap(title, width - 2 * GAP, 2), letters.wrap(facts, width - 2 * GAP, 3)
    top = 2 * GAP + large.height(heading[0]) + letters.height(heading[1]) + GAP
    written = [_lines(cell, letters) for cell in cells]
    rows = [range(first, min(first + columns, len(cells))) for first in range(0, len(cells), columns)]
    deep = [max(letters.height([line for line, _ in written[place]]) for place in row) + GAP for row in rows]
    sheet = Images.new("RGB", (width, top + sum(SIDE + GAP + below for below in deep) + GAP), PAPER)
    canvas = ImageDraw.Draw(sheet)
    large.write(canvas, (GAP, GAP), heading[0], INK)
    letters.write(canvas, (GAP, GAP + large.height(heading[0]) + GAP // 2), heading[1], FAINT)
    for row, below in zip(rows, deep, strict=True):
        for column, place in enumerate(row):
            corner = GAP + column * (SIDE + GAP), top
            _draw_cell(sheet, canvas, corner, cells[place], written[place], letters)
        top += SIDE + GAP + below
    return sheet


def _draw_cell(
    sheet: "Image",
    canvas: "ImageDraw",
    corner: tuple[int, int],
    cell: PhotoCell,
    lines: list[tuple[str, str]],
    letters: Lettering,
) -> None:
    left, top = corner
    shown = lit_crop(cell.image, cell.crop, SIDE, WRONG if cell.problems else RIGHT)
    sheet.paste(shown, (left + (SIDE - shown.width) // 2, top + SIDE - shown.height))
    for number, (line, colour) in enumerate(lines):
        letters.write(canvas, (left, top + SIDE + GAP // 2 + number * letters.line_height), [line], colour)


def _lines(cell: PhotoCell, letters: Lettering) -> list[tuple[str, str]]:
    """What is written under a photo, with the colour of each line."""
    parts = [(cell.name, INK, NAME_LINES), (cell.facts, FAINT, FACT_LINES)]
    parts.append((f"“{cell.caption}”" if cell.caption else "", INK, CAPTION_LINES))
    parts += [(problem, WRONG, PROBLEM_LINES) for problem in cell.problems]
    return [(line, colour) for text, colour, most in parts if text for line in letters.wrap(text, SIDE, most)]
