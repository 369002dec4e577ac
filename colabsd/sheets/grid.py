"""Labelled sheets: pictures in columns and rows, with what differs written beside them. Knows nothing of grids."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from colabsd.geometry import Size
from colabsd.sheets.labels import Lettering, lettering

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

MOST_PIXELS = 12_000_000  # of the pictures together: a PNG of some 20 MB
LONGEST_SIDE = 8000
LEAST_SIDE = 48  # of a picture, however many there are
SMALLEST_LETTERS, LARGEST_LETTERS = 13, 28
LEAST_WIDTH = 420  # of a sheet, so that its title can be read
GAP = 6
PAPER, INK, FAINT, EMPTY = "white", "#1c1c1c", "#6a6a6a", "#eeeeee"
COLUMN_LINES, ROW_LETTERS, TITLE_LINES, FACT_LINES, WORD_LINES = 4, 16, 4, 4, 8
Cell: TypeAlias = tuple[int, int, "Image | str"]


@dataclass(frozen=True, kw_only=True)
class SheetText:
    """What is written on a sheet.

    `title` stands on top, `facts` under it; `columns` and `rows` label the cells and `column_name` and `row_name` say
    what they are; `words` stand below.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...] = ("",)
    column_name: str = ""
    row_name: str = ""
    facts: str = ""
    words: tuple[str, ...] = ()


def draw_sheet(text: SheetText, largest: Size, cells: Iterable[Cell]) -> "Image":
    """A sheet of pictures of at most the size `largest`.

    `cells` are column, row, and a picture or the words that stand in its place; they are used one at a time. Pictures
    are scaled down where there are many, so that a sheet has at most about 12 million pixels, and never up.
    """
    from PIL import Image as Images
    from PIL import ImageDraw

    layout = _Layout.of(text, largest)
    sheet = Images.new("RGB", (layout.width, layout.height), PAPER)
    canvas = ImageDraw.Draw(sheet)
    layout.write(canvas)
    for column, row, content in cells:
        left, top = layout.corner(column, row)
        if isinstance(content, str):
            layout.write_empty(canvas, (left, top), content)
            continue
        scaled = _scaled(content, layout.box)
        offset = (layout.box.width - scaled.width) // 2, (layout.box.height - scaled.height) // 2
        sheet.paste(scaled, (left + offset[0], top + offset[1]))
    return sheet


def fitted(largest: Size, columns: int, rows: int) -> Size:
    """The size of a cell's picture, so that all of them together stay within bounds."""
    scale = min(
        1.0,
        (MOST_PIXELS / (largest.pixels * columns * rows)) ** 0.5,
        LONGEST_SIDE / (largest.width * columns),
        LONGEST_SIDE / (largest.height * rows),
    )
    least = min(1.0, LEAST_SIDE / max(largest.width, largest.height))
    scale = max(scale, least)
    return Size(max(1, int(largest.width * scale)), max(1, int(largest.height * scale)))


def _scaled(picture: "Image", box: Size) -> "Image":
    from PIL.Image import Resampling

    picture = picture.convert("RGB")
    scale = min(1.0, box.width / picture.width, box.height / picture.height)
    if scale == 1.0:
        return picture
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Resampling.LANCZOS)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where everything stands, in pixels. `box` is a picture's place; a column is at least as wide as its words."""

    text: SheetText
    box: Size
    letters: Lettering
    large: Lettering
    column_width: int
    label_width: int
    width: int
    title: list[str]
    facts: list[str]
    columns: list[list[str]]
    rows: list[list[str]]
    words: list[str]

    @classmethod
    def of(cls, text: SheetText, largest: Size) -> "_Layout":
        box = fitted(largest, len(text.columns), len(text.rows))
        size = min(max(box.width // 10, SMALLEST_LETTERS), LARGEST_LETTERS)
        letters, large = lettering(size), lettering(round(size * 1.3))
        words = max(map(letters.word_width, text.columns))
        column_width = max(box.width, min(words, 8 * size))
        longest = max(map(letters.width, (*text.rows, text.row_name)))
        label_width = min(longest, ROW_LETTERS * size) + (2 * GAP if longest else 0)
        width = max(label_width + len(text.columns) * (column_width + GAP) + 2 * GAP, LEAST_WIDTH)
        whole = width - 4 * GAP
        row_lines = max(1, box.height // letters.line_height)
        return cls(
            text=text,
            box=box,
            letters=letters,
            large=large,
            column_width=column_width,
            label_width=label_width,
            width=width,
            title=large.wrap(text.title, whole, TITLE_LINES),
            facts=letters.wrap(text.facts, whole, FACT_LINES),
            columns=[letters.wrap(label, column_width, COLUMN_LINES) for label in text.columns],
            rows=[letters.wrap(label, label_width - 2 * GAP, row_lines) for label in text.rows],
            words=[line for words in text.words for line in letters.wrap(words, whole, WORD_LINES)],
        )

    @property
    def header(self) -> int:
        """Where the labels of the columns begin."""
        above = self.large.height(self.title) + self.letters.height(self.facts)
        return 2 * GAP + above + GAP + (self.letters.line_height if self.text.column_name else 0)

    @property
    def top(self) -> int:
        """Where the first row begins."""
        lines = max(map(len, self.columns)) or (1 if self.text.row_name else 0)
        return self.header + lines * self.letters.line_height + GAP

    @property
    def bottom(self) -> int:
        """Where the last row ends."""
        return self.top + len(self.rows) * (self.box.height + GAP)

    @property
    def height(self) -> int:
        return self.bottom + GAP + (self.letters.height(self.words) + 2 * GAP if self.words else 0)

    def corner(self, column: int, row: int) -> tuple[int, int]:
        """The upper left corner of a cell's picture."""
        middle = (self.column_width - self.box.width) // 2
        left = GAP + self.label_width + column * (self.column_width + GAP) + middle
        return left, self.top + row * (self.box.height + GAP)

    def write(self, canvas: "ImageDraw") -> None:
        """Everything but the cells."""
        letters = self.letters
        self.large.write(canvas, (2 * GAP, 2 * GAP), self.title, INK)
        letters.write(canvas, (2 * GAP, 2 * GAP + self.large.height(self.title)), self.facts, FAINT)
        left = GAP + self.label_width
        span = len(self.columns) * (self.column_width + GAP) - GAP
        above = self.header - letters.line_height
        letters.write(canvas, (left, above), [self.text.column_name], FAINT, middle=span)
        last = self.top - GAP - letters.line_height
        letters.write(canvas, (2 * GAP, last), letters.wrap(self.text.row_name, self.label_width, 1), FAINT)
        for column, lines in enumerate(self.columns):
            place = left + column * (self.column_width + GAP), self.header
            letters.write(canvas, place, lines, INK, middle=self.column_width)
        for row, lines in enumerate(self.rows):
            middle = (self.box.height - letters.height(lines)) // 2
            letters.write(canvas, (2 * GAP, self.corner(0, row)[1] + middle), lines, INK)
        letters.write(canvas, (2 * GAP, self.bottom + GAP), self.words, INK)

    def write_empty(self, canvas: "ImageDraw", place: tuple[int, int], words: str) -> None:
        """A cell without a picture."""
        left, top = place
        right, below = left + self.box.width - 1, top + self.box.height - 1
        canvas.rectangle((left, top, right, below), fill=EMPTY)
        lines = self.letters.wrap(words, self.box.width - GAP, max(1, self.box.height // self.letters.line_height))
        middle = (self.box.height - self.letters.height(lines)) // 2
        self.letters.write(canvas, (left, top + middle), lines, FAINT, middle=self.box.width)
