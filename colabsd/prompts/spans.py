"""A tree and a number of steps → which weighted text is used until when. Knows nothing of tokens or models.

A schedule counts model calls, as A1111 does: a sampler of second order calls the model twice per step, so with 20
steps of Heun `[a:b:10]` switches at call 10, which is step 5, and `[a:b:0.5]` half-way. A1111 numbers the calls from 0
where it looks a text up, and from 1 where it makes the schedule: so the first text lasts one call longer than it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from colabsd.prompts.attention import Piece, Pieces, weigh
from colabsd.prompts.tree import Alternation, Deemphasis, Emphasis, Moment, Nodes, Prompt, Schedule
from colabsd.prompts.write import Timed, render


@dataclass(frozen=True, slots=True)
class WeightedPart:
    """One side of an AND: its weight in the sum of guidances, and its text."""

    weight: float
    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Span:
    """What is used up to and including model call `end_call`; whoever draws counts calls from 0 (see above)."""

    end_call: int
    parts: tuple[WeightedPart, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """How the moments of schedules become model calls.

    `calls` are the model calls of this pass. In a second pass (hires fix) `first_pass_calls` are those of the first:
    there shares of 1.0-2.0 and step numbers beyond the first pass speak of the second. `old`: A1111 before 1.6, where
    every number below 1 is a share, and the second pass repeats the schedule of the first.
    """

    calls: int
    first_pass_calls: int | None = None
    old: bool = False

    @property
    def length(self) -> int:
        return self.first_pass_calls if self.old and self.first_pass_calls is not None else self.calls

    def boundary(self, when: Moment) -> int:
        """The last call with the text before `when`; below 1, the text after it is used from the start."""
        second = self.first_pass_calls is not None and not self.old
        if when.unit == "share" and not self.old:
            value = (when.value - (1.0 if second else 0.0)) * self.length
        elif self.old and when.value < 1:
            value = when.value * self.length
        else:
            value = when.value - (self.first_pass_calls if second and self.first_pass_calls is not None else 0)
        return min(self.length, int(value))


def spans(
    prompt: Prompt,
    steps: int,
    calls_per_step: int = 1,
    *,
    first_pass_calls: int | None = None,
    old_timeline: bool = False,
    brackets: bool = True,
) -> tuple[Span, ...]:
    """The spans of a pass of `steps` steps (at least 1), in order; neighbours differ, the last ends at the last call.

    `calls_per_step` is 2 for samplers of second order. `first_pass_calls` (steps x calls per step of the first pass)
    is given for the second pass of a hires fix. With `brackets` False, attention is off and brackets are characters.
    """
    timeline = Timeline(steps * calls_per_step, first_pass_calls, old_timeline)
    ends = sorted({timeline.length, *(end for part in prompt.parts for end in _ends(part.nodes, timeline))})
    weighed: dict[str, Pieces] = {}
    result: list[Span] = []
    for end in ends:
        parts = tuple(
            WeightedPart(part.weight, _pieces(text_at(part.nodes, end, timeline), weighed, brackets))
            for part in prompt.parts
        )
        if result and result[-1].parts == parts:
            result.pop()
        result.append(Span(end, parts))
    return tuple(result)


def text_at(nodes: Nodes, call: int, timeline: Timeline) -> str:
    """The text that is used at a model call (from 1), attention still in it."""

    def choose(node: Timed) -> Nodes:
        if isinstance(node, Alternation):
            return node.members[(call - 1) % len(node.members)]
        return node.before if call <= timeline.boundary(node.when) else node.after

    return render(nodes, choose)


def _pieces(text: str, weighed: dict[str, Pieces], brackets: bool) -> Pieces:
    if text not in weighed:
        weighed[text] = weigh(text) if brackets else (Piece(text),)
    return weighed[text]


def _ends(nodes: Nodes, timeline: Timeline) -> Iterator[int]:
    for node in nodes:
        match node:
            case Emphasis(inside, _) | Deemphasis(inside):
                yield from _ends(inside, timeline)
            case Schedule(before, after, when):
                boundary = timeline.boundary(when)
                if boundary >= 1:
                    yield boundary
                yield from _ends(before, timeline)
                yield from _ends(after, timeline)
            case Alternation(members):
                yield from range(1, timeline.length + 1)
                for member in members:
                    yield from _ends(member, timeline)
