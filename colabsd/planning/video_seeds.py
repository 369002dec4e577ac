"""The seeds of a film's drawn frames, in Deforum's sequences. Arithmetic only."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, cycle, islice, repeat

from colabsd.settings.images import MAX_SEED

MODULUS = MAX_SEED + 1
RANDOM_MODULUS = 2**32  # Deforum draws from 0 … 2^32 - 1


def seeds(
    behavior: str,
    first: int,
    count: int,
    *,
    every: int = 1,
    new_seed: Callable[[], int],
    scheduled: Sequence[float] = (),
) -> tuple[int, ...]:
    """The seeds of `count` drawn frames, beginning with `first`.

    From 100: `iter` 100, 101, 102 …, with `every` 3 100, 101, 101, 101, 102 … (the first lasts for one frame, as in
    Deforum); `ladder` 100, 102, 101, 103 …; `alternate` 100, 101, 100 …; `fixed`; `random`; `schedule` takes whole
    parts of `scheduled`, and a new seed for what is negative.
    """
    if behavior == "random":
        return (first, *(new_seed() % RANDOM_MODULUS for _ in range(count - 1)))[:count]
    if behavior == "schedule":
        return tuple(int(value) % MODULUS if value >= 0 else new_seed() for value in scheduled[:count])
    steps = _steps(behavior, every)
    values = [first]
    for step in islice(steps, count - 1):
        values.append((values[-1] + step) % MODULUS)
    return tuple(values[:count])


def _steps(behavior: str, every: int) -> Iterator[int]:
    """What is added from a drawn frame to the next."""
    if behavior == "iter":
        return cycle(chain((1,), repeat(0, every - 1)))
    return cycle({"ladder": (2, -1), "alternate": (1, -1)}.get(behavior, (0,)))
