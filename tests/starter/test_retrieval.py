"""The measure finds what is really there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import shapes
from PIL import Image

from starter.evaluate import Retrieval, figures, prompts, real_scenes, references, rough_prompts
from starter.palette import COLOURS
from starter.recipe import FIRST

DRAWINGS = shapes.drawings(64)
RETRIEVAL = references(DRAWINGS)


def test_real_drawings_are_all_found() -> None:
    asked = prompts(DRAWINGS.concepts, 72)
    found = figures(asked, real_scenes(asked, DRAWINGS, FIRST), RETRIEVAL)
    assert found["top1"] == found["style"] == found["background"] == 1.0


def test_noise_is_found_by_chance_only() -> None:
    asked = prompts(DRAWINGS.concepts, 60)
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 64, 3)).astype(np.uint8)
    assert figures(asked, noise, RETRIEVAL)["top1"] < 0.5


@pytest.mark.parametrize("colour", COLOURS)
def test_an_empty_picture_has_its_background(colour: str) -> None:
    picture = Image.new("RGB", (64, 64), COLOURS[colour].rgb)
    assert RETRIEVAL.background(picture) == colour
    assert RETRIEVAL.rank(picture)


def test_a_sheet_finds_what_the_drawings_find(tmp_path: Path) -> None:
    RETRIEVAL.save_sheet(tmp_path / "references.webp")
    read = Retrieval.from_sheet(tmp_path / "references.webp")
    asked = prompts(DRAWINGS.concepts, 36)
    pictures = real_scenes(asked, DRAWINGS, FIRST)
    assert figures(asked, pictures, read)["top1"] == 1.0
    assert read.shows(Image.fromarray(pictures[0]), asked[0].concept, asked[0].background)
    assert not read.shows(pictures[0], asked[1].concept)
    assert read.names["ball"]["es"] == ["pelota"]


def test_prompts_are_half_spanish_cover_the_table_and_repeat() -> None:
    asked = prompts(DRAWINGS.concepts, 12)
    assert asked == prompts(DRAWINGS.concepts, 12)
    assert [prompt.language for prompt in asked] == ["en", "es"] * 6
    assert {prompt.concept for prompt in asked} == set(shapes.SHAPES)


def test_rough_prompts_still_name_their_thing() -> None:
    for prompt in rough_prompts(DRAWINGS.concepts, 6):
        names = RETRIEVAL.names[prompt.concept][prompt.language]
        assert any(name in prompt.text.lower() for name in names), prompt.text


def test_where_a_thing_stands_makes_no_difference() -> None:
    rng = random.Random(0)
    drawing = Image.fromarray(np.ascontiguousarray(DRAWINGS.pixels[4, 1])).resize((30, 30))
    for _ in range(5):
        picture = Image.new("RGB", (64, 64), COLOURS["yellow"].rgb)
        picture.paste(drawing, (rng.randrange(34), rng.randrange(34)), drawing)
        assert RETRIEVAL.rank(picture)[0] == ("cross", "flat")
