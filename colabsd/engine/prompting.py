"""From prompts to what steers the UNet at each model call: schedules, AND, guidance. Knows nothing of noise or files.

Model calls are counted from 0 and compared with `Span.end_call` as A1111 compares them: a text is used while
`call <= end_call`, so that `[a:b:5]` uses `a` for six calls, and the first member of an alternation for two.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from colabsd.engine.conditioning import Encoded, Inversions, encode_together
from colabsd.engine.encoders import TextEncoder
from colabsd.planning.plans import Drawing
from colabsd.prompts import Pieces, Prompt, parse, spans

REMEMBERED_TOKENS = 100_000  # some 300 MB of embeddings in fp32


@dataclass(frozen=True)
class Timeline:
    """One text that may change on the way: `encoded[i]` is used up to and including call `ends[i]`, from 0.

    All of `encoded` are equally long.
    """

    ends: tuple[int, ...]
    encoded: tuple[Encoded, ...]

    def at(self, call: int) -> Encoded:
        return next((one for end, one in zip(self.ends, self.encoded, strict=True) if call <= end), self.encoded[-1])


@dataclass(frozen=True)
class Steering:
    """What steers the pictures of a batch: the sides of an AND with their weights, and what they are guided away from.

    Sides are equally long. `negative` is None where there is no guidance; then there is one side.
    """

    sides: tuple[Timeline, ...]
    weights: tuple[float, ...]
    negative: Timeline | None = None

    def at(self, call: int) -> tuple[Encoded, ...]:
        """The negative one, if any, and the sides, at a model call."""
        sides = tuple(side.at(call) for side in self.sides)
        return sides if self.negative is None else (self.negative.at(call), *sides)


def without_negative(steering: Steering) -> Steering:
    """The same, guided away from zeros: what some models were taught in place of an empty sentence."""
    if steering.negative is None:
        return steering
    zeros = tuple(
        Encoded(torch.zeros_like(one.embeddings), None if one.pooled is None else torch.zeros_like(one.pooled))
        for one in steering.negative.encoded
    )
    return replace(steering, negative=Timeline(steering.negative.ends, zeros))


class PromptReader:
    """Reads the prompts of drawings with one model's text encoders, and remembers the last texts that it encoded.

    `inversions` are the textual inversions that prompts may call by their names; `bring` has the encoders on the
    device before they are used.
    """

    def __init__(
        self, encoders: Sequence[TextEncoder], device: str, bring: Callable[[], object] = lambda: None
    ) -> None:
        self.encoders = encoders
        self.device = device
        self.bring = bring
        self.inversions: Inversions = {}
        self._remembered: dict[object, dict[Pieces, Encoded]] = {}

    def read(self, drawing: Drawing, calls_per_step: int, *, guided: bool) -> Steering:
        """What steers a drawing. Without `guided` the negative prompt is read only where an AND needs it.

        Raises: EmbeddingTooLongError, PromptTooLongError.
        """
        parts = parse(drawing.prompt).parts
        sides = with_equal_lengths([self._timeline(Prompt((part,)), drawing, calls_per_step) for part in parts])
        weights = tuple(part.weight for part in parts)
        if not guided and len(parts) == 1:
            return Steering(sides, weights)
        negative = parse(drawing.negative_prompt, negative=True)
        return Steering(sides, weights, self._timeline(negative, drawing, calls_per_step))

    def forget(self) -> None:
        """Encode everything anew from here on: the encoders' weights or the textual inversions have changed."""
        self._remembered.clear()

    def _timeline(self, prompt: Prompt, drawing: Drawing, calls_per_step: int) -> Timeline:
        """The schedule of a prompt of one part."""
        brackets = drawing.emphasis != "literal"
        found = spans(prompt, drawing.steps, calls_per_step, brackets=brackets)
        texts = [span.parts[0].pieces for span in found]
        encoded = self._encode(Counter(texts), drawing)
        return Timeline(tuple(span.end_call for span in found), tuple(encoded[text] for text in texts))

    def _encode(self, texts: Counter[Pieces], drawing: Drawing) -> dict[Pieces, Encoded]:
        key = tuple(texts.items()), drawing.clip_skip, drawing.emphasis, drawing.loras
        if key not in self._remembered:
            self.bring()
            self._remembered[key] = encode_together(
                self.encoders,
                texts,
                device=self.device,
                clip_skip=drawing.clip_skip,
                emphasis=drawing.emphasis,
                inversions=self.inversions,
            )
        encoded = self._remembered[key]
        while len(self._remembered) > 1 and sum(map(_tokens, self._remembered.values())) > REMEMBERED_TOKENS:
            del self._remembered[next(iter(self._remembered))]
        return encoded


def _tokens(encoded: Mapping[Pieces, Encoded]) -> int:
    return sum(one.embeddings.shape[1] for one in encoded.values())


def with_equal_lengths(sides: Sequence[Timeline]) -> tuple[Timeline, ...]:
    """The same, the shorter ones lengthened by their last vector, as A1111 does with the sides of an AND."""
    most = max(side.encoded[0].embeddings.shape[1] for side in sides)
    return tuple(Timeline(side.ends, tuple(_lengthened(one, most) for one in side.encoded)) for side in sides)


def _lengthened(encoded: Encoded, tokens: int) -> Encoded:
    missing = tokens - encoded.embeddings.shape[1]
    if not missing:
        return encoded
    last = encoded.embeddings[:, -1:].expand(-1, missing, -1)
    return Encoded(torch.cat([encoded.embeddings, last], dim=1), encoded.pooled)
