"""Guidance: one prediction of the model out of several. Knows nothing of prompts, schedulers or files."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.conditioning import Encoded
from colabsd.engine.prompting import Steering

AT_ONCE = 2  # conditions that go through the model together: what memory is forecast for
MOST_CALLS = 2**31  # more than there ever are
KEPT = 4  # model calls whose prepared conditions are kept: schedules come back to the texts before

Prepare = Callable[[Sequence[Encoded]], Any]
Model = Callable[[Tensor, Tensor, Any], Tensor]


def is_guided(guidance: float) -> bool:
    """Whether an unconditional pass is needed: at 1 and below it would change nothing, as in diffusers."""
    return guidance > 1


def calls_between(start: float, stop: float, total: int) -> range:
    """The calls, of so many, that are in a part of the way: from a share of it on and before another."""
    return range(math.ceil(start * total), math.ceil(stop * total))


def combine(predictions: Sequence[Tensor], weights: Sequence[float], guidance: float) -> Tensor:
    """The unconditional prediction and those of the sides of an AND, one per weight, as one prediction.

    Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598) towards each side by its weight (Liu et al. 2022,
    arXiv:2206.01714, equation 11): u + sum of w_i * guidance * (c_i - u).
    """
    unconditional, *sides = predictions
    result = unconditional
    for side, weight in zip(sides, weights, strict=True):
        result = result + weight * guidance * (side - unconditional)
    return result


@dataclass
class GuidedModel:
    """A model that is steered by prompts: `predict` of the denoise loop.

    `prepare` makes of conditions that go through the model together what `model(latents, timestep, prepared)` wants;
    it gets n latents for each condition, those of the first condition first. Conditions of different lengths go through
    the model one after the other, as in A1111, so that the shorter one is not changed by padding. Calls that
    are not in `guided_calls` have a guidance of 1, which takes one pass (Kynkäänniemi et al. 2024, arXiv:2404.07724).
    """

    model: Model
    prepare: Prepare
    steering: Steering
    guidance: float
    guided_calls: range = range(MOST_CALLS)
    _prepared: dict[tuple[int, ...], Any] = field(default_factory=dict)

    def __call__(self, call: int, latents: Tensor, timestep: Tensor) -> Tensor:
        """The guided prediction (n, 4, h, w) at model call `call`, from 0."""
        told, guidance = self.steering.at(call), self.guidance if call in self.guided_calls else 1.0
        alone = self.steering.negative is None or (guidance == 1 and self.steering.weights == (1.0,))
        predictions: list[Tensor] = []
        for together in groups(told[-1:] if alone else told):
            prediction = self.model(torch.cat([latents] * len(together)), timestep, self._of(together))
            predictions += prediction.chunk(len(together))
        return predictions[0] if alone else combine(predictions, self.steering.weights, guidance)

    def _of(self, together: Sequence[Encoded]) -> Any:
        """The prepared conditions, those of the last calls remembered."""
        key = tuple(map(id, together))
        if key not in self._prepared:
            while len(self._prepared) >= KEPT:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[key] = self.prepare(together)
        return self._prepared[key]


def groups(encoded: Sequence[Encoded]) -> Iterator[tuple[Encoded, ...]]:
    """The conditions in order, equally long neighbours together, at most two at once."""
    for _, same in groupby(encoded, key=lambda one: one.embeddings.shape[1]):
        rest = tuple(same)
        while rest:
            yield rest[:AT_ONCE]
            rest = rest[AT_ONCE:]


@dataclass(kw_only=True)
class EditingModel(GuidedModel):
    """A model that is shown a picture to change, with guidance by sentence and by picture: `predict` of the loop.

    Brooks et al. 2022, arXiv:2211.09800, equation 3, with what is avoided in place of an empty sentence:
    u + sum of w_i * g * (c_i - p) + g_picture * (p - u), where c_i is told a sentence and shown the picture, p told
    what is avoided and shown the picture, u told the same and shown nothing. `shown` is (n, 4, h, w).
    """

    shown: Tensor
    image_guidance: float

    def __call__(self, call: int, latents: Tensor, timestep: Tensor) -> Tensor:
        """The guided prediction (n, 4, h, w) at model call `call`, from 0."""
        told = self.steering.at(call)
        if self.steering.negative is None:
            return self._told(latents, timestep, told, [self.shown])[0]
        avoided, *sides = told
        nothing = torch.zeros_like(self.shown)
        if avoided.embeddings.shape[1] == sides[0].embeddings.shape[1]:
            pictures = [self.shown] * (len(sides) + 1)
            *pictured, p, u = self._told(latents, timestep, (*sides, avoided, avoided), [*pictures, nothing])
        else:
            pictured = self._told(latents, timestep, sides, [self.shown] * len(sides))
            p, u = self._told(latents, timestep, (avoided, avoided), [self.shown, nothing])
        result = u
        for side, weight in zip(pictured, self.steering.weights, strict=True):
            result = result + weight * self.guidance * (side - p)
        return result + self.image_guidance * (p - u)

    def _told(
        self, latents: Tensor, timestep: Tensor, told: Sequence[Encoded], shown: Sequence[Tensor]
    ) -> list[Tensor]:
        """Predictions of equally long conditions in one go, each with what it is shown."""
        seen = torch.cat([torch.cat([latents] * len(told)), torch.cat(list(shown))], dim=1)
        return list(self.model(seen, timestep, self._of(told)).chunk(len(told)))
