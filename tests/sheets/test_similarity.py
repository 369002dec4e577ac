"""Structural similarity: the paper's formula as a plain loop, another program's figures, and what a measure must be."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colabsd.sheets.similarity import similarity

ROUNDING = 1e-12  # float64 sums in another order


def picture(seed: int, width: int = 48, height: int = 32) -> Image.Image:
    """Soft blobs of colour: 12 x 8 random pixels, enlarged."""
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)


def disturbed(image: Image.Image, amplitude: int) -> Image.Image:
    noise = np.random.default_rng(1).integers(-amplitude, amplitude + 1, (*image.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(image, dtype=np.int64) + noise, 0, 255).astype(np.uint8))


def by_the_paper(first: Image.Image, second: Image.Image) -> float:
    """Equations 13 to 17 of Wang et al. 2004, window by window."""
    x, y = (np.asarray(image.convert("L"), dtype=np.float64) for image in (first, second))
    weights = np.array([[math.exp(-(i * i + j * j) / (2 * 1.5**2)) for j in range(-5, 6)] for i in range(-5, 6)])
    weights /= weights.sum()
    c1, c2, found = (0.01 * 255) ** 2, (0.03 * 255) ** 2, []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (side[top : top + 11, left : left + 11] for side in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variance_a, variance_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            found.append(
                (2 * mean_a * mean_b + c1)
                * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
            )
    return float(np.mean(found))


@pytest.mark.parametrize("amplitude", [0, 8, 60, 255])
def test_it_is_the_papers_formula(amplitude: int) -> None:
    first = picture(4)
    second = disturbed(first, amplitude)
    assert similarity(first, second) == pytest.approx(by_the_paper(first, second), abs=1e-9)  # E[x²] - E[x]² rounds


@pytest.mark.parametrize(
    ("amplitude", "figure"),
    # skimage.metrics.structural_similarity 0.26.0 of the lumas with gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False, data_range=255
    [(8, 0.993626266434), (60, 0.791185338841), (255, 0.235334768266)],
)
def test_it_agrees_with_scikit_image(amplitude: int, figure: float) -> None:
    first = picture(4)
    assert similarity(first, disturbed(first, amplitude)) == pytest.approx(figure, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_it_is_symmetric_bounded_and_one_for_equals(one: int, other: int, width: int, height: int) -> None:
    first, second = picture(one, width, height), picture(other, width, height)
    assert similarity(first, first) == pytest.approx(1, abs=ROUNDING)
    assert similarity(first, second) == pytest.approx(similarity(second, first), abs=ROUNDING)
    assert -1 <= similarity(first, second) <= 1


def test_more_disturbance_is_less_alike() -> None:
    first = picture(4)
    figures = [similarity(first, disturbed(first, amplitude)) for amplitude in (0, 4, 16, 64, 255)]
    assert figures == sorted(figures, reverse=True)


def test_of_two_sizes_the_larger_is_scaled() -> None:
    small, large = picture(4), picture(4, 480, 320)
    assert similarity(small, large) == similarity(large, small) > 0.95


def test_any_mode_of_picture_will_do() -> None:
    colour = picture(4)
    transparent = colour.convert("RGBA")
    transparent.putalpha(7)
    assert similarity(colour, transparent) == similarity(colour, colour.convert("RGB"))
    assert similarity(colour.convert("P"), colour) > 0.8
    assert similarity(colour.convert("L"), colour.convert("L")) == pytest.approx(1, abs=ROUNDING)
