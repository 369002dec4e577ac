"""Attention: text with brackets → pieces of text with weights. Knows nothing of schedules, `AND` or tokens.

The grammar, as A1111 reads it:

    (x)        x counts 1.1 times; nested brackets multiply
    (x:1.3)    x counts 1.3 times instead; signs and `.5` are fine, spaces around the number too
    [x]        x counts 1/1.1 times; there is no `[x:w]`
    \\( \\) \\[ \\] \\\\   the character itself; any other backslash vanishes
    BREAK      as a word of its own, starts a new chunk

An opening bracket that is never closed counts to the end; a closing one that was never opened is a character. Round
and square brackets may cross: `(a [b) c]`. Neighbours of equal weight are one piece.

Two things are done better than there: BREAK inside brackets is a break (A1111 encodes the word with a negative
weight), and `(a:1..2)`, which is no number, counts 1.1 times (A1111 stops with an error).
"""

import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from colabsd.prompts.tree import ROUND_FACTOR, SQUARE_FACTOR, Break

_TOKEN = re.compile(r"\\[()\[\]\\]?|:\s*(?P<number>[+-]?[.\d]+)\s*\)|[()\[\]:]|[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")

_EXACT_DEPTH = 64
"""Up to this nesting a weight is the product from the innermost bracket outwards, rounded as A1111 rounds it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that is encoded together, and how much it counts. Weights are finite."""

    text: str
    weight: float = 1.0


Pieces = tuple[Piece | Break, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A piece before merging, with where its text begins. `text` None is a break; `bracketed` tells if inside any."""

    start: int
    text: str | None
    weight: float
    bracketed: bool


@dataclass(slots=True, eq=False)
class _Bracket:
    """A bracket that was opened inside `parent`; `closed` orders the brackets by when they ended."""

    parent: "_Bracket | None"
    factor: float
    closed: float
    depth: int
    total: float = 1.0


@dataclass(slots=True)
class _Scan:
    """The brackets met so far. Round and square ones have their own stacks, because they may cross."""

    tops: dict[str, _Bracket | None] = field(default_factory=lambda: {"(": None, "[": None})
    brackets: list[_Bracket] = field(default_factory=list)
    runs: list[tuple[int, str | None, _Bracket | None, _Bracket | None]] = field(default_factory=list)
    closings: int = 0

    def open(self, opener: str) -> None:
        parent = self.tops[opener]
        round_ = opener == "("
        bracket = _Bracket(
            parent,
            ROUND_FACTOR if round_ else SQUARE_FACTOR,
            closed=math.inf if not round_ else sys.float_info.max,
            depth=parent.depth + 1 if parent else 1,
        )
        self.tops[opener] = bracket
        self.brackets.append(bracket)

    def close(self, opener: str, factor: float) -> None:
        bracket = self.tops[opener]
        assert bracket is not None
        self.closings += 1
        bracket.factor, bracket.closed = factor, self.closings
        self.tops[opener] = bracket.parent

    def add(self, start: int, text: str | None) -> None:
        self.runs.append((start, text, self.tops["("], self.tops["["]))


def read_weight(text: str) -> float | None:
    """The number that a weight's text spells, or None when it is none (`1..2`, `.`, or more than a float holds)."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def runs(text: str) -> Iterator[Run]:
    """The pieces of a text in order, not merged, each with where it begins. In time linear in the text."""
    scan = _Scan()
    for match in _TOKEN.finditer(text):
        _take(scan, match)
    for bracket in scan.brackets:
        bracket.total = _times(bracket.parent.total if bracket.parent else 1.0, bracket.factor)
    weights: dict[tuple[int, int], float] = {}
    for start, words, round_, square in scan.runs:
        key = (id(round_), id(square))
        if key not in weights:
            weights[key] = _weight(round_, square)
        yield Run(start, words, weights[key], bracketed=round_ is not None or square is not None)


def weigh(text: str) -> Pieces:
    """The pieces of a text, neighbours of equal weight merged. An empty text is one empty piece of weight 1."""
    merged: list[Piece | Break] = []
    words: list[str] = []
    weight = 1.0

    def finish() -> None:
        joined = "".join(words)
        words.clear()
        if joined:
            merged.append(Piece(joined, weight))

    for run in runs(text):
        if run.text is None or run.weight != weight:
            finish()
            weight = run.weight
        if run.text is None:
            merged.append(Break())
        else:
            words.append(run.text)
    finish()
    return tuple(merged) or (Piece(""),)


def _take(scan: _Scan, match: re.Match[str]) -> None:
    token, start = match.group(), match.start()
    if token.startswith("\\"):
        scan.add(start, token[1:])
    elif token in "([":
        scan.open(token)
    elif token == "]" and scan.tops["["]:
        scan.close("[", SQUARE_FACTOR)
    elif token == ")" and scan.tops["("]:
        scan.close("(", ROUND_FACTOR)
    elif match["number"] is not None and scan.tops["("]:
        weight = read_weight(match["number"])
        if weight is None:
            scan.add(start, token[:-1])
        scan.close("(", ROUND_FACTOR if weight is None else weight)
    else:
        _take_words(scan, token, start)


def _take_words(scan: _Scan, words: str, start: int) -> None:
    """Text without brackets, cut at each BREAK; the blanks around a BREAK go with it."""
    breaks = [*_BREAK.finditer(words)]
    begins = [0, *(found.end() for found in breaks)]
    ends = [*(found.start() for found in breaks), len(words)]
    for index, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if index:
            scan.add(start + breaks[index - 1].start(), None)
        part = words[begin:end]
        if index:
            begin += len(part) - len(part.lstrip())
            part = part.lstrip()
        scan.add(start + begin, part.rstrip() if index < len(breaks) else part)


def _weight(round_: _Bracket | None, square: _Bracket | None) -> float:
    depth = (round_.depth if round_ else 0) + (square.depth if square else 0)
    if depth > _EXACT_DEPTH:
        return _times(round_.total if round_ else 1.0, square.total if square else 1.0)
    weight = 1.0
    for bracket in sorted([*_chain(round_), *_chain(square)], key=lambda bracket: bracket.closed):
        weight = _times(weight, bracket.factor)
    return weight


def _chain(bracket: _Bracket | None) -> Iterator[_Bracket]:
    while bracket is not None:
        yield bracket
        bracket = bracket.parent


def _times(left: float, right: float) -> float:
    """The product, kept finite."""
    return max(-sys.float_info.max, min(sys.float_info.max, left * right))
