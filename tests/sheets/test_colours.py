"""The difference of colours: that of CIE 1976, on colours with known coordinates."""

import pytest
from PIL import Image

from colabsd.sheets.colours import colour_difference


def plain(colour: str) -> Image.Image:
    return Image.new("RGB", (5, 4), colour)


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ("#000000", "#ffffff", 100.0),
        ("#777777", "#777777", 0.0),
        # L*a*b* of sRGB's primaries: red 53.24, 80.09, 67.20; green 87.73, -86.18, 83.18; blue 32.30, 79.19, -107.86
        ("#ff0000", "#00ff00", 170.6),
        ("#ff0000", "#0000ff", 176.3),
    ],
)
def test_known_colours_are_as_far_apart_as_they_are(first: str, second: str, difference: float) -> None:
    found = colour_difference(plain(first), plain(second))
    assert found == pytest.approx(difference, abs=0.15)  # the tables round the white
    assert found == pytest.approx(colour_difference(plain(second), plain(first)))


def test_it_is_the_mean_over_the_pixels() -> None:
    half = plain("#000000")
    half.paste("#ffffff", (0, 0, 5, 2))
    assert colour_difference(half, plain("#000000")) == pytest.approx(50, abs=0.01)


def test_the_second_is_scaled_to_the_first() -> None:
    assert colour_difference(plain("#336699"), plain("#336699").resize((50, 40))) == pytest.approx(0, abs=1e-9)
