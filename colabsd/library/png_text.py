"""The text chunks of a PNG, read without decoding the picture and without trusting a length in it.

Follows the PNG specification (third edition, W3C 2025), sections 5.3 and 11.3.3: tEXt, zTXt and iTXt.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST_TEXT = 1_000_000
MOST_TEXT = 16_000_000  # bytes unpacked of all texts together
MOST_CHUNKS = 10_000


class BrokenPngError(Exception):
    """The file ends or breaks before its pixels begin. The argument is a short reason."""


def read_png_text(file: BinaryIO) -> dict[str, str]:
    """Texts by keyword, the first of each; texts longer than a million bytes, packed or not, are left out.

    So are those that come after 16 million bytes. Reads up to the end of the file but skips the pixels. Raises:
    BrokenPngError.
    """
    texts: dict[str, str] = {}
    left = MOST_TEXT
    for kind, data in _chunks(file):
        name, _, rest = data.partition(b"\x00")
        keyword = name.decode("latin-1")
        if keyword in texts or left <= 0:
            continue
        text = DECODERS[kind](rest)
        left -= LONGEST_TEXT if text is None else len(text)
        if text is not None:
            texts[keyword] = text
    return texts


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The text chunks of bearable length whose checksum is right."""
    if file.read(8) != SIGNATURE:
        raise BrokenPngError("signature")
    pixels = False
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        pixels = pixels or kind == b"IDAT"
        if kind not in DECODERS or length > LONGEST_TEXT + 200:
            file.seek(length + 4, 1)
            continue
        data, check = file.read(length), file.read(4)
        if len(check) == 4 and zlib.crc32(kind + data) == int.from_bytes(check, "big"):
            yield kind, data
    if not pixels:
        raise BrokenPngError("truncated")


def _plain(data: bytes) -> str:
    return data.decode("latin-1")


def _packed(data: bytes) -> str | None:
    text = _unpack(data[1:])
    return None if text is None else text.decode("latin-1")


def _international(data: bytes) -> str | None:
    parts = data[2:].split(b"\x00", 2)  # language, translated keyword, text
    text = parts[2] if len(parts) == 3 else None
    if text is not None and data[:1] == b"\x01":
        text = _unpack(text)
    return None if text is None else text.decode("utf-8", "replace")


def _unpack(data: bytes) -> bytes | None:
    """The unpacked text, or None when it is damaged or longer than it may be (a bomb)."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, LONGEST_TEXT)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail else text


# What comes after the keyword, as text; None where it cannot be one.
DECODERS = {b"tEXt": _plain, b"zTXt": _packed, b"iTXt": _international}
