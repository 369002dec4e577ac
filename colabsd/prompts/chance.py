"""How choices are made: by a seed, or all of them in turn. Knows nothing of templates but their options.

Each draw depends only on the seed, the picture's index, what is drawn from and how often that was drawn from before.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from colabsd.prompts.templates import Option


def draw(seed: int, index: int, source: str, occurrence: int, option: str) -> float:
    """A number in (0, 1) that depends on nothing else: from the first 8 bytes of a sha256."""
    words = "\0".join((str(seed), str(index), source, str(occurrence), option))
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") + 0.5) / 2**64


@dataclass(slots=True)
class Chance:
    """Draws by hash. Options race: the shortest of the times -ln(u)/weight wins (Efraimidis & Spirakis 2006)."""

    seed: int
    index: int
    met: Counter[str] = field(default_factory=Counter)

    def pick(self, source: str, options: Sequence[Option], low: int, high: int) -> list[int]:
        occurrence = self.met[source]
        self.met[source] += 1
        number = low + int(draw(self.seed, self.index, source, occurrence, "\0number") * (high - low + 1))
        same: Counter[str] = Counter()
        times = []
        for position, option in enumerate(options):
            key = f"{option.source}\0{same[option.source]}"
            same[option.source] += 1
            time = -math.log(draw(self.seed, self.index, source, occurrence, key))
            times.append((time / option.weight if option.weight > 0 else math.inf, position))
        return [position for _, position in sorted(times)[:number]]

    def in_turn(self, options: Sequence[Option], low: int) -> list[int]:
        return [(self.index + position) % len(options) for position in range(low)]


@dataclass(slots=True)
class Every:
    """All choices in turn: repeats the digits of before, then 0s; `advance` counts up like an odometer."""

    digits: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    position: int = 0

    def pick(self, options: Sequence[Option], low: int, high: int) -> list[int]:
        left = list(range(len(options)))
        number = low + self.digit(high - low + 1)
        return [left.pop(self.digit(len(left))) for _ in range(number)]

    def digit(self, base: int) -> int:
        if base == 1:
            return 0
        if self.position == len(self.digits):
            self.digits.append(0)
            self.bases.append(base)
        self.position += 1
        return self.digits[self.position - 1]

    def advance(self) -> bool:
        self.position = 0
        while self.digits and self.digits[-1] + 1 == self.bases[-1]:
            self.digits.pop()
            self.bases.pop()
        if self.digits:
            self.digits[-1] += 1
        return bool(self.digits)
