"""Which photos a step looks at, and everything random in it. Knows nothing of networks and files.

Everything is a function of the seed and a count, so a training goes on anywhere without a state of chance: step `s`
looks at slots `s · n` to `s · n + n - 1` (n photos per step); slot k takes photo k mod N of the k div N-th shuffled
order of all N photos, and its noise and timestep come from a generator of its own. So neither the batch that slots are
computed in nor what was drawn before matters.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

LATENTS = 4  # channels
Shape = tuple[int, int]  # height and width of latents


@dataclass(frozen=True)
class Chance:
    """What is random for some pictures: of the latents' posterior, the noise, its offset, and the timesteps.

    Shapes (n, 4, h, w), (n, 4, h, w), (n, 4, 1, 1) and (n,); all on the CPU. `offset` is None where none was drawn.
    """

    posterior: Tensor
    noise: Tensor
    timesteps: Tensor
    offset: Tensor | None = None

    def rows(self, indexes: Sequence[int]) -> "Chance":
        """Those pictures' share."""
        chosen = list(indexes)
        offset = None if self.offset is None else self.offset[chosen]
        return Chance(self.posterior[chosen], self.noise[chosen], self.timesteps[chosen], offset)


@dataclass(frozen=True)
class Look:
    """What is looked at together: indexes of photos, of class pictures (none, or as many), and their chance.

    The chance has photos first, then class pictures.
    """

    photos: tuple[int, ...]
    classes: tuple[int, ...]
    chance: Chance

    def split(self, size: int) -> list["Look"]:
        """The same in pieces of at most `size` photos."""
        count, looks = len(self.photos), []
        for first in range(0, count, size):
            places = list(range(first, min(count, first + size)))
            rows = places + [count + place for place in places if self.classes]
            classes = tuple(self.classes[place] for place in places) if self.classes else ()
            looks.append(Look(tuple(self.photos[place] for place in places), classes, self.chance.rows(rows)))
        return looks


class Order(Protocol):
    """What each step looks at."""

    def looks(self, step: int) -> list[Look]:
        """The batches of step `step`, counted from 0."""
        ...

    def epoch(self, step: int) -> int:
        """How often all photos were looked at before it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The order that is used: from (seed, epoch) and (seed, slot).

    `channels_last` is how latents of several pictures lie in memory; only the reference order depends on it.
    """

    seed: int
    photos: int
    classes: int
    batch: int
    accumulation: int
    shape: Shape
    timesteps: int
    offset: bool = False
    channels_last: bool = False

    def looks(self, step: int) -> list[Look]:
        per_step = self.batch * self.accumulation
        return [self._look(step * per_step + self.batch * part) for part in range(self.accumulation)]

    def epoch(self, step: int) -> int:
        return step * self.batch * self.accumulation // self.photos

    def _look(self, first: int) -> Look:
        slots = range(first, first + self.batch)
        photos = tuple(self._taken("photos", slot, self.photos) for slot in slots)
        classes = tuple(self._taken("classes", slot, self.classes) for slot in slots) if self.classes else ()
        drawn = [self._chance("photo", slot) for slot in slots]
        drawn += [self._chance("class", slot) for slot in slots if classes]
        return Look(photos, classes, _joined(drawn))

    def _taken(self, kind: str, slot: int, count: int) -> int:
        return _shuffled(self.seed, kind, slot // count, count)[slot % count]

    def _chance(self, kind: str, slot: int) -> Chance:
        generator = generator_of(self.seed, kind, slot)
        shape = (1, LATENTS, *self.shape)
        posterior, noise = torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)
        timestep = torch.randint(0, self.timesteps, (1,), generator=generator)
        offset = torch.randn((1, LATENTS, 1, 1), generator=generator) if self.offset else None
        return Chance(posterior, noise, timestep, offset)


class InReference:
    """The order of diffusers' `train_dreambooth.py`: everything drawn from one generator, one thing after the other.

    Each epoch draws the seed of its shuffling and another that nobody uses; each batch the posterior, the noise, its
    offset and the timesteps; the last batch of an epoch may be smaller, and ends its step. To begin in the middle all
    that comes before is drawn again.
    """

    def __init__(self, order: Counted) -> None:
        self.order = order
        self._restart()

    def _restart(self) -> None:
        self._generator = torch.Generator().manual_seed(self.order.seed)
        self._step = 0
        self._epoch = -1
        self._waiting: list[list[int]] = []

    def looks(self, step: int) -> list[Look]:
        if step < self._step:
            self._restart()
        while self._step < step:
            self._next()
        return self._next()

    def epoch(self, step: int) -> int:
        batches = -(-self._length // self.order.batch)
        return step // -(-batches // self.order.accumulation)

    @property
    def _length(self) -> int:
        return max(self.order.photos, self.order.classes)

    def _next(self) -> list[Look]:
        """The batches until the next change of the weights."""
        if not self._waiting:
            self._begin_epoch()
        count = min(self.order.accumulation, len(self._waiting))
        batches, self._waiting = self._waiting[:count], self._waiting[count:]
        self._step += 1
        return [self._look(batch) for batch in batches]

    def _begin_epoch(self) -> None:
        """As torch's RandomSampler and DataLoader begin."""
        self._epoch += 1
        _unused, seed = (int(torch.empty((), dtype=torch.int64).random_(generator=self._generator)) for _ in range(2))
        indexes = torch.randperm(self._length, generator=torch.Generator().manual_seed(seed)).tolist()
        size = self.order.batch
        self._waiting = [indexes[first : first + size] for first in range(0, len(indexes), size)]

    def _look(self, batch: Sequence[int]) -> Look:
        photos = tuple(index % self.order.photos for index in batch)
        classes = tuple(index % self.order.classes for index in batch) if self.order.classes else ()
        count = len(photos) + len(classes)
        shape = (count, LATENTS, *self.order.shape)
        posterior = torch.randn(shape, generator=self._generator)
        noise = torch.empty(shape, memory_format=self._format(count)).normal_(generator=self._generator)
        offset = torch.randn((count, LATENTS, 1, 1), generator=self._generator) if self.order.offset else None
        timesteps = torch.randint(0, self.order.timesteps, (count,), generator=self._generator)
        return Look(photos, classes, Chance(posterior, noise, timesteps, offset))

    def _format(self, count: int) -> torch.memory_format:
        """How the noise lies in memory, which decides the numbers that are drawn: as the script's latents do."""
        return torch.channels_last if self.order.channels_last and count > 1 else torch.contiguous_format


def generator_of(seed: int, *place: object) -> torch.Generator:
    """A generator for one place in a training: other places, other numbers, in whatever order they are drawn."""
    digest = hashlib.sha256(repr((seed, *place)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))


@lru_cache(maxsize=8)
def _shuffled(seed: int, kind: str, epoch: int, count: int) -> tuple[int, ...]:
    return tuple(torch.randperm(count, generator=generator_of(seed, kind, "epoch", epoch)).tolist())


def _joined(drawn: Sequence[Chance]) -> Chance:
    offsets = [one.offset for one in drawn if one.offset is not None]
    return Chance(
        torch.cat([one.posterior for one in drawn]),
        torch.cat([one.noise for one in drawn]),
        torch.cat([one.timesteps for one in drawn]),
        torch.cat(offsets) if offsets else None,
    )
