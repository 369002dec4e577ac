"""What planning knows of a set of photos to train on: numbers and digests. Nothing knows their pixels here."""

from dataclasses import dataclass
from typing import Literal, get_args

from colabsd.geometry import Size

PhotoKind = Literal["object", "person", "style"]
PHOTO_KINDS: tuple[PhotoKind, ...] = get_args(PhotoKind)
"""What photos show: one thing or animal, one person, or many things in one style."""


@dataclass(frozen=True, kw_only=True)
class PhotoFacts:
    """A set of photos in numbers.

    `sha256` is the set's own: of its files, crops and captions in their order. `sizes` are the crops in pixels of the
    originals, `captioned` how many have a caption, `problems` how many have something to mend, `bytes` what the files
    take.
    """

    kind: PhotoKind
    sha256: str
    sizes: tuple[Size, ...]
    captioned: int = 0
    problems: int = 0
    bytes: int = 0

    @property
    def count(self) -> int:
        return len(self.sizes)

    @property
    def smallest_side(self) -> int:
        """The shortest side of all crops, in pixels; 0 of no photos."""
        return min((min(size.width, size.height) for size in self.sizes), default=0)

    @property
    def is_square(self) -> bool:
        """Whether all crops are squares."""
        return all(size.width == size.height for size in self.sizes)
