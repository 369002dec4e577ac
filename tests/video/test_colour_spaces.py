"""HSV and LAB of 8 bits: OpenCV's numbers to the last bit, and what they mean."""

import numpy as np
import pytest
import torch
from torch import Tensor

from colabsd.video.colour_spaces import from_hsv, from_lab, to_hsv, to_lab

STEP = 3  # of all 256 levels every third, and the last: 636,056 colours


def colours(first: int = 256) -> Tensor:
    """(3, n, 64) of colours, a multiple of what OpenCV's vectors take; `first` bounds the first channel."""
    levels = torch.cat([torch.arange(0, 256, STEP), torch.tensor([255])])
    grid = torch.cartesian_prod(levels[levels < first], levels, levels)
    grid = grid[: len(grid) // 64 * 64]
    return grid.T.reshape(3, -1, 64).int()


@pytest.mark.parametrize(
    ("convert", "name", "first"),
    [
        (to_lab, "COLOR_RGB2LAB", 256),
        (from_lab, "COLOR_LAB2RGB", 256),
        (to_hsv, "COLOR_RGB2HSV", 256),
        (from_hsv, "COLOR_HSV2RGB", 180),
    ],
    ids=["to_lab", "from_lab", "to_hsv", "from_hsv"],
)
def test_conversions_are_opencvs_to_the_last_bit(convert, name: str, first: int) -> None:
    cv2 = pytest.importorskip("cv2")
    picture = colours(first)
    theirs = cv2.cvtColor(np.ascontiguousarray(picture.permute(1, 2, 0).byte().numpy()), getattr(cv2, name))
    assert torch.equal(convert(picture), torch.from_numpy(theirs).permute(2, 0, 1).int())


def test_white_grey_and_pure_colours_are_where_they_belong() -> None:
    picture = torch.tensor([[255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255]]).T[:, None].int()
    assert to_lab(picture)[:, 0, 0].tolist() == [255, 128, 128]
    assert to_lab(picture)[1:, 0, 1].tolist() == [128, 128]
    assert to_hsv(picture)[0, 0].tolist() == [0, 0, 0, 60, 120]  # red, green, blue in halves of degrees


def test_there_and_back_loses_no_more_than_rounding() -> None:
    """LAB of 8 bits is coarse in dark, strong colours; levels in the middle come back within a few."""
    picture = torch.randint(60, 200, (3, 32, 64), generator=torch.Generator().manual_seed(0)).int()
    assert int((from_lab(to_lab(picture)) - picture).abs().max()) <= 6
    assert int((from_hsv(to_hsv(picture)) - picture).abs().max()) <= 4
