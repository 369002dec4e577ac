"""Between two prompts."""

from collections.abc import Iterator

import pytest
import torch

from colabsd.engine.conditioning import Encoded
from colabsd.engine.prompting import Steering, Timeline
from colabsd.video.walk import between


def line(*values: float, ends: tuple[int, ...] = (9,), tokens: int = 2) -> Timeline:
    pairs = [(torch.full((1, tokens, 3), float(value)), torch.full((1, 4), float(value))) for value in values]
    return Timeline(ends, tuple(Encoded(*pair) for pair in pairs))


def values(side: Timeline, calls: Iterator[int] | range = range(10)) -> list[float]:
    return [float(side.at(call).embeddings[0, 0, 0]) for call in calls]


def test_every_vector_goes_over_on_a_straight_line() -> None:
    here, there = Steering((line(0),), (1.0,), line(2)), Steering((line(4),), (1.0,), line(10))
    for share, side, negative in ((0.0, 0, 2), (0.25, 1, 4), (1.0, 4, 10)):
        walked = between(here, there, share)
        assert values(walked.sides[0]) == [side] * 10
        assert walked.negative is not None and values(walked.negative) == [negative] * 10
        assert walked.sides[0].at(0).pooled is not None and float(walked.sides[0].at(0).pooled[0, 0]) == side


def test_texts_that_change_on_the_way_change_where_either_does() -> None:
    here = Steering((line(0, 8, ends=(3, 9)),), (1.0,))
    there = Steering((line(4, 6, ends=(6, 9)),), (1.0,))
    assert values(between(here, there, 0.5).sides[0]) == [2] * 4 + [6] * 3 + [7] * 3


def test_longer_prompts_lengthen_the_shorter_ones() -> None:
    walked = between(Steering((line(0, tokens=2),), (1.0,)), Steering((line(4, tokens=5),), (1.0,)), 0.5)
    assert walked.sides[0].at(0).embeddings.shape == (1, 5, 3)


def test_where_one_is_an_and_all_sides_act_with_weights_that_go_over() -> None:
    here = Steering((line(1),), (1.0,), line(0))
    there = Steering((line(2), line(3)), (0.5, 2.0), line(0))
    walked = between(here, there, 0.25)
    assert walked.weights == pytest.approx((0.75, 0.125, 0.5))
    assert [values(side)[0] for side in walked.sides] == [1, 2, 3]
