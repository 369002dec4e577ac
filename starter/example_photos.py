"""The photos that come along for trying a training out: five views of a poodle, which no version of the model has seen.

They are composed as every scene is, and kept in `colabsd/training/example_photos`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from .concepts import read_concepts
from .data import Drawings, Pixels, load_drawings
from .scenes import Background, Scene, Spot, Thing, paint

SUBJECT, CLASS, STYLE = "poodle", "dog", "3d"
SIZE = 256
QUALITY = 90
VIEWS: Sequence[tuple[str, Spot]] = (
    ("white", Spot(0.50, 0.50, 0.86)),
    ("blue", Spot(0.45, 0.54, 0.72)),
    ("yellow", Spot(0.54, 0.48, 0.80)),
    ("green", Spot(0.50, 0.52, 0.92)),
    ("pink", Spot(0.53, 0.55, 0.66)),
)


def views(drawings: Drawings, subject: str, size: int = SIZE) -> list[Pixels]:
    """One thing on five backgrounds, each at another place and size, as (size, size, 3) uint8 RGB."""
    concept = next(one for one in drawings.concepts if one.id == subject)
    scenes = [Scene(STYLE, Background("plain", (colour,)), (Thing(concept, (spot,)),)) for colour, spot in VIEWS]
    return [paint(scene, drawings, size) for scene in scenes]


def write_example_photos(folder: Path, cache: Path) -> None:
    """Write `photo-1.webp` to `photo-5.webp`."""
    drawings = load_drawings(read_concepts(), cache, SIZE)
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(views(drawings, SUBJECT), 1):
        Image.fromarray(pixels).save(folder / f"photo-{number}.webp", quality=QUALITY, method=6)
