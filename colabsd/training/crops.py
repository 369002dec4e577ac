"""Crops: the largest piece of a photo with a given shape around the point that matters, as Birme cuts them in bulk.

Also aspect-ratio buckets, so that nothing has to be cut to squares. Knows no files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from colabsd.geometry import Size

CropChoice = Literal["middle", "salience", "face", "chosen"]
"""By what a crop was placed: the middle, what catches the eye, a face, or somebody's own choice."""
MOST_RATIO = 2.0  # of a bucket's sides


@dataclass(frozen=True)
class Point:
    """A place in a photo in shares of its width and height: (0, 0) is its upper left corner, (1, 1) its lower right."""

    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A piece of an upright photo in its own pixels: the upper left corner, then the size. `by` says who chose it."""

    left: int
    top: int
    width: int
    height: int
    by: CropChoice = "middle"

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and lower edge, as Pillow counts them."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    @classmethod
    def around(
        cls, photo: Size, focus: Point, shape: Size, *, share: float = 1.0, anchor: Point | None = None, by: CropChoice
    ) -> Self:
        """The largest piece of a photo with the ratio of `shape`, or `share` of that, whose `anchor` lies on `focus`.

        The anchor is a place in the piece, None for its middle. Where the piece would stick out it is moved inside.
        """
        place = anchor or Point()
        largest = min(photo.width / shape.width, photo.height / shape.height)
        scale = largest * min(max(share, 1 / max(photo.width, photo.height)), 1.0)
        width = min(max(1, round(shape.width * scale)), photo.width)
        height = min(max(1, round(shape.height * scale)), photo.height)
        left = round(focus.x * photo.width - place.x * width)
        top = round(focus.y * photo.height - place.y * height)
        return cls(
            left=min(max(left, 0), photo.width - width),
            top=min(max(top, 0), photo.height - height),
            width=width,
            height=height,
            by=by,
        )

    @classmethod
    def whole(cls, photo: Size) -> Self:
        """All of a photo."""
        return cls(left=0, top=0, width=photo.width, height=photo.height)

    def fitted(self, shape: Size) -> Self:
        """The largest piece from the middle of this one with the ratio of `shape`."""
        inner = Crop.around(self.size, Point(), shape, by=self.by)
        return type(self)(
            left=self.left + inner.left, top=self.top + inner.top, width=inner.width, height=inner.height, by=self.by
        )


def bucket_sizes(area: int, multiple: int, most_ratio: float = MOST_RATIO) -> tuple[Size, ...]:
    """Sizes of at most `area` pixels whose sides are multiples, from the tallest to the widest.

    For every width the largest height that keeps within the area, as NovelAI described its buckets (Anlatan 2022).
    """
    found = []
    longest = math.isqrt(int(area * most_ratio))
    for width in range(multiple, longest + 1, multiple):
        height = area // width // multiple * multiple
        if height and max(width, height) <= most_ratio * min(width, height):
            found.append(Size(width, height))
    side = max(multiple, math.isqrt(area) // multiple * multiple)
    return tuple(sorted({*found, Size(side, side)}, key=lambda size: (size.width / size.height, size.pixels)))


def buckets(sizes: Sequence[Size], area: int, multiple: int) -> tuple[Size, ...]:
    """For each photo's size the bucket whose ratio is nearest to its own; of two alike the larger."""
    known = bucket_sizes(area, multiple)
    return tuple(min(known, key=lambda bucket: _distance(bucket, size)) for size in sizes)


def _distance(bucket: Size, size: Size) -> tuple[float, int]:
    ratio = bucket.width * size.height / (bucket.height * size.width)
    return abs(math.log(ratio)), -bucket.pixels
