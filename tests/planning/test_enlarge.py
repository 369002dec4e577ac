"""Passes and tiles of an enlargement."""

from itertools import pairwise
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.planning.enlarge import ALIGNMENT, FACTORS, FADE, MARGIN, SMALLEST_TILE, passes, spans


@pytest.mark.parametrize(
    "scale, factor, wanted",
    [
        (4, 2, (2,)),
        (4, 4, (4,)),
        (4, 8, (4, 2)),
        (2, 2, (2,)),
        (2, 4, (2, 2)),
        (2, 8, (2, 2, 2)),
        (8, 4, (4,)),
        (3, 2, (3,)),
        (3, 4, (3, 3)),
    ],
)
def test_passes_reach_the_factor(scale: int, factor: int, wanted: tuple[int, ...]) -> None:
    assert passes(scale, factor) == wanted


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_powers_of_two_are_met_exactly(scale: int, factor: int) -> None:
    assert prod(passes(scale, factor)) == factor


@settings(deadline=None, max_examples=300)
@given(length=st.integers(1, 5000), tile=st.integers(SMALLEST_TILE, 1024))
def test_tiles_cover_a_side_and_fade_into_each_other_far_from_their_ends(length: int, tile: int) -> None:
    found = spans(length, tile)
    assert found[0].start == found[0].first == 0 and found[-1].stop == found[-1].last == length
    for span in found:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.stop - span.start <= tile + 2 * ALIGNMENT and span.start % ALIGNMENT == 0
    for before, after in pairwise(found):
        assert before.last - after.first == FADE  # this wide is what both make
        assert before.stop - before.last >= MARGIN and after.first - after.start >= MARGIN
    for span in found[1:-1]:
        assert span.last - span.first >= 2 * FADE  # its two fades do not meet
