"""Texts hidden in the lowest bits of a PNG's alpha channel, as NovelAI and some extensions of A1111 write them.

Column by column, one bit a pixel: a signature of 15 bytes, the length in bits as 32 bits, then the text, packed with
gzip or plain.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

from colabsd.errors import NotAPictureError
from colabsd.library.png_text import LONGEST_TEXT

PACKED, PLAIN = b"stealth_pngcomp", b"stealth_pnginfo"
HEAD_BYTES = len(PACKED) + 4
MOST_PIXELS = 64 * 2**20
GZIP = 31  # zlib's window bits for gzip's format


def read_stealth_text(path: Path) -> str | None:
    """The hidden text of a PNG with an alpha channel, or None. Decodes the picture. Raises: NotAPictureError."""
    alpha = _alpha(path)
    if alpha is None or alpha.size < HEAD_BYTES * 8:
        return None
    head = _bytes(alpha, 0, HEAD_BYTES)
    signature, length = head[: len(PACKED)], struct.unpack(">I", head[len(PACKED) :])[0] // 8
    if signature not in (PACKED, PLAIN) or not 0 < length <= min(LONGEST_TEXT, alpha.size // 8 - HEAD_BYTES):
        return None
    text = _bytes(alpha, HEAD_BYTES, length)
    if signature == PACKED:
        unpacker = zlib.decompressobj(wbits=GZIP)
        try:
            text = unpacker.decompress(text, LONGEST_TEXT)
        except zlib.error:
            return None
        if not unpacker.eof:  # cut, or longer than it may be
            return None
    return text.decode("utf-8", "replace")


def _alpha(path: Path) -> Any:
    """The alpha channel as columns, one after the other, (width x height) of uint8; None where there is none."""
    import numpy as np
    from PIL import Image as Images

    try:
        with Images.open(path, formats=("PNG",)) as image:
            if image.mode != "RGBA" or image.width * image.height > MOST_PIXELS:
                return None
            return np.asarray(image.getchannel("A")).T.reshape(-1)
    except (OSError, ValueError, SyntaxError, Images.DecompressionBombError):
        raise NotAPictureError("error.picture.truncated", path=path) from None


def _bytes(alpha: Any, start: int, count: int) -> bytes:
    import numpy as np

    packed: bytes = np.packbits(alpha[start * 8 : (start + count) * 8] & 1).tobytes()
    return packed
