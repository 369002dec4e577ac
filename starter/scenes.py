"""Scenes: what is to be seen and where, drawn at random by a recipe, and painted. Knows nothing of captions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .concepts import Concept
from .data import Drawings, Pixels
from .palette import COLOURS, Rgb
from .recipe import STYLES, SceneRecipe

PLACES: dict[str, tuple[Rgb, Rgb, float]] = {  # above, below, height of the horizon as a fraction from the top
    "sky": ((110, 180, 245), (215, 236, 252), 1.0),
    "grass": ((165, 215, 248), (95, 175, 80), 0.62),
    "night": ((18, 20, 60), (48, 46, 110), 1.0),
    "sea": ((170, 220, 250), (30, 110, 180), 0.58),
}
SHADE = 5  # a background colour is met at up to this many levels from its value


@dataclass(frozen=True)
class Background:
    """`kind` is plain (one colour), gradient (the first colour above, the second below) or place (no colour)."""

    kind: str
    colours: tuple[str, ...] = ()
    place: str | None = None
    shade: Rgb = (0, 0, 0)


@dataclass(frozen=True)
class Spot:
    """Centre and side of a drawing, as fractions of the picture's side."""

    x: float
    y: float
    side: float


@dataclass(frozen=True)
class Thing:
    """A concept, once for every spot; `tint` is a colour's id when it is painted in a colour not its own."""

    concept: Concept
    spots: tuple[Spot, ...]
    tint: str | None = None


@dataclass(frozen=True)
class Scene:
    """All that a picture shows; two things stand from left to right."""

    style: str
    background: Background
    things: tuple[Thing, ...]


def random_scene(
    rng: random.Random,
    concepts: Sequence[Concept],
    recipe: SceneRecipe,
    *,
    concept: Concept | None = None,
    style: str | None = None,
    colour: str | None = None,
) -> Scene:
    """A scene by the recipe's shares; what is given is not drawn by chance."""
    style = style or rng.choice(STYLES)
    first = concept or rng.choice(concepts)
    background = _background(rng, recipe, colour)
    if rng.random() < recipe.two_things:
        second = rng.choice([other for other in concepts if other.id != first.id])
        left, right = pair_of_spots(rng)
        return Scene(style, background, (Thing(first, (left,)), Thing(second, (right,))))
    tint = rng.choice(list(COLOURS)) if rng.random() < recipe.tinted else None
    if rng.random() < recipe.several:
        count = rng.choice((2, 3))
        return Scene(style, background, (Thing(first, row_of_spots(rng, count), tint),))
    side = rng.uniform(recipe.smallest, recipe.largest)
    margin = (1 - side) / 2 * recipe.wander
    spot = Spot(0.5 + rng.uniform(-margin, margin), 0.5 + rng.uniform(-margin, margin), side)
    return Scene(style, background, (Thing(first, (spot,), tint),))


def _background(rng: random.Random, recipe: SceneRecipe, colour: str | None) -> Background:
    chance = rng.random()
    if colour is None and chance < recipe.places:
        return Background("place", place=rng.choice(list(PLACES)))
    shade = tuple(rng.randint(-SHADE, SHADE) for _ in range(3))
    first = colour or rng.choice(list(COLOURS))
    if colour is None and chance < recipe.places + recipe.gradients:
        second = rng.choice([other for other in COLOURS if other != first])
        return Background("gradient", (first, second))
    return Background("plain", (first,), shade=(shade[0], shade[1], shade[2]))


def _spot(rng: random.Random, smallest: float, largest: float, x: float, y: float, jitter: float) -> Spot:
    return Spot(x + rng.uniform(-0.02, 0.02), y + rng.uniform(-jitter, jitter), rng.uniform(smallest, largest))


def pair_of_spots(rng: random.Random) -> tuple[Spot, Spot]:
    """Two places side by side, left and right."""
    left, right = (_spot(rng, 0.42, 0.48, x, 0.5, 0.1) for x in (0.26, 0.74))
    return left, right


def row_of_spots(rng: random.Random, count: int) -> tuple[Spot, ...]:
    """`count` places in a row."""
    side = 0.94 / count
    return tuple(_spot(rng, side * 0.9, side, (place + 0.5) / count, 0.5, 0.06) for place in range(count))


def paint(scene: Scene, drawings: Drawings, size: int | None = None) -> Pixels:
    """The scene as (size, size, 3) uint8 RGB; `size` is the drawings' own when not given."""
    size = size or drawings.size
    canvas = Image.fromarray(paint_background(scene.background, size))
    for thing in scene.things:
        cut_out = cut_out_of(thing.concept, scene.style, drawings)
        if thing.tint is not None:
            cut_out = tinted(cut_out, COLOURS[thing.tint].rgb)
        for spot in thing.spots:
            side = max(1, round(spot.side * size))
            small = cut_out.resize((side, side), Image.Resampling.BILINEAR)
            canvas.paste(small, (round(spot.x * size - side / 2), round(spot.y * size - side / 2)), small)
    return np.asarray(canvas)


def cut_out_of(concept: Concept, style: str, drawings: Drawings) -> Image.Image:
    """One drawing as an RGBA picture."""
    row = next(index for index, other in enumerate(drawings.concepts) if other.id == concept.id)
    return Image.fromarray(np.ascontiguousarray(drawings.pixels[row, STYLES.index(style)]))


def paint_background(background: Background, size: int) -> Pixels:
    """The empty scene as (size, size, 3) uint8 RGB."""
    if background.kind == "place":
        assert background.place is not None
        above, below, horizon = PLACES[background.place]
        height = (np.arange(size) + 0.5) / size
        blend = height if horizon == 1.0 else (height > horizon).astype(float)
    else:
        above, below = COLOURS[background.colours[0]].rgb, COLOURS[background.colours[-1]].rgb
        blend = np.linspace(0.0, 1.0, size)
    column = np.asarray(above) + blend[:, None] * (np.asarray(below, float) - np.asarray(above))
    shaded = np.clip(column + np.asarray(background.shade), 0, 255).round().astype(np.uint8)
    return np.broadcast_to(shaded[:, None, :], (size, size, 3)).copy()


def tinted(cut_out: Image.Image, rgb: Rgb) -> Image.Image:
    """The drawing in one colour: its own light and dark, the colour's hue."""
    pixels = np.asarray(cut_out).astype(np.float32)
    light = pixels[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    middle = float(np.average(light, weights=pixels[..., 3] + 1e-6))
    colour = np.asarray(rgb, np.float32) * (0.35 + 0.65 * np.clip(light / max(middle, 0.05), 0, 1.6))[..., None]
    painted = np.concatenate([np.clip(colour, 0, 255), pixels[..., 3:]], axis=-1)
    return Image.fromarray(painted.round().astype(np.uint8))
