"""What is read before the grammar proper: comments, extra networks, AND. Knows nothing of brackets.

Positions in what is left are traced back to the text as typed, so that remarks can point at it.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

from colabsd.prompts.attention import read_weight
from colabsd.prompts.tree import Network

_COMMENT = re.compile(r"\\.|^#[^\n]*\n?|#[^\n]*", re.MULTILINE | re.DOTALL)
_NETWORK = re.compile(r"<(\w+):([^>]+)>")
_AND = re.compile(r"\bAND\b")
_PART_WEIGHT = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text without comments and extra networks, and where each character was.

    `networks` holds each tag with its place in the original text and in `text`; `comments` where in the original the
    comments began that stand behind other text.
    """

    text: str
    networks: tuple[tuple[Network, int, int], ...]
    comments: tuple[int, ...]
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    def origin(self, position: int) -> int:
        """Where the character at `position` of `text` stands in the original."""
        index = bisect_right(self.starts, position) - 1
        return self.origins[index] + position - self.starts[index]


@dataclass(frozen=True, slots=True)
class PartRange:
    """One side of an AND as a range of a text. `number` says where a trailing `:number` begins, -1 without one."""

    start: int
    end: int
    weight: float
    number: int


def clean(text: str) -> Cleaned:
    """Take comments, then extra networks, out of a text."""
    without, comments, starts, origins = _without_comments(text)
    pieces: list[str] = []
    networks: list[tuple[Network, int, int]] = []
    kept_starts, kept_origins = [0], [0]
    first = Cleaned(without, (), (), starts, origins)
    done = length = 0
    for tag in _NETWORK.finditer(without, 0, without.rfind(">") + 1):
        length += tag.start() - done
        pieces.append(without[done : tag.start()])
        networks.append((Network(tag[1], tuple(tag[2].split(":"))), first.origin(tag.start()), length))
        done = tag.end()
        kept_starts.append(length)
        kept_origins.append(done)
    pieces.append(without[done:])
    joined = _join_origins(first, kept_starts, kept_origins)
    return Cleaned("".join(pieces), tuple(networks), comments, *joined)


def strip_comments(text: str) -> str:
    """The text without `#` comments; a line that is only a comment goes with its line end."""
    return _without_comments(text)[0]


def _without_comments(text: str) -> tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    pieces: list[str] = []
    comments: list[int] = []
    starts, origins = [0], [0]
    done = length = 0
    for match in _COMMENT.finditer(text):
        if match[0].startswith("\\"):
            continue
        pieces.append(text[done : match.start()])
        length += match.start() - done
        done = match.end()
        starts.append(length)
        origins.append(done)
        if match.start() and text[match.start() - 1] != "\n":
            comments.append(match.start())
    pieces.append(text[done:])
    return "".join(pieces), tuple(comments), tuple(starts), tuple(origins)


def _join_origins(first: Cleaned, starts: list[int], origins: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The two removals as one table: every place where either took something out."""
    second = Cleaned("", (), (), tuple(starts), tuple(origins))
    table = {start: first.origin(origin) for start, origin in zip(starts, origins, strict=True)}
    for start, origin in zip(first.starts, first.origins, strict=True):
        index = bisect_right(second.origins, start) - 1
        place = second.starts[index] + start - second.origins[index]
        end = second.starts[index + 1] if index + 1 < len(second.starts) else place
        if place <= end:
            table[place] = max(table.get(place, 0), origin)
    ordered = sorted(table.items())
    return tuple(start for start, _ in ordered), tuple(origin for _, origin in ordered)


def split_parts(text: str, *, negative: bool = False) -> list[PartRange]:
    """The sides of every AND, blanks around them and their weights cut off; one part is left as it is."""
    ands = [] if negative else [match.span() for match in _AND.finditer(text)]
    if not ands:
        _, number, _ = _part_weight(text)
        return [PartRange(0, len(text), 1.0, -1 if negative else number)]
    parts = []
    for start, end in zip([0, *(end for _, end in ands)], [*(start for start, _ in ands), len(text)], strict=True):
        side = text[start:end]
        length, number, weight = _part_weight(side)
        start += len(side) - len(side.lstrip())
        parts.append(PartRange(start, max(start, end - len(side) + length), weight, number))
    return parts


def _part_weight(side: str) -> tuple[int, int, float]:
    """How much of a side is its text, where its `:number` begins (-1 without one), and that weight."""
    colon = side.rfind(":")
    if colon >= 0 and _PART_WEIGHT.fullmatch(side[colon + 1 :].strip()):
        weight = read_weight(side[colon + 1 :])
        if weight is not None:
            return len(side[:colon].rstrip()), colon, weight
    return len(side.rstrip()), -1, 1.0
