"""Between two prompts: what steers the model goes over from one into the other. Knows nothing of frames or files.

Between two seeds a drawing itself can be: `variation_seed` and `variation_strength` slerp its noise.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from colabsd.engine.conditioning import Encoded
from colabsd.engine.engine import Engine
from colabsd.engine.prompting import Steering, Timeline, with_equal_lengths
from colabsd.planning.plans import Drawing


@contextmanager
def walking(engine: Engine, prompt: str, negative_prompt: str, share: float) -> Iterator[None]:
    """Within it the engine draws `share` (0 to 1) of the way from a drawing's prompts to these."""
    reader: Any = engine.reader
    engine.reader = _WalkingReader(reader, prompt, negative_prompt, share)  # type: ignore[assignment]
    try:
        yield
    finally:
        engine.reader = reader


@dataclass
class _WalkingReader:
    """Reads prompts as the reader does that it stands for, and theirs that it walks towards."""

    reader: Any
    prompt: str
    negative_prompt: str
    share: float

    def read(self, drawing: Drawing, calls_per_step: int, *, guided: bool) -> Steering:
        here = self.reader.read(drawing, calls_per_step, guided=guided)
        other = replace(drawing, prompt=self.prompt, negative_prompt=self.negative_prompt)
        there = self.reader.read(other, calls_per_step, guided=guided)
        if (here.negative is None) != (there.negative is None):  # only one of them is an AND
            here = self.reader.read(drawing, calls_per_step, guided=True)
            there = self.reader.read(other, calls_per_step, guided=True)
        return between(here, there, self.share)

    @property
    def inversions(self) -> Any:
        return self.reader.inversions

    @inversions.setter
    def inversions(self, vectors: Any) -> None:
        self.reader.inversions = vectors

    def forget(self) -> None:
        self.reader.forget()


def between(here: Steering, there: Steering, share: float) -> Steering:
    """The steering `share` of the way from one to the other, each vector on a straight line, at every model call.

    Where one has more sides (AND) than the other, all of them act, with weights that go over, as A1111's extension of
    Deforum has it.
    """
    negative = None
    if here.negative is not None and there.negative is not None:
        negative = _between(here.negative, there.negative, share)
    if len(here.sides) == len(there.sides):
        pairs = zip(here.sides, there.sides, strict=True)
        sides = with_equal_lengths([_between(one, other, share) for one, other in pairs])
        weights = [one + (other - one) * share for one, other in zip(here.weights, there.weights, strict=True)]
        return Steering(sides, tuple(weights), negative)
    weights = [weight * (1 - share) for weight in here.weights] + [weight * share for weight in there.weights]
    return Steering(with_equal_lengths([*here.sides, *there.sides]), tuple(weights), negative)


def _between(here: Timeline, there: Timeline, share: float) -> Timeline:
    """Two texts that may change on the way, as one that changes where either does."""
    here, there = with_equal_lengths([here, there])
    ends = tuple(sorted({*here.ends, *there.ends}))
    known: dict[tuple[int, int], Encoded] = {}
    encoded = []
    for end in ends:
        pair = here.at(end), there.at(end)
        name = id(pair[0]), id(pair[1])
        known.setdefault(name, _mixed(*pair, share))
        encoded.append(known[name])
    return Timeline(ends, tuple(encoded))


def _mixed(one: Encoded, other: Encoded, share: float) -> Encoded:
    mix: Callable[..., Any] = torch.lerp
    pooled = None
    if one.pooled is not None and other.pooled is not None:
        pooled = mix(one.pooled, other.pooled, share)
    return Encoded(mix(one.embeddings, other.embeddings, share), pooled)
