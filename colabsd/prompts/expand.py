"""Dynamic prompts: template + seed → prompt, with every choice on record. Knows nothing of pictures.

Chance has its own seed here, apart from the noise. Each draw depends only on that seed, the picture's index, what is
drawn from (the braces as typed, or the wildcard's name) and how often that was drawn from before: writing something in
front of it, or adding a line to a wildcard, leaves the other choices as they were.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colabsd.errors import EndlessPromptError, UnknownVariableError, UnknownWildcardError
from colabsd.prompts.chance import Chance, Every
from colabsd.prompts.cleaning import strip_comments
from colabsd.prompts.scope import Scope
from colabsd.prompts.templates import (
    Assignment,
    Choice,
    Option,
    Template,
    TemplateNode,
    Use,
    Way,
    Wildcard,
    Wrap,
    parse_template,
    read_option,
)

Lookup = Callable[[str], Sequence[str]]
"""The lines of a wildcard by its name; empty, or UnknownWildcardError, where there is none."""

Value = str | Template
"""A variable's value: text that was drawn once, or a template that is drawn wherever it is used."""

MAX_LENGTH = 100_000
"""Characters that a template may grow to."""

MAX_TEXTS = 10_000
"""Names that a wildcard's path may spell when they are counted."""

_MARKS = ("...", "\u1801", "\u2026", "\u22ee", "\u22ef", "\u22f0", "\u22f1", "\ufe19")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One choice: what was drawn from, as typed, and the texts that came out."""

    source: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expansion:
    """A prompt made from a template: the text and how it came about. `seed` is None for one of all combinations."""

    template: str
    text: str
    seed: int | None
    index: int
    choices: tuple[Drawn, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data for a picture's manifest."""
        return {
            "template": self.template,
            "text": self.text,
            "seed": self.seed,
            "index": self.index,
            "choices": [{"from": drawn.source, "texts": list(drawn.texts)} for drawn in self.choices],
        }


def expand(
    template: str,
    seed: int,
    *,
    index: int = 0,
    lookup: Lookup | None = None,
    variables: Mapping[str, str] | None = None,
) -> Expansion:
    """Draw a prompt: picture `index` of those with this text seed. `variables` have their values from the start.

    Raises: UnknownWildcardError, UnknownVariableError, EndlessPromptError.
    """
    return _expansion(_Source.of(template, lookup), Chance(seed, index), None, variables, seed, index)


def expand_each(
    template: str,
    seed: int,
    count: int,
    *,
    lookup: Lookup | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Expansion]:
    """What `expand` draws for pictures 0 … count - 1; template and wildcards are read once. Raises: as `expand`."""
    source = _Source.of(template, lookup)
    for index in range(count):
        yield _expansion(source, Chance(seed, index), None, variables, seed, index)


def combinations(
    template: str, *, lookup: Lookup | None = None, variables: Mapping[str, str] | None = None, seed: int = 0
) -> Iterator[Expansion]:
    """Every combination, the last choice changing fastest. `{~…}` is drawn with `seed`, `{@…}` goes round.

    Raises: as `expand`.
    """
    every, source = Every(), _Source.of(template, lookup)
    for index in itertools.count():
        yield _expansion(source, Chance(seed, index), every, variables, None, index)
        if not every.advance():
            return


def texts_of(template: Template, values: Mapping[str, Value], lines: "Lines") -> Iterator[str]:
    """Every text that a template can become with these variables. Raises: EndlessPromptError beyond 10,000."""
    every = Every()
    for index in range(MAX_TEXTS):
        yield _Expander(lines, Chance(0, index), every).text(template, Scope(values))
        if not every.advance():
            return
    raise EndlessPromptError(limit=MAX_LENGTH)


