"""Gradients of a batch whose parts are computed side by side, one thread each, and meet once a step.

On a machine that others use too this is much faster than threads inside every operation, which wait for each other
thousands of times a step. The sum is taken in a fixed order: the result does not depend on which part is ready first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")
LossOfPart = Callable[[int, int], Tensor]  # first row, row after the last -> mean loss of these rows


class SideBySide:
    """`parts` threads for one model, in which operations use no threads of their own; one part: no thread at all."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.pool = ThreadPoolExecutor(parts, initializer=torch.set_num_threads, initargs=(1,)) if parts > 1 else None

    def gradients(self, loss_of: LossOfPart, rows: int, weights: Sequence[Tensor]) -> float:
        """Put the gradient of the mean loss over all `rows` into the weights' `grad`; the mean loss."""
        bounds = [rows * part // self.parts for part in range(self.parts + 1)]

        def one(part: int) -> tuple[Tensor, tuple[Tensor | None, ...]]:
            share = (bounds[part + 1] - bounds[part]) / rows
            loss = loss_of(bounds[part], bounds[part + 1]) * share
            return loss.detach(), torch.autograd.grad(loss, weights, allow_unused=True)

        results = self.each(one, self.parts)
        for place, weight in enumerate(weights):
            found = [gradient for _, gradients in results if (gradient := gradients[place]) is not None]
            weight.grad = None if not found else sum(found[1:], start=found[0])
        return float(sum(loss for loss, _ in results))

    def each(self, act: Callable[[int], Result], count: int) -> list[Result]:
        """The results of `act` for 0 … count - 1, found by the threads."""
        if self.pool is None:
            return [act(place) for place in range(count)]
        return list(self.pool.map(act, range(count)))
