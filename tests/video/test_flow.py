"""Flow finds what moved, says where it cannot be believed, and carries pictures further than a pixel."""

import pytest
import torch
from torch import Tensor

from colabsd.errors import MissingPackageError
from colabsd.video import flow as flows
from colabsd.video.flow import METHODS, Method, believable, carried, optical_flow
from colabsd.video.sharpening import gaussian_blur

MARGIN = 12  # at the edges nothing is known of what comes in


@pytest.fixture(scope="module")
def texture() -> Tensor:
    """Soft spots, in which a shift can be seen everywhere."""
    spots = torch.rand(1, 3, 80, 112, generator=torch.Generator().manual_seed(0)) * 255
    soft = gaussian_blur(spots, 9, 2.0)
    return (soft - soft.mean()) * 5 + 128


@pytest.mark.parametrize("method", METHODS)
def test_a_shift_is_found_to_half_a_pixel(texture: Tensor, method: Method) -> None:
    pytest.importorskip("cv2")
    found = optical_flow(texture, texture.roll((3, -5), dims=(2, 3)), method)
    inside = found[MARGIN:-MARGIN, MARGIN:-MARGIN].reshape(-1, 2).median(dim=0).values
    assert inside.tolist() == pytest.approx([-5, 3], abs=0.5)


def test_pictures_smaller_than_opencv_takes_have_a_flow_too() -> None:
    pytest.importorskip("cv2")
    assert optical_flow(torch.zeros(1, 3, 5, 7), torch.zeros(1, 3, 5, 7)).shape == (5, 7, 2)


def test_without_opencv_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install opencv-python-headless"):
        optical_flow(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))


def test_a_way_back_that_leads_elsewhere_is_not_believed() -> None:
    forward = torch.zeros(20, 30, 2)
    forward[..., 0] = 4
    assert float(believable(forward, -forward)[..., :-5].min()) == 1
    backward = -forward.clone()
    backward[:, 15:20] = 0
    seen = believable(forward, backward)[0, 0]
    assert float(seen[:, 11:16].max()) == 0
    assert float(seen[:, :10].min()) == 1


def test_pictures_are_carried_as_far_as_the_flow_says(texture: Tensor) -> None:
    flow = torch.tensor([12.0, -5.0]).expand(80, 112, 2)
    moved = carried(texture, flow)
    torch.testing.assert_close(moved[..., 20:60, 20:], texture[..., 25:65, 8:-12], atol=0.05, rtol=0)
    half = carried(texture, flow, 0.5)
    torch.testing.assert_close(half[..., 20:60, 20:], carried(texture, flow / 2)[..., 20:60, 20:])


def test_the_old_limit_of_a_pixel_is_there_when_asked_for(texture: Tensor) -> None:
    flow = torch.tensor([12.0, -5.0]).expand(80, 112, 2)
    one = torch.tensor([1.0, -5 / 12]).expand(80, 112, 2)
    torch.testing.assert_close(carried(texture, flow, one_pixel=True), carried(texture, one))
    assert bool(torch.isfinite(carried(texture, torch.zeros_like(flow), one_pixel=True)).all())
