"""Calculations in schedules, from text to a function: an own grammar over a whitelist. Runs no code, knows no frames.

Operators bind as in Python: comparisons, `|`, `^`, `&`, shifts, sums, products, signs, powers. There are no attributes,
no brackets, no texts, no `and`. Length and depth are bounded, so that no text can take the stack or the time.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from colabsd.errors import InvalidScheduleError
from colabsd.planning.schedule_functions import (
    BINARY,
    FUNCTIONS,
    MORE_FUNCTIONS,
    MORE_NAMES,
    UNARY,
    NotWholeError,
)

MOST_TOKENS = 2_000
DEEPEST = 150  # brackets, signs and functions in each other
MOST_STACKED = 400  # operators that wait for each other when a calculation is made
SIGNIFICANT_DIGITS = 18  # more do not fit into 63 bits
TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|//|<<|>>|<=|>=|==|!=|[-+*/%&|^~<>(),])|(?P<end>$)|(?P<other>.))",
    re.DOTALL,
)
BINDING: Mapping[str, int] = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 1),
    "|": 2,
    "^": 3,
    "&": 4,
    **dict.fromkeys(("<<", ">>"), 5),
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "//", "%"), 7),
    "**": 9,
}
COMPARING, SIGNED, POWER = 1, 8, 9
WORDS = ("and", "or", "not", "if", "else", "in", "is", "lambda", "for")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a calculation: a function of the names' values, or a constant that needs none of them."""

    call: Callable[[Sequence[Any]], Any]
    constant: bool
    depth: int


@dataclass(frozen=True, slots=True)
class Calculation:
    """A function of the values of `names`, in their order; it raises NotWholeError only. `used` are those it needs."""

    call: Callable[[Sequence[Any]], Any]
    used: frozenset[str]
    xor: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a calculation stands, for errors: the schedule's name, its whole text, and where the calculation begins."""

    name: str
    text: str
    start: int = 0

    def wrong(self, key: str, position: int, **facts: object) -> InvalidScheduleError:
        """The error at a position of the calculation."""
        return InvalidScheduleError(key, name=self.name, **place_facts(self.text, self.start + position), **facts)


def place_facts(text: str, offset: int) -> dict[str, object]:
    """What errors say of a place in a text: its number, counted from 1, and what stands around it."""
    first, last = max(0, offset - 20), offset + 20
    shown = text[first:offset] + "▸" + text[offset:last]
    shown = ("…" if first else "") + shown + ("…" if last < len(text) else "")
    return {"position": offset + 1, "excerpt": " ".join(shown.split())}


def calculation(text: str, names: Sequence[str], place: Place, *, more: bool = True) -> Calculation:
    """The function that a text says. `more` also knows what Deforum does not: pi, e, tau, min, max, clip.

    Raises: InvalidScheduleError.
    """
    return _Parser(text, names, place, more).whole()


