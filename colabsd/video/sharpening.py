"""Unsharp masking, against the softness that every warp leaves. Knows no frames.

A picture is (1, C, H, W) fp32 in levels 0 to 255, on any device.
"""

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
    sharp = (picture * (1 + amount) - blurred * amount).clamp(0, WHITE).round()
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
    bell = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).to(picture)
    bell = bell / bell.sum()
    channels = picture.shape[1]
    padded = functional.pad(picture, (reach, reach, reach, reach), mode="reflect")
    across = functional.conv2d(padded, bell.expand(channels, 1, 1, -1), groups=channels)
    return functional.conv2d(across, bell[:, None].expand(channels, 1, -1, 1), groups=channels)
