"""Unsharp masking as OpenCV computes it, and a threshold below which nothing changes."""

import numpy as np
import pytest
import torch
from torch import Tensor

from colabsd.video.sharpening import gaussian_blur, sharpened


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.randint(0, 256, (1, 3, 31, 45), generator=torch.Generator().manual_seed(0)).float()


@pytest.mark.parametrize(("kernel", "sigma"), [(5, 1.0), (3, 0.7), (9, 2.5), (11, 0)])
def test_the_blur_is_opencvs(picture: Tensor, kernel: int, sigma: float) -> None:
    """Within what 32 bits add up to."""
    cv2 = pytest.importorskip("cv2")
    theirs = cv2.GaussianBlur(np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy()), (kernel, kernel), sigma)
    assert torch.allclose(
        gaussian_blur(picture, kernel, sigma)[0].permute(1, 2, 0), torch.from_numpy(theirs), atol=2e-3
    )


def test_sharpening_makes_edges_steeper_and_leaves_surfaces() -> None:
    edge = torch.cat([torch.full((1, 3, 16, 8), 80.0), torch.full((1, 3, 16, 8), 160.0)], dim=3)
    sharp = sharpened(edge, 5, 1, 1)
    assert float(sharp[..., 7].max()) < 80
    assert float(sharp[..., 8].min()) > 160
    assert torch.equal(sharp[..., :4], edge[..., :4])


def test_each_setting_changes_the_picture(picture: Tensor) -> None:
    usual = sharpened(picture, 5, 1, 0.5)
    for changed in ((3, 1, 0.5), (5, 2, 0.5), (5, 1, 0.9), (5, 1, 0.5, 20)):
        assert not torch.equal(sharpened(picture, *changed), usual)
    assert sharpened(picture, 5, 1, 0) is picture


def test_what_differs_less_than_the_threshold_stays(picture: Tensor) -> None:
    small = (picture - gaussian_blur(picture, 5, 1)).abs() < 20
    sharp = sharpened(picture, 5, 1, 2, threshold=20)
    assert torch.equal(sharp[small], picture[small])
    assert not torch.equal(sharp[~small], picture[~small])


def test_a_kernel_wider_than_the_picture_is_narrowed() -> None:
    assert sharpened(torch.rand(1, 3, 4, 6) * 255, 99, 5, 1).shape == (1, 3, 4, 6)
