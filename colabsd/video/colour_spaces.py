"""Colours of 8 bits as OpenCV's 8-bit HSV and LAB, and back, in whole numbers on any device.

The formulas are those of the CIE (LAB under D65) and of Smith 1978 (HSV), in the fixed point that OpenCV documents for
8-bit pictures: the same numbers to the last bit, so that a film looks the same wherever it is drawn. Pictures are
(3, H, W) int32 of 0 to 255; the hue is 0 to 179.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

Space = Literal["RGB", "HSV", "LAB"]
Conversion: TypeAlias = Callable[[Tensor], Tensor]
LEVELS, WHITE = 256, 255
# Fractional bits: of the matrices, of linear light, of the two together; and of what is between LAB and light.
MATRIX_BITS, LIGHT_BITS, ROOT_BITS, BASE_BITS, GAMMA_BITS = 12, 3, 15, 14, 12
BASE = 1 << BASE_BITS
D65 = np.array([0.950456, 1.0, 1.088754])
TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
FROM_XYZ = np.array([[3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311]])
DARK, DARK_SLOPE, DARK_OFFSET = 216 / 24389, 841 / 108, 16 / 116  # below DARK the cube root is a line
LEAST_ROOT = -8145  # the least argument of the table of cubes
HALF_TURN, SECTORS, HUE_BITS = 180, 6, 12


def to_lab(rgb: Tensor) -> Tensor:
    """L of 0 to 100 as 0 to 255, a and b shifted by 128."""
    light, roots, matrix = _tables_to_lab(rgb.device)
    red, green, blue = light[rgb.long()].unbind()
    x, y, z = (
        roots[_shifted(red * one[0] + green * one[1] + blue * one[2], MATRIX_BITS).long()] for one in matrix.tolist()
    )
    lightness = _shifted((116 * WHITE + 50) // 100 * y - (16 * WHITE * (1 << ROOT_BITS) + 50) // 100, ROOT_BITS)
    middle = 128 << ROOT_BITS
    a, b = _shifted(500 * (x - y) + middle, ROOT_BITS), _shifted(200 * (y - z) + middle, ROOT_BITS)
    return torch.stack([lightness, a, b]).clamp(0, WHITE)


def from_lab(lab: Tensor) -> Tensor:
    """The inverse, as near as whole numbers come."""
    lights, roots, cubes, gamma, matrix = _tables_from_lab(lab.device)
    lightness, a, b = lab.unbind()
    y, root = lights[lightness.long()], roots[lightness.long()]
    across = _shifted(5 * a * 53687, 13, half=1 << 7) - 128 * BASE // 500
    along = _shifted(b * 41943, 9, half=1 << 4) - 128 * BASE // 200 + 1
    x, z = cubes[(root + across - LEAST_ROOT).long()], cubes[(root - along - LEAST_ROOT).long()]
    last = (1 << GAMMA_BITS) - 1
    bits = MATRIX_BITS + BASE_BITS - GAMMA_BITS
    light = [_shifted(x * one[0] + y * one[1] + z * one[2], bits).clamp(0, last) for one in matrix.tolist()]
    return gamma[torch.stack(light).long()]


def to_hsv(rgb: Tensor) -> Tensor:
    """Hue of 0 to 360 degrees as 0 to 179, saturation and value as 0 to 255."""
    red, green, blue = rgb.unbind()
    value = rgb.amax(dim=0)
    spread = value - rgb.amin(dim=0)
    by_value, by_spread = _divisions(rgb.device)
    saturation = _shifted(spread * by_value[value.long()], HUE_BITS)
    hue = torch.where(value == green, blue - red + 2 * spread, red - green + 4 * spread)
    hue = torch.where(value == red, green - blue, hue)
    hue = _shifted(hue * by_spread[spread.long()], HUE_BITS)
    return torch.stack([torch.where(hue < 0, hue + HALF_TURN, hue), saturation, value])


def from_hsv(hsv: Tensor) -> Tensor:
    """The inverse, in fp32 and cut off as OpenCV's: what multiplies and adds rounds once."""
    share = torch.tensor(1 / WHITE)
    hue, saturation, value = hsv[0] * torch.tensor(SECTORS / HALF_TURN), hsv[1] * share, hsv[2] * share
    sector = hue.floor()
    part = hue - sector
    exact = saturation.double()
    falling, rising = ((1 - exact * one.double()).float() for one in (part, 1 - part))
    mixed = value * torch.stack([torch.ones_like(value), 1 - saturation, falling, rising])
    order = torch.tensor(
        [[0, 3, 1], [2, 0, 1], [1, 0, 3], [1, 2, 0], [3, 1, 0], [0, 1, 2]], device=hsv.device
    )  # of red, green, blue in each sector
    chosen = order[sector.long() % SECTORS].movedim(-1, 0)
    return (mixed.gather(0, chosen) * WHITE).clamp(0, WHITE).int()


