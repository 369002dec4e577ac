"""Scenes: what was asked is painted where it was asked."""

from __future__ import annotations

import random

import numpy as np
import pytest
import shapes

from starter.palette import COLOURS
from starter.recipe import FULL, SceneRecipe
from starter.scenes import SHADE, Background, cut_out_of, paint, paint_background, random_scene, tinted

DRAWINGS = shapes.drawings()


@pytest.mark.parametrize("colour", COLOURS)
def test_the_border_has_the_background_colour(colour: str) -> None:
    scene = random_scene(random.Random(0), DRAWINGS.concepts, SceneRecipe(), colour=colour)
    picture = paint(scene, DRAWINGS).astype(int)
    assert np.abs(picture[0] - np.asarray(COLOURS[colour].rgb)).max() <= SHADE


def test_the_same_seed_gives_the_same_scene_and_another_another() -> None:
    def scene(seed: int) -> object:
        return random_scene(random.Random(seed), DRAWINGS.concepts, FULL.scenes)

    assert scene(1) == scene(1)
    assert scene(1) != scene(2)


def test_a_thing_keeps_inside_the_picture() -> None:
    rng = random.Random(0)
    for _ in range(200):
        (spot,) = random_scene(rng, DRAWINGS.concepts, SceneRecipe(wander=1.0)).things[0].spots
        assert spot.x - spot.side / 2 >= 0 and spot.x + spot.side / 2 <= 1
        assert spot.y - spot.side / 2 >= 0 and spot.y + spot.side / 2 <= 1


def test_counts_are_as_many_drawings() -> None:
    scene = random_scene(random.Random(0), DRAWINGS.concepts, SceneRecipe(several=1.0), colour="white", style="3d")
    picture = paint(scene, DRAWINGS, 96)
    filled = (np.abs(picture.astype(int) - 255).max(-1) > 60).any(0).astype(int)
    assert int((np.diff(np.concatenate([[0], filled])) == 1).sum()) == len(scene.things[0].spots)


def test_gradients_and_places_fill_the_picture() -> None:
    gradient = paint_background(Background("gradient", ("white", "black")), 16)
    assert gradient[0].mean() > 250 and gradient[-1].mean() < 25
    sea = paint_background(Background("place", place="sea"), 16)
    assert tuple(sea[0, 0]) != tuple(sea[-1, 0])


def test_a_tint_changes_the_hue_and_keeps_the_shape() -> None:
    drawing = cut_out_of(DRAWINGS.concepts[0], "3d", DRAWINGS)
    blue = np.asarray(tinted(drawing, COLOURS["blue"].rgb))
    assert (blue[..., 3] == np.asarray(drawing)[..., 3]).all()
    inside = blue[16, 16, :3]
    assert inside[2] > inside[0] and inside[2] > inside[1]