class _Parser:
    """Top-down operator precedence (Pratt 1973). Constants are calculated at once."""

    def __init__(self, text: str, names: Sequence[str], place: Place, more: bool) -> None:
        self.place = place
        self.names = {name: index for index, name in enumerate(names)}
        self.constants: Mapping[str, float] = MORE_NAMES if more else {}
        self.functions = {**FUNCTIONS, **(MORE_FUNCTIONS if more else {})}
        self.used: set[str] = set()
        self.xor = False
        self.tokens = self._tokens(text)
        self.next = next(self.tokens)

    def whole(self) -> Calculation:
        node = self._expression(0, 0)
        if self.next.kind != "end":
            self._fail("error.film_schedule.operator")
        return Calculation(node.call, frozenset(self.used), self.xor)

    def _tokens(self, text: str) -> Iterator[Token]:
        position = 0
        for _ in range(MOST_TOKENS):
            found = TOKEN.match(text, position)
            assert found is not None and found.lastgroup is not None
            token = Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
            if token.kind == "other":
                raise self.place.wrong("error.film_schedule.sign", token.position, sign=token.text)
            yield token
            if token.kind == "end":
                return
            position = found.end()
        raise self.place.wrong("error.film_schedule.long", position, limit=MOST_TOKENS)

    def _take(self) -> Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self.tokens)
        return token

    def _fail(self, key: str, **facts: object) -> NoReturn:
        token = self.next
        if token.text in WORDS:
            raise self.place.wrong("error.film_schedule.word", token.position, word=token.text)
        raise self.place.wrong(key, token.position, **facts)

    def _expect(self, sign: str) -> None:
        if self.next.text != sign:
            self._fail("error.film_schedule.expected", expected=sign)
        self._take()

    def _expression(self, binding: int, depth: int) -> Node:
        if depth > DEEPEST:
            self._fail("error.film_schedule.deep", limit=DEEPEST)
        left = self._operand(depth)
        compared = False
        while self.next.kind == "sign" and BINDING.get(self.next.text, 0) > binding:
            token = self._take()
            bound = BINDING[token.text]
            if bound == COMPARING and compared:
                raise self.place.wrong("error.film_schedule.chained", token.position)
            compared = bound == COMPARING
            self.xor = self.xor or token.text == "^"
            right = self._expression(SIGNED - 1 if bound == POWER else bound, depth + 1)
            left = self._node(BINARY[token.text], (left, right), token)
        return left

    def _operand(self, depth: int) -> Node:
        token = self.next
        if token.kind == "number":
            self._take()
            return _constant(_number(token.text))
        if token.kind == "name" and token.text not in WORDS:
            self._take()
            return self._function(token, depth) if self.next.text == "(" else self._variable(token)
        if token.text in UNARY:
            self._take()
            return self._node(UNARY[token.text], (self._expression(SIGNED, depth + 1),), token)
        if token.text == "(":
            self._take()
            inner = self._expression(0, depth + 1)
            self._expect(")")
            return inner
        self._fail("error.film_schedule.operand")

    def _variable(self, token: Token) -> Node:
        if token.text in self.constants and token.text not in self.names:
            return _constant(self.constants[token.text])
        if token.text not in self.names:
            known = [*self.names, *self.constants]
            nearest = (*get_close_matches(token.text, known, 1, 0.0), "t")[0]
            facts = {"word": token.text[:40], "nearest": nearest, "names": ", ".join(known)}
            raise self.place.wrong("error.film_schedule.name", token.position, **facts)
        self.used.add(token.text)
        index = self.names[token.text]
        return Node(lambda values: values[index], False, 1)

    def _function(self, token: Token, depth: int) -> Node:
        if token.text not in self.functions:
            nearest = (*get_close_matches(token.text, self.functions, 1, 0.0), "sin")[0]
            raise self.place.wrong(
                "error.film_schedule.function", token.position, word=token.text[:40], nearest=nearest
            )
        count, function = self.functions[token.text]
        self._expect("(")
        given = [self._expression(0, depth + 1)]
        while self.next.text == ",":
            self._take()
            given.append(self._expression(0, depth + 1))
        self._expect(")")
        if len(given) != count:
            facts = {"word": token.text, "count": count, "given": len(given)}
            raise self.place.wrong("error.film_schedule.arguments", token.position, **facts)
        return self._node(function, tuple(given), token)

    def _node(self, function: Callable[..., Any], parts: Sequence[Node], token: Token) -> Node:
        depth = 1 + max(part.depth for part in parts)
        if depth > MOST_STACKED:
            raise self.place.wrong("error.film_schedule.deep", token.position, limit=MOST_STACKED)
        node = Node(_applied(function, parts), all(part.constant for part in parts), depth)
        try:
            return _constant(node.call(())) if node.constant else node
        except NotWholeError:
            raise self.place.wrong("error.film_schedule.whole", token.position, sign=token.text) from None


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() and len(text) <= SIGNIFICANT_DIGITS else float(text)


def _constant(value: Any) -> Node:
    return Node(lambda values: value, True, 1)


def _applied(function: Callable[..., Any], parts: Sequence[Node]) -> Callable[[Sequence[Any]], Any]:
    """The function of what its parts give; the usual cases, a constant on one side, spare a call."""
    if len(parts) == 1:
        only = parts[0].call
        return lambda values: function(only(values))
    if len(parts) == 3:
        first, second, third = (part.call for part in parts)
        return lambda values: function(first(values), second(values), third(values))
    left, right = parts[0].call, parts[1].call
    if parts[1].constant:
        fixed = right(())
        return lambda values: function(left(values), fixed)
    if parts[0].constant:
        fixed = left(())
        return lambda values: function(fixed, right(values))
    return lambda values: function(left(values), right(values))
