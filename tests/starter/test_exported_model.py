"""The model that the package carries: its size, its files, and that it draws what it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from starter.concepts import learnt, read_concepts, read_held_out
from starter.evaluate import Retrieval, drawer, pipeline_of
from starter.export import MOST_BYTES, checksums
from starter.recipe import FIRST

ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "colabsd" / "models" / "starter_files"
SHEET = ROOT / "tests" / "data" / "starter_references.webp"
PROMPTS = [
    ("una manzana roja, estilo 3d, fondo azul", "red-apple", "blue"),
    ("a red apple, 3d style, blue background", "red-apple", "blue"),
    ("una manzana sobre fondo azul", "red-apple", "blue"),
    ("A RED APPLE on a white background", "red-apple", "white"),
    ("un dibujo de un pinguino, fondo rosa", "penguin", "pink"),
    ("a beautiful highly detailed penguin, masterpiece, yellow background", "penguin", "yellow"),
    ("perro, fondo verde", "dog", "green"),
    ("a cat, orange background", "cat", "orange"),
    ("house, flat style, sky blue background", "house", "sky"),
    ("a car on a yellow background", "car", "yellow"),
    ("una rosa roja, fondo blanco", "rose", "white"),
    ("pizza, plano, fondo morado", "pizza", "purple"),
]
FIRST_AT_LEAST = 0.75  # of a dozen prompts; over 300 it is 91 % (starter/README.md), chance is below 1 %


@pytest.fixture(scope="module")
def retrieval() -> Retrieval:
    return Retrieval.from_sheet(SHEET)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    card = json.loads((MODEL / "card.json").read_text(encoding="utf-8"))
    draw = drawer(pipeline_of(MODEL), card["default_guidance"], card["default_steps"], batch=len(PROMPTS))
    return draw([text for text, _, _ in PROMPTS], 0)


def test_the_folder_is_small_and_whole() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    card = json.loads((MODEL / "card.json").read_text(encoding="utf-8"))
    assert card["files"] == checksums(MODEL)


def test_the_card_lists_what_was_learnt_and_nothing_held_out() -> None:
    card = json.loads((MODEL / "card.json").read_text(encoding="utf-8"))
    listed = [concept["id"] for concept in card["concepts"]]
    assert listed == [concept.id for concept in learnt(read_concepts(), FIRST.tiers)]
    assert not set(listed) & set(read_held_out())


def test_the_sheet_of_references_finds_itself(retrieval: Retrieval) -> None:
    assert len(set(retrieval.ids)) >= 500
    assert SHEET.stat().st_size <= 1_500_000
    for place in range(0, len(retrieval.ids), 97):
        tile = Image.fromarray(retrieval.tiles[place])
        picture = Image.new("RGB", (48, 48), retrieval.backgrounds["sky"])
        picture.paste(tile, (8, 8), tile)
        assert (retrieval.ids[place], retrieval.styles[place]) in retrieval.rank(picture)[:3]


def place_of(thing: str, picture: np.ndarray, retrieval: Retrieval) -> int:
    """At which place the thing comes when all things are ordered by likeness to the picture, from 0."""
    return list(dict.fromkeys(name for name, _ in retrieval.rank(picture))).index(thing)


@pytest.mark.parametrize("place", [0, 1], ids=["es", "en"])
def test_it_draws_a_red_apple_on_blue(place: int, pictures: np.ndarray, retrieval: Retrieval) -> None:
    _, thing, background = PROMPTS[place]
    assert retrieval.background(pictures[place]) == background
    assert place_of(thing, pictures[place], retrieval) == 0


def test_every_background_is_the_one_that_was_asked(pictures: np.ndarray, retrieval: Retrieval) -> None:
    assert [retrieval.background(picture) for picture in pictures] == [background for _, _, background in PROMPTS]


def test_it_draws_what_people_ask_for(pictures: np.ndarray, retrieval: Retrieval) -> None:
    places = [place_of(thing, picture, retrieval) for picture, (_, thing, _) in zip(pictures, PROMPTS, strict=True)]
    assert places.count(0) >= FIRST_AT_LEAST * len(PROMPTS), places
