"""Picture files as other programs write them: PNG texts, EXIF, XMP, hidden alpha."""

import gzip
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SIZE = (64, 48)


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """A PNG with texts, each written as Pillow's `add_text` does; values that are no text become JSON."""

    def make(texts: Mapping[str, Any], name: str = "picture.png", size: tuple[int, int] = SIZE) -> Path:
        info = PngInfo()
        for keyword, value in texts.items():
            info.add_text(keyword, value if isinstance(value, str) else json.dumps(value))
        Image.new("RGB", size, "red").save(tmp_path / name, pnginfo=info)
        return tmp_path / name

    return make


@pytest.fixture
def exif_file(tmp_path: Path) -> Callable[..., Path]:
    """A JPEG or WebP whose EXIF folder has a UserComment in a character code, as piexif writes it."""

    def make(comment: str, name: str = "picture.jpg", code: bytes = b"UNICODE\x00", codec: str = "utf-16-be") -> Path:
        exif = Image.Exif()
        exif[0x8769] = {0x9286: code + comment.encode(codec)}
        Image.new("RGB", SIZE, "red").save(tmp_path / name, exif=exif.tobytes())
        return tmp_path / name

    return make


@pytest.fixture
def stealth_png(tmp_path: Path) -> Callable[..., Path]:
    """A PNG with a text in the lowest bits of its alpha channel, column by column."""

    def make(text: str, packed: bool = True, length_bits: int | None = None, size: tuple[int, int] = (96, 96)) -> Path:
        data = gzip.compress(text.encode()) if packed else text.encode()
        length = len(data) * 8 if length_bits is None else length_bits
        head = (b"stealth_pngcomp" if packed else b"stealth_pnginfo") + struct.pack(">I", length)
        bits = np.unpackbits(np.frombuffer(head + data, dtype=np.uint8))
        columns = np.full(size[0] * size[1], 255, dtype=np.uint8)
        columns[: len(bits)] = 254 | bits[: len(columns)]
        image = Image.new("RGBA", size, "red")
        image.putalpha(Image.fromarray(np.ascontiguousarray(columns.reshape(size[0], size[1]).T)))
        image.save(tmp_path / "stealth.png")
        return tmp_path / "stealth.png"

    return make