def _same(picture: Tensor) -> Tensor:
    return picture


SPACES: dict[Space, tuple[Conversion, Conversion]] = {
    "RGB": (_same, _same),
    "HSV": (to_hsv, from_hsv),
    "LAB": (to_lab, from_lab),
}
"""To each space from RGB, and back."""


def _shifted(value: Tensor, bits: int, half: int | None = None) -> Tensor:
    """Divided by 2 to the power of `bits`, rounded."""
    return (value + ((1 << (bits - 1)) if half is None else half)) >> bits


@cache
def _tables_to_lab(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Linear light by level; roots by light; the matrix to XYZ in units of white."""
    level = np.arange(LEVELS) / WHITE
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    step = np.float32(1 / (WHITE << LIGHT_BITS))  # OpenCV makes its table in 32 bits
    x = np.arange(LEVELS * 3 // 2 << LIGHT_BITS, dtype=np.float32) * step
    root = np.where(x < DARK, x * np.float32(DARK_SLOPE) + np.float32(DARK_OFFSET), np.cbrt(x))
    matrix = TO_XYZ / D65[:, None] * (1 << MATRIX_BITS)
    return _whole(light * (WHITE << LIGHT_BITS), device), _whole(root * (1 << ROOT_BITS), device), _whole(matrix)


@cache
def _tables_from_lab(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Light and its root by lightness; cubes by root; levels by light; the matrix from XYZ in units of white."""
    level = np.arange(LEVELS)
    root = level * 100 * BASE / (WHITE * 116) + 16 * BASE / 116
    dark = level <= 20  # a lightness of 8
    lights = np.where(dark, BASE * 20 * 9 * level / (17 * 29**3), root**3 / BASE**2)
    roots = np.where(dark, BASE * (DARK_OFFSET + level * 5 / (3 * 17 * 29)), root)
    whole = np.arange(LEAST_ROOT, LEAST_ROOT + BASE * 9 // 4)
    line = _towards_zero(whole * 108, 841) - BASE * 16 // 116 * 108 // 841
    cubes = np.where(whole <= 3390, line, whole * whole // BASE * whole // BASE)
    light = np.arange(1 << GAMMA_BITS) / (1 << GAMMA_BITS)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * WHITE
    matrix = FROM_XYZ * D65[None, :] * (1 << MATRIX_BITS)
    return _whole(lights, device), _whole(roots, device), _whole(cubes, device), _whole(levels, device), _whole(matrix)


@cache
def _divisions(device: torch.device) -> tuple[Tensor, Tensor]:
    """What a spread is multiplied with for its saturation by value, and a distance of hues for its hue by spread."""
    by = np.maximum(np.arange(LEVELS), 1)
    some = np.arange(LEVELS) > 0
    return (
        _whole((WHITE << HUE_BITS) / by * some, device),
        _whole((HALF_TURN << HUE_BITS) / (SECTORS * by) * some, device),
    )


def _towards_zero(number: np.ndarray[Any, Any], divisor: int) -> np.ndarray[Any, Any]:
    quotient: np.ndarray[Any, Any] = np.trunc(number / divisor)
    return quotient


def _whole(numbers: np.ndarray[Any, Any], device: torch.device | None = None) -> Tensor:
    return torch.from_numpy(np.rint(numbers).astype(np.int32)).to(device or "cpu")
