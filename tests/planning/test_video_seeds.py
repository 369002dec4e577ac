"""Seeds of films: Deforum's sequences, as measured."""

import itertools

import pytest

from colabsd.planning.video_seeds import MODULUS, seeds


def never() -> int:
    raise AssertionError


@pytest.mark.parametrize(
    ("behavior", "every", "expected"),
    [
        ("iter", 1, (100, 101, 102, 103, 104, 105)),
        ("iter", 3, (100, 101, 101, 101, 102, 102)),
        ("ladder", 1, (100, 102, 101, 103, 102, 104)),
        ("alternate", 1, (100, 101, 100, 101, 100, 101)),
        ("fixed", 1, (100,) * 6),
    ],
)
def test_seeds_go_on_as_in_deforum(behavior: str, every: int, expected: tuple[int, ...]) -> None:
    assert seeds(behavior, 100, 6, every=every, new_seed=never) == expected


def test_random_seeds_are_drawn_and_scheduled_ones_cut() -> None:
    counter = itertools.count(2**32 + 5)
    assert seeds("random", 100, 3, new_seed=lambda: next(counter)) == (100, 5, 6)
    assert seeds("schedule", 100, 3, new_seed=lambda: 9, scheduled=(7.9, -1.0, 3.0)) == (7, 9, 3)


def test_the_last_seed_is_followed_by_the_first() -> None:
    assert seeds("iter", MODULUS - 1, 2, new_seed=never) == (MODULUS - 1, 0)
