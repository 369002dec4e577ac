"""Pictures as bytes that a browser shows: previews made of arrays, small copies of files. Trusts no file."""

import io
import warnings
from pathlib import Path
from typing import Any

from colabsd.errors import NotAPictureError
from colabsd.storage.failures import storage_errors

MOST_PIXELS = 50_000_000  # a picture that says it has more is not opened
QUALITY = 85
FORMATS = ("PNG", "JPEG", "WEBP")


def preview_bytes(pixels: Any, side: int = 256) -> bytes:
    """(H, W, 3) uint8, as small as latents -> JPEG with `side` pixels on its longer side."""
    from PIL import Image

    image = Image.fromarray(pixels)
    scale = side / max(image.size)
    if scale > 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BICUBIC)
    return _jpeg(image)


def shown_bytes(image: Any, side: int = 768) -> bytes:
    """A PIL picture as JPEG, at most `side` pixels on its longer side."""
    small = image.convert("RGB")
    small.thumbnail((side, side))
    return _jpeg(small)


def small_copy(path: Path, side: int = 768) -> bytes:
    """A picture file as JPEG, at most `side` pixels on its longer side. Raises: NotAPictureError, StorageError."""
    from PIL import Image

    with storage_errors(path), path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise NotAPictureError("error.picture.unreadable", path=path)
                return shown_bytes(image, side)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            raise NotAPictureError("error.picture.unreadable", path=path) from None


def _jpeg(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
