"""Dynamic prompts: a template's text → its tree. Knows nothing of chance, files or the prompt language.

The grammar is that of the package `dynamicprompts`:

    {red|green}             one of them; blanks before an option do not count
    {3::red|0.5::green}     with weights (1 where none is given)
    {2$$a|b|c}              two different ones, joined by ", "
    {2$$ and $$a|b|c}       joined by " and "
    {1-2$$a|b|c}            one or two; {-2$$…} at most two, {2-$$…} at least two; never more than there are
    __colour__              a line of the wildcard `colour`; folders `__a/b__`, patterns `__colour*__`, `__a/**__`
    {2$$__colour__}         two different lines
    __look(hair=red)__      with the variable `hair` set for the lines
    ${v={a|b}}              a variable, drawn anew wherever it is used
    ${v=!{a|b}}             drawn once; ${v?=…} only if it has no value yet
    ${v}   ${v:cat}         its value; its value or `cat`
    %{a photo of ..., 4k$$a {cat|dog}}    the second inside the first, at `...`
    {~a|b}  {@a|b}          always at random; always in turn (also `__~colour__`, `__@colour__`)
    \\{  \\}  \\|               the characters; the backslash stays and goes when the prompt is parsed

Braces without a partner, a `$` or `%` alone and single underscores are text.

Why not the package itself (0.31.0, measured): it refuses ordinary prompts (`50% off`, `$5`, `a {b` are errors), it
does not say what it chose or how many combinations there are, all draws share one stream of chance, so that a word
inserted in front changes every later choice, and `${v=!{a|b}}` yields one of two combinations.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_DEPTH = 64
"""Braces nested deeper than this are text."""

Way = Literal["", "~", "@", "!"]

_NAME = re.compile(r"\s*([A-Za-z_-][\w-]*)\s*(?:(\??=!?|:)\s*)?")
_BOUNDS = re.compile(r"\s*([~@!])?\s*(?:(\d{1,6})?(-)?(\d{1,6})?\$\$(?:([^${}]*)\$\$)?)?")
_WEIGHT = re.compile(r"\s*(?:(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*::)?\s*")
_WILDCARD = re.compile(r"__([~@!])?((?:\$\{[^{}]*\}|(?!__)[^(){}$#|\n\\])+)(?:\(([^()]*)\))?__")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_PLAIN = re.compile(r"(?:\\.|[^\\{$%_])+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Option:
    """One alternative, with its weight and its text as typed."""

    weight: float
    nodes: "Template"
    source: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`{…}`: `low` to `high` of the options (high None: all), joined by `separator`. `source` is the whole of it."""

    options: tuple[Option, ...]
    low: int
    high: int | None
    separator: str
    way: Way
    source: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`__path__`; the path may hold variables."""

    path: "Template"
    way: Way
    arguments: tuple[tuple[str, "Template"], ...]
    source: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`${name=value}`; `once` for `=!`, `keep` for `?=`."""

    name: str
    value: "Template"
    once: bool
    keep: bool


@dataclass(frozen=True, slots=True)
class Use:
    """`${name}` or `${name:default}`."""

    name: str
    default: "Template | None"


@dataclass(frozen=True, slots=True)
class Wrap:
    """`%{wrapper$$inner}`."""

    wrapper: "Template"
    inner: "Template"


TemplateNode = str | Choice | Wildcard | Assignment | Use | Wrap
Template = tuple[TemplateNode, ...]


def parse_template(text: str) -> Template:
    """The tree of a template, whose comments are stripped already. Every text is one; linear in its length."""
    return _Reader(text, _partners(text)).template(0, len(text), 0)


def read_option(source: str) -> Option:
    """An option or a wildcard's line: its weight, if it begins with one, and its tree."""
    match = _WEIGHT.match(source)
    assert match is not None
    rest = source[match.end() :]
    return Option(float(match[1]) if match[1] else 1.0, parse_template(rest), rest)


