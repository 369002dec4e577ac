"""How alike two pictures look: structural similarity, by the eye's measure rather than pixel by pixel.

Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility to structural similarity".
"""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, SIGMA = 11, 1.5
K1, K2, RANGE = 0.01, 0.03, 255.0
Luma: TypeAlias = NDArray[np.float64]


def similarity(first: "Image", second: "Image") -> float:
    """The mean structural similarity of two pictures' luma, in [-1, 1]; 1 is equal.

    Means, variances and covariance are weighted by a Gaussian of 11 x 11 pixels (sigma 1.5) wherever it lies whole in
    the pictures; K1 is 0.01 and K2 0.03, as in the paper. Of pictures of different sizes the larger is scaled to the
    smaller. Colours of equal brightness look equal to it.
    """
    one, other = _lumas(first, second)
    means = _blurred(one), _blurred(other)
    products = means[0] * means[0], means[1] * means[1], means[0] * means[1]
    variances = _blurred(one * one) - products[0], _blurred(other * other) - products[1]
    covariance = _blurred(one * other) - products[2]
    light, contrast = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    upper = (2 * products[2] + light) * (2 * covariance + contrast)
    lower = (products[0] + products[1] + light) * (variances[0] + variances[1] + contrast)
    return float(np.clip((upper / lower).mean(), -1, 1))


def _lumas(first: "Image", second: "Image") -> tuple[Luma, Luma]:
    """Both as (H, W) luma in [0, 255], of one size and at least as large as the window."""
    from PIL.Image import Resampling

    smaller = min((first, second), key=lambda image: image.width * image.height).size
    scaled = [
        image if image.size == smaller else image.resize(smaller, Resampling.LANCZOS) for image in (first, second)
    ]
    lumas = [np.asarray(image.convert("RGB").convert("L"), dtype=np.float64) for image in scaled]
    missing = [max(0, SIDE - side) for side in lumas[0].shape]
    around = [(rest // 2, rest - rest // 2) for rest in missing]
    one, other = (np.pad(luma, around, mode="symmetric") if any(missing) else luma for luma in lumas)
    return one, other


def _blurred(values: Luma) -> Luma:
    """Weighted means, (H, W) to (H - 10, W - 10): the window's two directions one after the other."""
    offsets = np.arange(SIDE) - SIDE // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    height, width = values.shape[0] - SIDE + 1, values.shape[1] - SIDE + 1
    rows = sum(weight * values[place : place + height] for place, weight in enumerate(weights))
    assert isinstance(rows, np.ndarray)
    columns = sum(weight * rows[:, place : place + width] for place, weight in enumerate(weights))
    assert isinstance(columns, np.ndarray)
    return columns
