"""A schedule's text cut into keys and values, as either of Deforum's dialects cuts it, and more kindly than both.

The text is gone through once, whatever it is. Knows no calculations.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from colabsd.errors import InvalidScheduleError
from colabsd.planning.schedule_grammar import Place

LONGEST = 1_000_000  # characters; real schedules with 6,000 keys have 150,000
MOST_KEYS = 100_000
KEY_OPENS = re.compile(r"([0-9]+):\s*\(")
VALUE_CLOSES = re.compile(r"\)(?:,\s?|\s?$)")
NEXT_KEY = re.compile(r"[)\s]\s*([0-9]+)\s*$")
QUOTES = "\"'"
OPENING, CLOSING = "([", ")]"


@dataclass(frozen=True, slots=True)
class Cut:
    """A key and its value as texts, with where they begin. `skipped` is text before it that nobody reads, and
    `dropped` a part between key and value that nobody should have written.
    """

    key: str
    key_start: int
    value: str
    value_start: int
    skipped: str = ""
    dropped: str = ""


def check_length(text: str, name: str) -> None:
    """Raises: InvalidScheduleError for an empty text, or one beyond all use."""
    if not text.strip():
        raise InvalidScheduleError(name=name, position=1, excerpt="")
    if len(text) > LONGEST:
        raise InvalidScheduleError("error.film_schedule.huge", name=name, size=len(text), limit=LONGEST)


def notebook_cuts(text: str) -> Iterator[Cut]:
    """What the notebook finds: a whole number, a colon, brackets up to the first that a comma or the end follows."""
    position = 0
    while (opened := KEY_OPENS.search(text, position)) and (closed := VALUE_CLOSES.search(text, opened.end())):
        value, skipped = text[opened.end() : closed.start()], text[position : opened.start()]
        yield Cut(opened[1], opened.start(), value, opened.end(), skipped.strip())
        position = closed.end()


def a1111_cuts(text: str) -> Iterator[Cut]:
    """What A1111's extension makes of it: parts between commas, of each what is before and behind its first colon."""
    start = 0
    for part in text.split(","):
        key, *values = part.split(":")
        value = values[0] if values else ""
        value_start = start + len(key) + 1
        dropped = ":".join(values[1:]).strip()
        yield Cut(key, start, value, value_start, dropped=dropped)
        start += len(part) + 1


def kind_cuts(text: str, place: Place) -> Iterator[Cut]:
    """What is probably meant: parts between commas that are in no brackets and quotes, the last colon's right a value.

    A trailing comma, quoted keys, blanks anywhere and a bare value are fine. Raises: InvalidScheduleError.
    """
    for start, part in _split(text, 0, ",", place):
        if not part.strip():
            continue
        pieces = list(_split(part, start, ":", place))
        if len(pieces) == 1:
            yield Cut("0", start, part, start)
            continue
        (key_start, key), (value_start, value) = pieces[0], pieces[-1]
        between = [piece.strip() for _, piece in pieces[1:-1]]
        if lost := next((found for piece in between if (found := NEXT_KEY.search(piece))), None):
            raise place.wrong("error.film_schedule.comma", value_start - 1, frame=lost[1])
        yield Cut(key, key_start, value, value_start, dropped=":".join(between))


def _split(text: str, start: int, separator: str, place: Place) -> Iterator[tuple[int, str]]:
    """The parts of a text between separators that stand in no brackets and no quotes, each with its place."""
    depth = 0
    quote = ""
    first = 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in QUOTES:
            quote = letter if letter in text[index + 1 : index + 1 + 4096] else ""
        elif letter in OPENING:
            depth += 1
        elif letter in CLOSING:
            depth -= 1
            if depth < 0:
                raise place.wrong("error.film_schedule.closing", start + index)
        elif letter == separator and depth == 0:
            yield start + first, text[first:index]
            first = index + 1
    if depth:
        raise place.wrong("error.film_schedule.expected", start + len(text), expected=")")
    yield start + first, text[first:]


def bare(text: str) -> str:
    """A text without quotes and brackets, as A1111's extension looks whether it is a number."""
    return text.strip().translate({ord(letter): None for letter in "\"'()"})


def unwrapped(text: str) -> str:
    """A text without the brackets around all of it and then without the quotes around all of it."""
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text[1:-1] if len(text) > 1 and text[0] in QUOTES and text[-1] == text[0] else text
