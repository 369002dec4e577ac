"""Frames as PNGs: every pixel and the text come back, for PIL and for our own reader of texts."""

import io

import numpy as np
import pytest
from PIL import Image

from colabsd.library.png_text import read_png_text
from colabsd.video.frame_png import encode_png


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (9, 1), (33, 47)])
def test_pixels_and_text_come_back(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = encode_png(pixels, "colabsd", '{"who": "ñ€"}')
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), pixels)
        assert image.info["colabsd"] == '{"who": "ñ€"}'
    assert read_png_text(io.BytesIO(data)) == {"colabsd": '{"who": "ñ€"}'}


def test_smooth_pictures_become_small() -> None:
    smooth = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (64, 64, 3))
    assert len(encode_png(np.ascontiguousarray(smooth), "colabsd", "")) < 1000
