"""Small pictures of pictures, made from files that nobody vouches for. Knows no library.

A hostile file costs no more than a large honest one: sizes are read before pixels are, and what could take the memory
(texts, chunks without end, a JPEG of a thousand scans) is refused unread.
"""

import io
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from colabsd.errors import NotAPictureError
from colabsd.library.picture_files import check_exif_file
from colabsd.library.png_text import SIGNATURE
from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 192
QUALITY = 88
LARGEST_THUMBNAIL = 64 * 1024  # bytes; the noisiest one takes 40 kB
MOST_MEGAPIXELS = 100
MOST_CHUNKS = 100_000
LARGEST_CHUNKS = 16_000_000  # bytes of a PNG beside its pixels
MOST_SCANS = 200  # of a progressive JPEG, each of which is decoded over the whole picture; usual are ten
START_OF_SCAN = b"\xff\xda"
BLOCK_BYTES = 1 << 20
AVERAGED = ("L", "LA", "RGB", "RGBA")
WHITE = (255, 255, 255)


def make_thumbnail(image: "Image") -> bytes:
    """The picture as a JPEG of at most 192 pixels a side, on white where it is transparent. It is left as it is."""
    from PIL import Image as Images

    small = (image if image.mode in AVERAGED else _eight_bits(image)).reduce(_shrinking(image))
    if small.mode not in ("RGB", "L"):
        small = _on_white(small)
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Images.Resampling.BICUBIC, reducing_gap=None)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def read_thumbnail(path: Path) -> bytes:
    """The thumbnail of a picture file. Raises: NotAPictureError, StorageError."""
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    check_file(path)
    try:
        with warnings.catch_warnings(action="ignore"), Images.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MOST_MEGAPIXELS * 1_000_000:
                raise NotAPictureError("error.picture.too_large", path=path, limit=MOST_MEGAPIXELS)
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded at a half, a quarter or an eighth
            image.load()
            return make_thumbnail(image)
    except UnidentifiedImageError:
        raise NotAPictureError(path=path) from None
    except Images.DecompressionBombError:
        raise NotAPictureError("error.picture.too_large", path=path, limit=MOST_MEGAPIXELS) from None
    except FileNotFoundError:
        raise NotAPictureError("error.picture.missing", path=path) from None
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, IndexError, EOFError, struct.error, MemoryError):
        raise NotAPictureError("error.picture.truncated", path=path) from None


def is_thumbnail(data: bytes) -> bool:
    """Whether bytes that somebody wrote are a small JPEG and can be shown as one."""
    from PIL import Image as Images

    if len(data) > LARGEST_THUMBNAIL:
        return False
    try:
        with Images.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return max(image.size) <= LONGEST_SIDE and data.count(START_OF_SCAN) <= MOST_SCANS
    except (OSError, ValueError, SyntaxError, Images.DecompressionBombError):
        return False


def _shrinking(image: "Image") -> tuple[int, int]:
    """By how much averaging whole pixels makes each side smaller without going below twice the thumbnail's."""
    factor = max(1, max(image.size) // (2 * LONGEST_SIDE))
    return min(factor, image.width), min(factor, image.height)


def _eight_bits(image: "Image") -> "Image":
    """The picture in a mode whose pixels can be averaged; of 16 bits a pixel the upper eight."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _on_white(image: "Image") -> "Image":
    from PIL import Image as Images

    layer = image.convert("RGBA")
    white = Images.new("RGB", layer.size, WHITE)
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def check_file(path: Path) -> None:
    """Raises: NotAPictureError when the file is no plain one, or larger inside than a picture can be."""
    if path.exists() and not path.is_file():
        raise NotAPictureError(path=path)
    if not path.exists():
        raise NotAPictureError("error.picture.missing", path=path)
    with storage_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        if file.read(len(SIGNATURE)) == SIGNATURE:
            bearable = _has_bearable_chunks(file, size)
        else:
            check_exif_file(file, path)
            bearable = _has_bearable_scans(file)
    if not bearable:
        raise NotAPictureError("error.picture.truncated", path=path)


def _has_bearable_chunks(file: BinaryIO, size: int) -> bool:
    """Whether a PNG has few chunks, all of them inside the file, and little beside its pixels."""
    beside, place = 0, len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return True  # cut off: whoever decodes it finds out
        length, kind = struct.unpack(">I4s", head)
        beside += 0 if kind == b"IDAT" else length
        place += 12 + length
        if kind == b"IEND" or (place > size and kind == b"IDAT"):
            return beside <= LARGEST_CHUNKS
        if place > size or beside > LARGEST_CHUNKS:
            return False
    return False


def _has_bearable_scans(file: BinaryIO) -> bool:
    """Whether a JPEG has few scans. In its pixels the marker cannot stand; in texts it may, a few times."""
    if file.read(2) != b"\xff\xd8":
        return True
    scans, before = 0, b""
    while block := file.read(BLOCK_BYTES):
        scans += (before + block).count(START_OF_SCAN)
        before = block[-1:]
    return scans <= MOST_SCANS
