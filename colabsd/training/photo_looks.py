"""What is measured of a photo's pixels: how sharp it is, what it is like, and where it draws the eye."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from colabsd.training.crops import Point
from colabsd.training.faces import Face

if TYPE_CHECKING:
    from PIL.Image import Image

SALIENCE_SIDE = 64
SALIENCE_BLUR = 2.5  # pixels
FAINTEST = 1e-9


@dataclass(frozen=True, kw_only=True)
class PhotoLook:
    """Measures of one photo.

    `sharpness` as `sharpness_of` gives it, `fingerprint` 64 bits that are nearly the same for photos that look alike,
    `salient` the point that draws the eye; `faces` are the largest first, None where nobody looked for them.
    """

    sharpness: float
    fingerprint: int
    salient: Point = Point()
    faces: tuple[Face, ...] | None = None


def sharpness_of(image: "Image") -> float:
    """How much fine detail the sharpest parts of a photo have: 0 is none.

    The variance of the Laplacian over the variance of the brightness (Pech-Pacheco et al. 2000, "Diatom autofocusing in
    brightfield microscopy"), in tiles, of which the sharpest tenth counts: a background out of focus is no blur.
    """
    import numpy as np

    grey = np.asarray(image.convert("L"), dtype=np.float32)
    if min(grey.shape) < 3:
        return 0.0
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(laplacian.var() / (grey.var() + 1.0))


def fingerprint_of(image: "Image") -> int:
    """64 bits: whether each of 8 x 8 pixels is brighter than its right neighbour (dHash, Krawetz 2013)."""
    import numpy as np
    from PIL.Image import Resampling

    grey = np.asarray(image.convert("L").resize((9, 8), Resampling.BOX), dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def difference(first: int, second: int) -> int:
    """In how many of 64 bits two fingerprints differ."""
    return (first ^ second).bit_count()


def salience_of(image: "Image") -> Any:
    """(h, w) float64 that adds up to 1: how much each part of a photo stands out.

    The spectral residual: what the logarithm of the spectrum has beyond its own local mean (Hou & Zhang 2007,
    "Saliency Detection: A Spectral Residual Approach").
    """
    import numpy as np
    from PIL.Image import Resampling

    scale = SALIENCE_SIDE / min(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    grey = np.asarray(image.convert("L").resize(size, Resampling.BOX), dtype=np.float64)
    spectrum = np.fft.fft2(grey)
    amplitude = np.log(np.abs(spectrum) + FAINTEST)
    shifts = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    mean = sum(np.roll(amplitude, shift, (0, 1)) for shift in shifts) / len(shifts)
    residual = np.abs(np.fft.ifft2(np.exp(amplitude - mean + 1j * np.angle(spectrum)))) ** 2
    soft = _smoothed(residual, SALIENCE_BLUR)
    return soft / max(float(soft.sum()), FAINTEST)


def salient_point(image: "Image") -> Point:
    """The middle of what stands out in a photo."""
    import numpy as np

    weights = salience_of(image)
    height, width = weights.shape
    x = float((weights.sum(0) * (np.arange(width) + 0.5)).sum() / width)
    y = float((weights.sum(1) * (np.arange(height) + 0.5)).sum() / height)
    return Point(x, y)


def _smoothed(values: Any, sigma: float) -> Any:
    """(h, w) smoothed by a Gaussian; beyond an edge lies what is at the edge."""
    import numpy as np

    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if place == axis else (0, 0) for place in (0, 1)], mode="edge")
        values = np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="valid"), axis, padded)
    return values
