"""Small shapes drawn with PIL, in place of the fetched drawings: enough to train on, measure and export."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from starter.concepts import Concept
from starter.data import Drawings
from starter.recipe import STYLES

Painter = Callable[[ImageDraw.ImageDraw, int, tuple[int, int, int]], None]

SHAPES: dict[str, tuple[str, str, str, Painter]] = {
    "ball": ("ball", "pelota", "f", lambda pen, side, fill: pen.ellipse((2, 2, side - 3, side - 3), fill)),
    "box": ("box", "caja", "f", lambda pen, side, fill: pen.rectangle((3, 3, side - 4, side - 4), fill)),
    "roof": (
        "roof",
        "techo",
        "m",
        lambda pen, side, fill: pen.polygon(((side // 2, 2), (2, side - 3), (side - 3, side - 3)), fill),
    ),
    "pole": (
        "pole",
        "poste",
        "m",
        lambda pen, side, fill: pen.rectangle((side // 2 - 3, 1, side // 2 + 3, side - 2), fill),
    ),
    "cross": (
        "cross",
        "cruz",
        "f",
        lambda pen, side, fill: (
            pen.rectangle((side // 3, 2, 2 * side // 3, side - 3), fill),
            pen.rectangle((2, side // 3, side - 3, 2 * side // 3), fill),
        )[0],
    ),
    "ring": (
        "ring",
        "anillo",
        "m",
        lambda pen, side, fill: pen.ellipse((2, 2, side - 3, side - 3), None, fill, side // 6),
    ),
}
FILLS = {"3d": (200, 60, 160), "flat": (40, 200, 200), "drawing": (120, 110, 10)}


def concepts() -> list[Concept]:
    """One concept a shape."""
    return [
        Concept(name, "first", "things", "0", (english,), (spanish,), (gender,), dict.fromkeys(STYLES, name))
        for name, (english, spanish, gender, _) in SHAPES.items()
    ]


def drawings(size: int = 32) -> Drawings:
    """Every shape in three fills."""
    pixels = np.zeros((len(SHAPES), len(STYLES), size, size, 4), np.uint8)
    for row, (_, _, _, painter) in enumerate(SHAPES.values()):
        for column, style in enumerate(STYLES):
            picture = Image.new("RGBA", (size, size))
            painter(ImageDraw.Draw(picture), size, FILLS[style])
            pixels[row, column] = np.asarray(picture)
    return Drawings(concepts(), pixels)