def _partners(text: str) -> dict[int, int]:
    """Where the brace opened at each position is closed, for those that are."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACES.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            partners[opened.pop()] = match.start()
    return partners


@dataclass(slots=True)
class _Reader:
    text: str
    partners: dict[int, int]
    nodes: list[TemplateNode] = field(default_factory=list)

    def template(self, start: int, end: int, depth: int) -> Template:
        nodes: list[TemplateNode] = []
        plain: list[str] = []
        while start < end:
            node, after = self.construct(start, end, depth)
            if node is None:
                plain.append(self.text[start:after])
            else:
                if plain:
                    nodes.append("".join(plain))
                    plain = []
                nodes.append(node)
            start = after
        if plain:
            nodes.append("".join(plain))
        return tuple(nodes)

    def construct(self, start: int, end: int, depth: int) -> tuple[TemplateNode | None, int]:
        """What begins at `start`, None for text, and where it ends."""
        if self.text.startswith("__", start):
            wildcard = self.wildcard(start, end, depth)
            if wildcard is not None:
                return wildcard
        mark = self.text[start]
        brace = start if mark == "{" else start + 1
        close = self.partners.get(brace, end) if mark in "{$%" else end
        if close < end and depth < MAX_DEPTH:
            inside: TemplateNode | None
            if mark == "{":
                inside = self.choice(start, close, depth)
            elif mark == "$":
                inside = self.variable(brace + 1, close, depth)
            else:
                inside = self.wrap(brace + 1, close, depth)
            if inside is not None:
                return inside, close + 1
        match = _PLAIN.match(self.text, start, end)
        assert match is not None
        return None, match.end()

    def choice(self, start: int, close: int, depth: int) -> Choice:
        head = _BOUNDS.match(self.text, start + 1, close)
        assert head is not None
        way, low, dash, high, separator = head.groups()
        begin = head.end()
        bounded = low is not None or high is not None
        if not bounded:
            begin = head.end(1) if way else start + 1
            separator = None
        options = []
        for first, last in self.split(begin, close, "|"):
            weight = _WEIGHT.match(self.text, first, last)
            assert weight is not None
            number = float(weight[1]) if weight[1] else 1.0
            nodes = self.template(weight.end(), last, depth + 1)
            options.append(Option(number, nodes, self.text[weight.end() : last]))
        lowest = int(low) if low else 1
        highest = (int(high) if high else None) if dash else lowest
        if highest is not None and highest < lowest:
            lowest, highest = highest, lowest
        joint = ", " if separator is None else separator
        return Choice(tuple(options), lowest, highest, joint, _way(way), self.text[start : close + 1])

    def variable(self, start: int, close: int, depth: int) -> Assignment | Use | None:
        match = _NAME.match(self.text, start, close)
        if match is None or (match[2] is None and match.end() != close):
            return None
        name, sign = match.groups()
        if sign is None:
            return Use(name, None)
        end = len(self.text[:close].rstrip()) if close > match.end() else close
        value = self.template(match.end(), max(match.end(), end), depth + 1)
        if sign == ":":
            return Use(name, value)
        return Assignment(name, value, once=sign.endswith("!"), keep=sign.startswith("?"))

    def wrap(self, start: int, close: int, depth: int) -> Wrap | None:
        sides = self.split(start, close, "$$")
        if len(sides) < 2:
            return None
        wrapper = self.template(*sides[0], depth + 1)
        inner_start = sides[1][0]
        while inner_start < close and self.text[inner_start].isspace():
            inner_start += 1
        return Wrap(wrapper, self.template(inner_start, close, depth + 1))

    def wildcard(self, start: int, end: int, depth: int) -> tuple[Wildcard, int] | None:
        match = _WILDCARD.match(self.text, start, end)
        if match is None or depth >= MAX_DEPTH or match[2] != match[2].strip():
            return None
        path = self.template(*match.span(2), depth + 1)
        arguments = []
        for argument in (match[3] or "").split(","):
            name, equals, value = argument.partition("=")
            if equals:
                arguments.append((name.strip(), parse_template(value.strip())))
        return Wildcard(path, _way(match[1]), tuple(arguments), match[0]), match.end()

    def split(self, start: int, end: int, mark: str) -> list[tuple[int, int]]:
        """The range cut at each `mark` that is not inside braces or behind a backslash."""
        ranges = []
        begin = position = start
        while position < end:
            if self.text[position] == "\\":
                position += 2
            elif self.text[position] == "{" and position in self.partners:
                position = self.partners[position] + 1
            elif self.text.startswith(mark, position):
                ranges.append((begin, position))
                position += len(mark)
                begin = position
            else:
                position += 1
        return [*ranges, (begin, end)]


def _way(sign: str | None) -> Way:
    return sign if sign in ("~", "@", "!") else ""  # type: ignore[return-value]
