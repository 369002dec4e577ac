"""What does a picture show? Nearest drawing on the picture's own background. numpy and PIL only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIDE = 32  # pictures are compared at this side
DIFFERENT = 40  # levels by which something stands out from the background
FEWEST = 20  # pixels that stand out, or else the picture is empty
COLUMNS = 48


@dataclass
class Retrieval:
    """Reference drawings (n, SIDE, SIDE, 4) RGBA with the thing and style of each, and the background colours."""

    tiles: Bytes
    ids: Sequence[str]
    styles: Sequence[str]
    backgrounds: dict[str, tuple[int, int, int]]
    names: dict[str, dict[str, list[str]]]
    _on_colour: dict[str, Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def from_sheet(cls, path: Path | str) -> Retrieval:
        """The references of a sprite sheet and the .json of the same name beside it."""
        path = Path(path)
        table = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        sheet = np.asarray(Image.open(path).convert("RGBA"))
        count, columns = len(table["tiles"]), table["columns"]
        tiles = np.stack([_tile(sheet, place // columns, place % columns) for place in range(count)])
        backgrounds = {name: (rgb[0], rgb[1], rgb[2]) for name, rgb in table["backgrounds"].items()}
        ids, styles = zip(*table["tiles"], strict=True)
        return cls(tiles, ids, styles, backgrounds, table["names"])

    def save_sheet(self, path: Path, quality: int = 80) -> None:
        """Write the sprite sheet (WebP) and the .json beside it."""
        rows = (len(self.tiles) + COLUMNS - 1) // COLUMNS
        sheet = np.zeros((rows * SIDE, COLUMNS * SIDE, 4), np.uint8)
        for place, tile in enumerate(self.tiles):
            _tile(sheet, place // COLUMNS, place % COLUMNS)[:] = tile
        Image.fromarray(sheet).save(path, quality=quality, method=4)
        table = {
            "side": SIDE,
            "columns": COLUMNS,
            "backgrounds": {name: list(rgb) for name, rgb in self.backgrounds.items()},
            "names": self.names,
            "tiles": [list(pair) for pair in zip(self.ids, self.styles, strict=True)],
        }
        path.with_suffix(".json").write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")

    def background(self, image: Image.Image | Bytes) -> str:
        """The background colour that is nearest to the median of the picture's border."""
        border = _border(_pixels(image))
        return min(self.backgrounds, key=lambda name: float(np.abs(np.subtract(self.backgrounds[name], border)).sum()))

    def rank(self, image: Image.Image | Bytes, background: str | None = None) -> list[tuple[str, str]]:
        """Every reference as (thing, style), the likest first; `background` is looked for when not given.

        Raises: KeyError for a background that is not in `backgrounds`.
        """
        pixels = _pixels(image)
        distances = self._distances(pixels, background or self.background(pixels))
        return [(self.ids[place], self.styles[place]) for place in np.argsort(distances, kind="stable")]

    def distance(self, image: Image.Image | Bytes, thing: str, background: str) -> float:
        """Mean absolute difference in levels to the nearest drawing of one thing, of whatever style."""
        mine = [place for place, name in enumerate(self.ids) if name == thing]
        return float(self._distances(_pixels(image), background)[mine].min())

    def _distances(self, pixels: Bytes, background: str) -> Floats:
        colour = np.asarray(self.backgrounds[background], np.float32)
        border = _border(pixels)
        moved = cut(pixels, border) - border + colour
        distances: Floats = np.abs(self._references(background) - moved).mean((1, 2, 3))
        return distances

    def things(self, image: Image.Image | Bytes, background: str | None = None) -> list[str]:
        """The ids of all things, the likest first, each once."""
        return list(dict.fromkeys(thing for thing, _ in self.rank(image, background)))

    def shows(self, image: Image.Image | Bytes, thing: str, background: str | None = None, among: int = 1) -> bool:
        """Whether `thing` is among the first on the picture, and the background, where given, is right."""
        right = background is None or self.background(image) == background
        return right and thing in self.things(image, background)[:among]

    def _references(self, name: str) -> Floats:
        if name not in self._on_colour:
            colour = np.asarray(self.backgrounds[name], np.float32)
            share = self.tiles[..., 3:].astype(np.float32) / 255
            laid = self.tiles[..., :3] * share + colour * (1 - share)
            self._on_colour[name] = np.stack([cut(picture, colour) for picture in laid])
        return self._on_colour[name]


def cut(pixels: Floats | Bytes, background: Floats) -> Floats:
    """The box of what stands out, squared with background, at SIDE; only background if nothing does."""
    picture = pixels.astype(np.float32)
    rows, columns = np.nonzero(np.abs(picture - background).max(-1) > DIFFERENT)
    if len(rows) < FEWEST:
        return np.broadcast_to(background, (SIDE, SIDE, 3)).astype(np.float32)
    part = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = part.shape[:2]
    side = max(height, width)
    square = np.empty((side, side, 3), np.float32)
    square[:] = background
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = part
    small = Image.fromarray(square.clip(0, 255).round().astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32)


def reference_tile(drawing: Image.Image) -> Bytes:
    """(SIDE, SIDE, 4): an RGBA drawing cut to what it covers, squared, made small."""
    box = drawing.getchannel("A").point(lambda alpha: 255 if alpha > DIFFERENT else 0).getbbox()
    part = drawing.crop(box)
    side = max(part.size)
    square = Image.new("RGBA", (side, side))
    square.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX))


def _pixels(image: Image.Image | Bytes) -> Bytes:
    return np.asarray(image.convert("RGB")) if isinstance(image, Image.Image) else image


def _border(pixels: Bytes) -> Floats:
    ring = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    middle: Floats = np.median(ring, 0).astype(np.float32)
    return middle


def _tile(sheet: Bytes, row: int, column: int) -> Bytes:
    return sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
