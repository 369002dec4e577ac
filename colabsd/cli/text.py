"""Text for a terminal: made harmless, measured in columns, cut and set in tables. Knows nothing of pictures."""

import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"
BLANKS = "\t\n\v\f\r\x85\u2028\u2029"
# Marks that turn the reading direction of everything behind them (Unicode UAX #9), also of text that is not theirs.
TURNING_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def harmless(text: str) -> str:
    """The text on one line, without anything that a terminal obeys: escapes, controls, direction overrides."""
    return "".join(_harmless_letter(letter) for letter in text)


def _harmless_letter(letter: str) -> str:
    if letter in BLANKS:
        return " "
    if letter in TURNING_MARKS or unicodedata.category(letter) in ("Cc", "Cs"):
        return REPLACEMENT
    return letter


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters (UAX #11) two, combining ones none."""
    return sum(_letter_columns(letter) for letter in text)


def _letter_columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, with an ellipsis where something was left out."""
    if columns(text) <= width:
        return text
    kept, used = [], 0
    for letter in text:
        used += _letter_columns(letter)
        if used > width - 1:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + ELLIPSIS if width > 0 else ""


def pad(text: str, width: int) -> str:
    """The text filled up with spaces to `width` columns."""
    return text + " " * max(0, width - columns(text))


def table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Rows as lines with aligned columns, two spaces between them; the last column is cut to what `width` leaves."""
    if not rows:
        return []
    clean = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(columns(row[place]) for row in clean) for place in range(len(clean[0]) - 1)]
    room = max(10, width - sum(widths) - 2 * len(widths))
    return [
        "  ".join([*(pad(cell, size) for cell, size in zip(row, widths, strict=False)), cut(row[-1], room)]).rstrip()
        for row in clean
    ]