@dataclass(slots=True)
class Lines:
    """The wildcards met so far, their lines parsed; every line once."""

    lookup: Lookup | None
    known: dict[str, tuple[Option, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Option, ...]:
        """Raises: UnknownWildcardError."""
        if name not in self.known:
            lines = self.lookup(name) if self.lookup else ()
            if not lines:
                raise UnknownWildcardError("error.prompt.wildcard_none", name=name)
            self.known[name] = tuple(read_option(strip_comments(line)) for line in dict.fromkeys(lines))
        return self.known[name]


@dataclass(slots=True)
class _Expander:
    lines: Lines
    chance: Chance
    every: Every | None
    record: list[Drawn] = field(default_factory=list)
    grown: int = 0

    def text(self, template: Template, scope: Scope[Value]) -> str:
        values: dict[str, Value] = {}
        for node in template:
            if isinstance(node, Assignment) and not (node.keep and node.name in {**scope.values, **values}):
                inner = scope.with_values(values)
                values[node.name] = self.text(node.value, inner) if node.once else node.value
        scope = scope.with_values(values)
        return "".join(self.node(node, scope) for node in template if not isinstance(node, Assignment))

    def node(self, node: TemplateNode, scope: Scope[Value]) -> str:
        self.grown += len(node) if isinstance(node, str) else 1
        if self.grown > MAX_LENGTH:
            raise EndlessPromptError(limit=MAX_LENGTH)
        match node:
            case Choice():
                return self.choice(node, scope)
            case Wildcard():
                return self.wildcard(node, scope, 1, 1, "", node.way)
            case Use():
                return self.use(node, scope)
            case Wrap(wrapper, inner):
                return wrap(self.text(wrapper, scope), self.text(inner, scope))
            case Assignment():
                return ""
            case _:
                return node

    def choice(self, node: Choice, scope: Scope[Value]) -> str:
        match node.options:
            case (Option(nodes=(Wildcard() as wildcard,)),) if (node.low, node.high) != (1, 1):
                way = node.way or wildcard.way
                return self.wildcard(wildcard, scope, node.low, node.high, node.separator, way)
        return self.picked(node.source, node.options, scope, node.low, node.high, node.separator, node.way)

    def wildcard(
        self, node: Wildcard, scope: Scope[Value], low: int, high: int | None, separator: str, way: Way
    ) -> str:
        name = self.text(node.path, scope)
        options = self.lines.of(name)
        arguments = {argument: self.text(value, scope) for argument, value in node.arguments}
        inner = scope.with_values(arguments).entered(f"__{name}__")
        return self.picked(f"__{name}__", options, inner, low, high, separator, way)

    def picked(
        self,
        source: str,
        options: Sequence[Option],
        scope: Scope[Value],
        low: int,
        high: int | None,
        separator: str,
        way: Way,
    ) -> str:
        low = min(low, len(options))
        high = len(options) if high is None else min(high, len(options))
        place = len(self.record)
        self.record.append(Drawn(source, ()))
        if way == "@":
            picks = self.chance.in_turn(options, low)
        elif self.every is None or way == "~":
            picks = self.chance.pick(source, options, low, high)
        else:
            picks = self.every.pick(options, low, high)
        texts = tuple(self.text(options[pick].nodes, scope) for pick in picks)
        self.record[place] = Drawn(source, texts)
        return separator.join(texts)

    def use(self, node: Use, scope: Scope[Value]) -> str:
        value = scope.values.get(node.name, node.default)
        if value is None:
            raise UnknownVariableError(name=node.name)
        return value if isinstance(value, str) else self.text(value, scope.entered(f"${{{node.name}}}"))


def wrap(wrapper: str, inner: str) -> str:
    """The wrapper with `inner` at its first ellipsis; without one, behind it."""
    places = [(place, -len(mark), mark) for mark in _MARKS if (place := wrapper.find(mark)) >= 0]
    if not places:
        return wrapper + inner
    place, _, mark = min(places)
    end = place + len(mark)
    while wrapper[end : end + 1] == mark[0]:
        end += 1
    return wrapper[:place] + inner + wrapper[end:]


@dataclass(frozen=True, slots=True)
class _Source:
    """A template as typed and as read, with the wildcards that it has met."""

    typed: str
    template: Template
    lines: Lines

    @classmethod
    def of(cls, typed: str, lookup: Lookup | None) -> "_Source":
        return cls(typed, parse_template(strip_comments(typed)), Lines(lookup))


def _expansion(
    source: _Source,
    chance: Chance,
    every: Every | None,
    variables: Mapping[str, str] | None,
    seed: int | None,
    index: int,
) -> Expansion:
    expander = _Expander(source.lines, chance, every)
    text = expander.text(source.template, Scope(dict(variables or {})))
    return Expansion(source.typed, text, seed, index, tuple(expander.record))
