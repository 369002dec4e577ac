"""The parts of a prompt as frozen data. Knows nothing of how they are read, written or drawn.

A tree keeps what was typed: `Text.source` is the text between brackets with its backslashes, so a tree written back is
the same prompt. To put any sentence of your own into a tree, take `Text(literal(sentence))` (see `write.py`).
"""

from dataclasses import dataclass
from typing import Literal

ROUND_FACTOR = 1.1
SQUARE_FACTOR = 1 / 1.1

MAX_DEPTH = 64
"""Brackets nested deeper than this stay text in the tree: their weights count, schedules in them do not."""

Unit = Literal["step", "share"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they were typed, escapes included: `a \\(b\\)`."""

    source: str


@dataclass(frozen=True, slots=True)
class Break:
    """The word `BREAK`: what follows starts a new chunk of 75 tokens."""


@dataclass(frozen=True, slots=True)
class Emphasis:
    """`(inside)` or `(inside:weight)`; None means the 1.1 of plain parentheses."""

    inside: "Nodes"
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Deemphasis:
    """`[inside]`: divided by 1.1."""

    inside: "Nodes"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a schedule switches: a step's number, or a share of the steps (a number typed with a decimal point)."""

    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Schedule:
    """`[before:after:when]`; `[after:when]` has no before, `[before::when]` no after."""

    before: "Nodes"
    after: "Nodes"
    when: Moment


@dataclass(frozen=True, slots=True)
class Alternation:
    """`[a|b|c]`: another member at every step, in turn."""

    members: tuple["Nodes", ...]


Node = Text | Break | Emphasis | Deemphasis | Schedule | Alternation
Nodes = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One side of an `AND` with its weight in the sum of guidances. A prompt's only part has weight 1."""

    nodes: Nodes
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Network:
    """`<kind:argument:argument>`, as typed: `<lora:ink:0.8>` is kind `lora` with arguments `ink` and `0.8`."""

    kind: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole prompt: its parts (one unless `AND` was used) and the extra networks that it asks for."""

    parts: tuple[Part, ...]
    networks: tuple[Network, ...] = ()
