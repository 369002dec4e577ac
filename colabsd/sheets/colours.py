"""How far apart the colours of two pictures are, which structural similarity does not see.

The difference is that of CIE 1976 (L*, a*, b*, white D65); about 2.3 is just noticeable side by side (Mahy, Van Eycken
& Oosterlinck 1994, "Evaluation of uniform color spaces developed after the adoption of CIELAB and CIELUV").
"""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Values: TypeAlias = NDArray[np.float64]
# sRGB to XYZ (IEC 61966-2-1), each row divided by the white's value.
TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = TO_XYZ.sum(axis=1)
LINEAR_BELOW = (6 / 29) ** 3


def colour_difference(first: "Image", second: "Image") -> float:
    """The mean difference of two pictures' colours, pixel by pixel; 0 is equal, black and white are 100 apart.

    Of pictures of different sizes the second is scaled to the first.
    """
    from PIL.Image import Resampling

    if second.size != first.size:
        second = second.resize(first.size, Resampling.LANCZOS)
    difference = _lab(first) - _lab(second)
    return float(np.sqrt((difference**2).sum(axis=2)).mean())


def _lab(image: "Image") -> Values:
    """(H, W, 3): lightness in [0, 100], and two axes of colour."""
    steps = np.arange(256) / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    xyz = linear[np.asarray(image.convert("RGB"))] @ (TO_XYZ / WHITE[:, None]).T
    root = np.where(xyz > LINEAR_BELOW, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2)
