"""What shape crops have: squares, one ratio for all, or for each photo the bucket that is nearest to its own."""

import re
from collections.abc import Sequence

from colabsd.errors import InvalidSettingError
from colabsd.geometry import Size
from colabsd.training.crops import buckets

SQUARE = "1:1"
OWN = "own"
SHAPES = (SQUARE, "3:4", "4:3", "2:3", "3:2", OWN)
BUCKET_MULTIPLE = 64
RATIO = re.compile(r"\s*(\d{1,4})\s*[:/xX]\s*(\d{1,4})\s*")
MOST_RATIO = 4


def shapes_of(asked: str, sizes: Sequence[Size], side: int) -> tuple[Size, ...]:
    """The ratio of each photo's crop: `3:4` for all, or with `own` that of its bucket of about side x side pixels.

    Raises: InvalidSettingError.
    """
    if asked.strip().casefold() == OWN:
        return buckets(sizes, side * side, min(BUCKET_MULTIPLE, max(8, side // 8)))
    found = RATIO.fullmatch(asked)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not width or not height or max(width, height) > MOST_RATIO * min(width, height):
        raise InvalidSettingError("error.photos.shape", field="shape", value=asked, shapes=", ".join(SHAPES))
    return (Size(width, height),) * len(sizes)


def size_of(shape: Size, side: int) -> Size:
    """The size in pixels of a crop of that ratio: about side x side, each side a multiple of 8."""
    scale = side / (shape.width * shape.height) ** 0.5
    return Size(max(8, round(shape.width * scale / 8) * 8), max(8, round(shape.height * scale / 8) * 8))
