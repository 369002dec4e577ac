"""Sizes and how they are snapped. Pure arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """A picture's size in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def snap(length: int, multiple: int) -> int:
    """The multiple nearest to `length` (halves go up), never 0."""
    return max(multiple, (length + multiple // 2) // multiple * multiple)


def fit_ratio(size: Size, pixels: int, multiple: int) -> Size:
    """The size of about `pixels` area with the ratio of `size`, each side a multiple of `multiple`."""
    scale = (pixels / size.pixels) ** 0.5
    return Size(snap(round(size.width * scale), multiple), snap(round(size.height * scale), multiple))
