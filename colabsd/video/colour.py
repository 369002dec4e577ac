"""Colours held over a film: histograms matched in RGB, HSV or LAB; contrast; grey. Knows no frames.

A picture is (1, 3, H, W) fp32 in levels 0 to 255, on any device; only its histogram, 3 x 256 numbers, is looked at on
the processor. Where OpenCV is installed and the picture is on the processor its conversions are used, which are faster
and give the same numbers.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from colabsd.video.colour_spaces import LEVELS, SPACES, WHITE, Space

Histogram: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
"""(3, 256): how many pixels have which level, for each channel of a space. Enough to match colours to."""
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
VECTOR = 64  # pixels that OpenCV's longest vectors take; of what is left over it rounds otherwise
_Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]


def match_colours(picture: Tensor, reference: Tensor, space: Space, *, swapped_channels: bool = False) -> Tensor:
    """The picture with the reference's histogram in each channel of the space, in whole levels.

    With `swapped_channels` red counts as blue and blue as red, as in the extension for A1111.
    """
    if swapped_channels:
        return match_colours(picture.flip(1), reference.flip(1), space).flip(1)
    return match_histogram(picture, histogram_of(reference, space), space)


def histogram_of(picture: Tensor, space: Space) -> Histogram:
    """The picture's histogram in a space; its levels are cut to whole ones first, as Deforum does."""
    if _by_opencv(picture):
        return _counted_bytes(_bytes_in(picture, space))
    return _counted(_levels_in(picture, space))


def match_histogram(picture: Tensor, histogram: Histogram, space: Space) -> Tensor:
    """The picture with that histogram, as near as a table of levels comes (Gonzalez & Woods, histogram matching)."""
    if _by_opencv(picture):
        cv2: Any = import_module("cv2")
        there = _bytes_in(picture, space)
        table = level_table(_counted_bytes(there), histogram)
        matched = cv2.LUT(there, np.ascontiguousarray(table.T)[None])
        back = {"HSV": cv2.COLOR_HSV2RGB, "LAB": cv2.COLOR_LAB2RGB}.get(space)
        return _from_bytes(matched if back is None else cv2.cvtColor(matched, back), picture)
    levels = _levels_in(picture, space)
    levels_to = torch.from_numpy(level_table(_counted(levels), histogram).astype(np.int32)).to(picture.device)
    mapped = levels_to.gather(1, levels.flatten(1).long()).view_as(levels)
    return SPACES[space][1](mapped)[None].float()


def level_table(source: Histogram, reference: Histogram) -> _Bytes:
    """(3, 256): which level becomes which. A level goes where the same share of the reference's pixels is below.

    Between the reference's levels it is interpolated, then cut to whole levels, as scikit-image's match_histograms does
    with 8-bit pictures.
    """
    table = np.empty((3, LEVELS), np.uint8)
    for channel in range(3):
        present = np.flatnonzero(reference[channel])
        theirs = np.cumsum(reference[channel][present]) / reference[channel].sum()
        ours = np.cumsum(source[channel]) / source[channel].sum()
        table[channel] = np.interp(ours, theirs, present).astype(np.uint8)
    return table


def with_contrast(picture: Tensor, factor: float, *, wraps: bool = False) -> Tensor:
    """Levels times `factor`, kept within 0 to 255. With `wraps` white begins again at black, as with A1111."""
    if factor == 1:
        return picture
    levels = picture * factor
    return levels.round().remainder(LEVELS) if wraps else levels.clamp(0, WHITE)


def grey(picture: Tensor) -> Tensor:
    """The picture without colour, in three equal channels."""
    weights = torch.tensor(GREY, device=picture.device).view(1, 3, 1, 1)
    return (picture * weights).sum(dim=1, keepdim=True).expand_as(picture).contiguous()


def _levels_in(picture: Tensor, space: Space) -> Tensor:
    """(3, H, W) int32."""
    return SPACES[space][0](picture[0].clamp(0, WHITE).int())


def _counted(levels: Tensor) -> Histogram:
    apart = levels + torch.arange(0, 3 * LEVELS, LEVELS, device=levels.device, dtype=levels.dtype).view(3, 1, 1)
    counts: Histogram = torch.bincount(apart.flatten(), minlength=3 * LEVELS).view(3, LEVELS).cpu().numpy()
    return counts


def _by_opencv(picture: Tensor) -> bool:
    pixels = picture.shape[-1] * picture.shape[-2]
    return picture.device.type == "cpu" and pixels % VECTOR == 0 and find_spec("cv2") is not None


def _bytes_in(picture: Tensor, space: Space) -> _Bytes:
    """(H, W, 3) uint8, in rows that leave nothing over."""
    cv2: Any = import_module("cv2")
    levels = picture[0].clamp(0, WHITE).byte().permute(1, 2, 0).contiguous().numpy().reshape(-1, VECTOR, 3)
    there = {"HSV": cv2.COLOR_RGB2HSV, "LAB": cv2.COLOR_RGB2LAB}.get(space)
    found: _Bytes = levels if there is None else cv2.cvtColor(levels, there)
    return found


def _counted_bytes(levels: _Bytes) -> Histogram:
    cv2: Any = import_module("cv2")
    counts = [cv2.calcHist([levels], [channel], None, [LEVELS], [0, LEVELS]).ravel() for channel in range(3)]
    return np.rint(counts).astype(np.int64)


def _from_bytes(levels: _Bytes, like: Tensor) -> Tensor:
    return torch.from_numpy(levels.reshape(*like.shape[-2:], 3)).permute(2, 0, 1)[None].float().contiguous()
