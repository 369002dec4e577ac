"""Unsharp masking, against the softness that every warp leaves. Knows no frames.

A picture is (1, C, H, W) fp32 in levels 0 to 255, on any device.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

WHITE = 255


def sharpened(picture: Tensor, kernel: int, sigma: float, amount: float, threshold: float = 0) -> Tensor:
    """(1 + amount) picture - amount blurred, in whole levels; where they differ by less than `threshold` levels the
    picture stays. `kernel` is the blur's width in pixels (made odd), `sigma` its standard deviation.
    """
    if amount == 0:
        return picture
    blurred = gaussian_blur(picture, kernel, sigma)
    sharp = torch.lerp(blurred, picture, 1 + amount).clamp_(0, WHITE).round_()
    return torch.where((picture - blurred).abs() < threshold, picture, sharp) if threshold > 0 else sharp


def gaussian_blur(picture: Tensor, kernel: int, sigma: float) -> Tensor:
    """The picture blurred, mirrored at its edges (without the edge itself), as OpenCV's GaussianBlur does.

    A sigma that is not above 0 is taken from the kernel, 0.3 ((kernel - 1) / 2 - 1) + 0.8. A kernel wider than the
    picture allows is narrowed.
    """
    height, width = picture.shape[-2:]
    reach = min(kernel // 2, height - 1, width - 1)
    if reach <= 0:
        return picture
    sigma = sigma if sigma > 0 else 0.3 * (reach - 1) + 0.8
    heights = [math.exp(-(place**2) / (2 * sigma**2)) for place in range(-reach, reach + 1)]
    bell = [one / sum(heights) for one in heights]
    padded = functional.pad(picture, (reach, reach, reach, reach), mode="reflect")
    return _weighted(_weighted(padded, bell, 3, width), bell, 2, height)


def _weighted(picture: Tensor, weights: list[float], axis: int, length: int) -> Tensor:
    """Sums of neighbours along an axis, `length` of them; faster than a convolution with so few weights."""
    total = picture.narrow(axis, 0, length) * weights[0]
    for start, weight in enumerate(weights[1:], 1):
        total.add_(picture.narrow(axis, start, length), alpha=weight)
    return total
