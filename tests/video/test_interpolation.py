"""Frames between two frames: what moves is in the middle of its way, not twice in half its strength."""

import pytest
import torch
from torch import Tensor

from colabsd.video.flow import believable
from colabsd.video.interpolation import Flows, between, flow_at, flows_between
from colabsd.video.sharpening import gaussian_blur

SIDE = 96


@pytest.fixture(scope="module")
def wall() -> Tensor:
    spots = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 255
    soft = gaussian_blur(spots, 9, 2.0)
    return ((soft - soft.mean()) * 3 + 90).clamp(0, 255)


def with_block(wall: Tensor, x: int) -> Tensor:
    """A bright, patterned block of 24 pixels before the wall."""
    picture = wall.clone()
    picture[..., 36:60, x : x + 24] = 255 - wall[..., 4:28, 4:28] * 0.5
    return picture


def exact_flows(x: int, far: int) -> Flows:
    """Of a block that goes `far` to the right from x, before a wall at rest."""
    forward, backward = torch.zeros(SIDE, SIDE, 2), torch.zeros(SIDE, SIDE, 2)
    forward[36:60, x : x + 24, 0] = far
    backward[36:60, x + far : x + far + 24, 0] = -far
    return Flows(forward, backward, believable(forward, backward), believable(backward, forward))


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().mean())


def test_a_block_is_in_the_middle_of_its_way_and_the_wall_behind_it_whole(wall: Tensor) -> None:
    first, second, wanted = (with_block(wall, x) for x in (20, 36, 28))
    found = between(first, second, 0.5, exact_flows(20, 16))
    blended = (first + second) / 2
    assert error(found, wanted) < 0.15 * error(blended, wanted)


def test_with_opencvs_flow_it_is_still_far_better_than_blending(wall: Tensor) -> None:
    pytest.importorskip("cv2")
    first, second, wanted = (with_block(wall, x) for x in (20, 28, 24))
    found = between(first, second, 0.5, flows_between(first, second, "DIS Fine"))
    assert error(found, wanted) < 0.4 * error((first + second) / 2, wanted)


def test_at_the_ends_it_is_the_frames_themselves_and_near_them_nearly(wall: Tensor) -> None:
    first, second = with_block(wall, 20), with_block(wall, 36)
    flows = exact_flows(20, 16)
    assert between(first, second, 0, flows) is first
    assert between(first, second, 1, flows) is second
    assert error(between(first, second, 0.01, flows), first) < 1.5


def test_where_nothing_arrives_the_surroundings_are_taken(wall: Tensor) -> None:
    way = flow_at(with_block(wall, 20), with_block(wall, 36), 0.5, exact_flows(20, 16))
    assert bool(torch.isfinite(way).all())
    assert way[48, 40].tolist() == pytest.approx([16, 0], abs=0.5)
    assert way[10, 10].tolist() == pytest.approx([0, 0], abs=1e-4)


def test_a_picture_at_rest_stays_as_it_is(wall: Tensor) -> None:
    found = between(wall, wall, 0.3, exact_flows(0, 0))
    torch.testing.assert_close(found, wall, atol=0.01, rtol=0)
