"""Pictures as a browser is given them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colabsd.errors import NotAPictureError
from colabsd.widgets.pixels import preview_bytes, shown_bytes, small_copy


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_preview_as_small_as_latents_is_made_large_enough_to_see() -> None:
    image = opened(preview_bytes(np.zeros((16, 24, 3), np.uint8), 256))
    assert image.format == "JPEG" and image.size == (256, 171)


def test_a_large_picture_is_made_smaller_and_a_small_one_left(tmp_path: Path) -> None:
    assert opened(shown_bytes(Image.new("RGB", (2000, 1000)), 500)).size == (500, 250)
    path = tmp_path / "a.png"
    Image.new("RGBA", (40, 30)).save(path)
    assert opened(small_copy(path)).size == (40, 30)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100])
def test_what_is_no_picture_is_our_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(NotAPictureError):
        small_copy(path)
