"""Text on sheets: a font that has the letters of both languages, lines that fit, and what they measure."""

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

# Pillow's own scalable font lacks every accented letter. This one is a part of DejaVu Sans: Latin, Greek, Cyrillic.
FONT_FILE = "DejaVuSans.ttf"
ELLIPSIS = "…"
UNBROKEN = "\u00a0"  # a space where no line ends
LINE_HEIGHT = 1.25


@dataclass(frozen=True)
class Lettering:
    """A font at one size. Its lines are `line_height` pixels apart."""

    font: "FreeTypeFont"

    @property
    def line_height(self) -> int:
        return round(self.font.size * LINE_HEIGHT)

    def width(self, text: str) -> int:
        """The pixels that a line of text takes."""
        return round(self.font.getlength(text) + 0.5)

    def word_width(self, text: str) -> int:
        """The pixels of the longest word."""
        return max((self.width(word) for word in plain(text).split(" ")), default=0)

    def wrap(self, text: str, width: int, most_lines: int) -> list[str]:
        """The text in lines of at most `width` pixels, with an ellipsis where something was left out."""
        lines = list(self._lines(plain(text), width))
        if len(lines) <= most_lines:
            return lines
        return [*lines[: most_lines - 1], self._cut(" ".join(lines[most_lines - 1 :]), width)]

    def height(self, lines: list[str]) -> int:
        """The pixels that lines take."""
        return len(lines) * self.line_height

    def write(
        self, canvas: "ImageDraw", place: tuple[int, int], lines: list[str], colour: str, *, middle: int | None = None
    ) -> None:
        """Lines from the upper left corner `place` on; with `middle`, a width, each in the middle of that."""
        left, top = place
        for number, line in enumerate(lines):
            indent = 0 if middle is None else (middle - self.width(line)) // 2
            canvas.text((left + indent, top + number * self.line_height), line, fill=colour, font=self.font)

    def _lines(self, text: str, width: int) -> Iterator[str]:
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if self.width(longer) <= width:
                line = longer
                continue
            if line:
                yield line
            *pieces, line = self._pieces(word, width)
            yield from pieces
        if line:
            yield line

    def _pieces(self, word: str, width: int) -> Iterator[str]:
        """A word that is longer than a line, in pieces that are not."""
        piece = ""
        for letter in word:
            if piece and self.width(piece + letter) > width:
                yield piece
                piece = ""
            piece += letter
        yield piece

    def _cut(self, text: str, width: int) -> str:
        while text and self.width(text + ELLIPSIS) > width:
            text = text[:-1].rstrip()
        return text + ELLIPSIS


def lettering(size: int) -> Lettering:
    """The font at a size in pixels. Every Pillow sets it alike: without the shaping that some are built with."""
    from PIL import ImageFont

    data = files("colabsd.sheets").joinpath(FONT_FILE).read_bytes()
    return Lettering(ImageFont.truetype(io.BytesIO(data), size, layout_engine=ImageFont.Layout.BASIC))


def plain(text: str) -> str:
    """The text on one line, without anything that has no form."""
    shown = "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))
    return " ".join(word for word in shown.split(" ") if word)


def _letter(letter: str) -> str:
    if letter == UNBROKEN:
        return letter
    if letter.isspace():
        return " "
    return "\ufffd" if unicodedata.category(letter) in ("Cc", "Cf", "Cs") else letter
