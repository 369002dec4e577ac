"""How many prompts a template can make, told before any is made. Knows nothing of chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from colabsd.errors import UnknownVariableError
from colabsd.prompts.cleaning import strip_comments
from colabsd.prompts.expand import Lines, Lookup, texts_of
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
)

HUGE = 10**1000
_MOST_WORK = 1_000_000

Bound = Literal["exact", "at_most", "at_least"]


@dataclass(frozen=True, slots=True)
class Count:
    """How many combinations `combinations` yields: so many, at most so many, or (from 10^1000 on) at least so many.

    Two combinations may spell the same prompt (`{a|a}` has two).
    """

    number: int
    bound: Bound = "exact"


def count_combinations(
    template: str, *, lookup: Lookup | None = None, variables: Mapping[str, str] | None = None
) -> Count:
    """Count without making. Raises: as `expand`, for whatever of the template could ever be drawn."""
    counter = _Counter(Lines(lookup))
    values: dict[str, Value] = {name: _Fixed((value,)) for name, value in (variables or {}).items()}
    scope = Scope(values)
    number, exact = counter.template(parse_template(strip_comments(template)), scope)
    if number >= HUGE:
        return Count(HUGE, "at_least")
    return Count(number, "exact" if exact else "at_most")


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A variable that is drawn once (or given): using it is no choice."""

    template: Template


Value = _Fixed | Template
Counted = tuple[int, bool]


@dataclass(slots=True)
class _Counter:
    lines: Lines
    known: dict[tuple[str, int], tuple[Mapping[str, Value], Counted]] = field(default_factory=dict)

    def template(self, template: Template, scope: Scope[Value]) -> Counted:
        counts: list[Counted] = []
        values: dict[str, Value] = {}
        for node in template:
            if isinstance(node, Assignment) and not (node.keep and node.name in {**scope.values, **values}):
                if node.once:
                    counts.append(self.template(node.value, scope.with_values(values)))
                values[node.name] = _Fixed(node.value) if node.once else node.value
        scope = scope.with_values(values)
        counts += [self.node(node, scope) for node in template if not isinstance(node, str)]
        return _product(counts)

    def node(self, node: TemplateNode, scope: Scope[Value]) -> Counted:
        match node:
            case Choice():
                return self.choice(node, scope)
            case Wildcard():
                return self.wildcard(node, scope, 1, 1, node.way)
            case Use():
                return self.use(node, scope)
            case Wrap(wrapper, inner):
                return _product([self.template(wrapper, scope), self.template(inner, scope)])
            case _:
                return 1, True

    def choice(self, node: Choice, scope: Scope[Value]) -> Counted:
        match node.options:
            case (Option(nodes=(Wildcard() as wildcard,)),) if (node.low, node.high) != (1, 1):
                return self.wildcard(wildcard, scope, node.low, node.high, node.way or wildcard.way)
        return self.picked(node.options, scope, node.low, node.high, node.way)

    def wildcard(self, node: Wildcard, scope: Scope[Value], low: int, high: int | None, way: Way) -> Counted:
        names, certain = self.names(node.path, scope)
        arguments: dict[str, Value] = {name: _Fixed(value) for name, value in node.arguments}
        given = [self.template(value, scope) for _, value in node.arguments]
        inner = scope.with_values(arguments)
        total, exact = 0, certain
        for name in names:
            key = (f"{low}\0{high}\0{way}\0{name}", id(inner.values))
            if key not in self.known:
                entered = inner.entered(f"__{name}__")
                self.known[key] = inner.values, self.picked(self.lines.of(name), entered, low, high, way)
            number, sure = self.known[key][1]
            total, exact = total + number, exact and sure
        return _product([*given, (total, exact)])

    def names(self, path: Template, scope: Scope[Value]) -> tuple[Sequence[str], bool]:
        """Every name that a wildcard's path can have, and whether each of them is a combination of its own."""
        if all(isinstance(node, str) for node in path):
            return ["".join(str(node) for node in path)], True
        plain = {name: value.template if isinstance(value, _Fixed) else value for name, value in scope.values.items()}
        names = list(texts_of(path, plain, self.lines))
        return names, len(names) == 1 or not any(isinstance(value, _Fixed) for value in scope.values.values())

    def use(self, node: Use, scope: Scope[Value]) -> Counted:
        value = scope.values.get(node.name, node.default)
        if value is None:
            raise UnknownVariableError(name=node.name)
        if isinstance(value, _Fixed):
            return 1, True
        key = (f"${node.name}", id(scope.values))
        if node.name not in scope.values:
            return self.template(value, scope)
        entered = scope.entered(f"${{{node.name}}}")
        if key not in self.known:
            self.known[key] = scope.values, self.template(value, entered)
        return self.known[key][1]

    def picked(self, options: Sequence[Option], scope: Scope[Value], low: int, high: int | None, way: Way) -> Counted:
        counted = [self.template(option.nodes, scope) for option in options]
        numbers = [number for number, _ in counted]
        exact = all(sure for _, sure in counted)
        low = min(low, len(options))
        high = len(options) if high is None else min(high, len(options))
        if way in ("~", "@"):
            largest = sorted(numbers, reverse=True)[:high]
            return _capped(math.prod(largest)), exact and all(number == 1 for number in numbers)
        number, sure = _selections(numbers, low, high)
        return number, exact and sure


def _selections(numbers: Sequence[int], low: int, high: int) -> Counted:
    """Ordered selections of `low` to `high` options, times what each option can become.

    The sum over k of k! times the elementary symmetric polynomial of degree k of the options' own numbers.
    """
    if low == high == 1:
        return _capped(sum(numbers)), True
    uniform = len(set(numbers)) == 1
    if uniform or len(numbers) * high > _MOST_WORK:
        number, total = 1, 1 if low == 0 else 0
        for picked in range(1, high + 1):
            number = _capped(number * (len(numbers) - picked + 1) * max(numbers))
            total = _capped(total + number) if picked >= low else total
        return total, uniform
    degrees = [1] + [0] * high
    for number in numbers:
        for degree in range(high, 0, -1):
            degrees[degree] = _capped(degrees[degree] + degrees[degree - 1] * number)
    return _capped(sum(math.factorial(picked) * degrees[picked] for picked in range(low, high + 1))), True


def _product(counts: Sequence[Counted]) -> Counted:
    number = 1
    for factor, _ in counts:
        number = _capped(number * factor)
    return number, all(sure for _, sure in counts)


def _capped(number: int) -> int:
    return min(number, HUGE)
