"""What is measured of a photo's pixels: how sharp it is, what it is like, and where it draws the eye."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from colabsd.training.crops import Point
from colabsd.training.faces import Face

if TYPE_CHECKING:
    from PIL.Image import Image

TILES = 8  # across and down
BLUR_WIDTH = 9  # pixels, as in the paper
SHARPEST = 0.1
LEAST_STEP = 1.5  # of 255, from one pixel to the next: less is noise
HASH_SIDE = 32
SALIENCE_SIDE = 64
SALIENCE_BLUR = 2.5  # pixels
FAINTEST = 1e-9
MIDDLE = Point()


@dataclass(frozen=True, kw_only=True)
class PhotoLook:
    """Measures of one photo.

    `sharpness` as `sharpness_of` gives it, `fingerprint` 64 bits that are nearly the same for photos that look alike,
    `salient` the point that draws the eye; `faces` are the largest first, None where nobody looked for them.
    """

    sharpness: float
    fingerprint: int
    salient: Point = MIDDLE
    faces: tuple[Face, ...] | None = None


def sharpness_of(image: "Image") -> float:
    """How sharp the sharpest parts of a photo are, in [0, 1]; 1.0 where there is no edge to tell it from.

    One less the blur effect (Crété-Roffet, Dolmière, Ladret, Nicolas 2007, "The Blur Effect: Perception and Estimation
    with a New No-Reference Perceptual Blur Metric"): how little blurring changes the steps between neighbours. It is
    taken in 8 x 8 tiles, of which the sharpest tenth counts, so that a background out of focus is no blur.
    """
    import numpy as np

    grey = np.asarray(image.convert("L"), dtype=np.float32)
    if min(grey.shape) < TILES * BLUR_WIDTH:
        return 1.0
    effects = [_blur_effects(lines) for lines in (grey, grey.T)]
    found = [np.quantile(effect, SHARPEST) for effect in effects if effect.size]
    return 1.0 - float(max(found)) if found else 1.0


def _blur_effects(grey: Any) -> Any:
    """The blur effect down the columns of (h, w) brightness, of each tile that has steps to speak of."""
    import numpy as np

    reach = BLUR_WIDTH // 2
    sums = np.cumsum(np.pad(grey, [(reach + 1, reach), (0, 0)], mode="edge"), axis=0, dtype=np.float64)
    blurred = (sums[BLUR_WIDTH:] - sums[:-BLUR_WIDTH]) / BLUR_WIDTH
    steps, soft = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(blurred, axis=0))
    lost = _tile_sums(np.maximum(0.0, steps - soft))
    whole = _tile_sums(steps)
    edgy = whole > LEAST_STEP * (steps.shape[0] // TILES) * (steps.shape[1] // TILES)
    chosen = edgy if edgy.any() else whole > 0  # nothing but soft transitions is a blur too
    return 1.0 - lost[chosen] / whole[chosen]


def _tile_sums(values: Any) -> Any:
    height, width = values.shape[0] // TILES, values.shape[1] // TILES
    tiles = values[: height * TILES, : width * TILES].reshape(TILES, height, TILES, width)
    return tiles.sum((1, 3), dtype="float64")


def fingerprint_of(image: "Image") -> int:
    """64 bits: which of the 8 x 8 lowest frequencies, without the mean ones, lie above their median.

    pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"), of 32 x 32 pixels.
    """
    import numpy as np
    from PIL.Image import Resampling

    grey = np.asarray(image.convert("L").resize((HASH_SIDE, HASH_SIDE), Resampling.BOX), dtype=np.float64)
    frequencies = np.arange(1, 9)[:, None] * (np.arange(HASH_SIDE) + 0.5) * np.pi / HASH_SIDE
    cosines = np.cos(frequencies)
    coefficients = (cosines @ grey @ cosines.T).ravel()
    bits = coefficients > np.median(coefficients)
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
