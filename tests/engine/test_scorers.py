"""The scorer that comes along: near each other lies what belongs together, in both languages, and what it never saw."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colabsd.engine.scorers import DrawnWorldScorer, likeness, scorer_folder
from colabsd.errors import DamagedWeightsError, MissingWeightsError

TILES = Path(__file__).parents[1] / "data" / "starter_references.webp"
MOST_BYTES = 8_000_000
COLOURS = {"blue": (50, 110, 220), "yellow": (250, 210, 60), "white": (255, 255, 255)}
NAMES = {
    "red-apple": ("a red apple", "una manzana"),
    "dog": ("a dog", "un perro"),
    "cat": ("a cat", "gato"),
    "car": ("a car", "coche"),
    "house": ("house", "una casa"),
    "penguin": ("a penguin", "pingüino"),
}


@pytest.fixture(scope="module")
def scorer() -> DrawnWorldScorer:
    return DrawnWorldScorer()


def drawing(thing: str, style: str, colour: str, scale: float = 0.7) -> Image.Image:
    """A reference drawing on a colour, 128 pixels."""
    table = json.loads(TILES.with_suffix(".json").read_text(encoding="utf-8"))
    place, side = table["tiles"].index([thing, style]), table["side"]
    left, top = place % table["columns"] * side, place // table["columns"] * side
    with Image.open(TILES) as sheet:
        tile = sheet.convert("RGBA").crop((left, top, left + side, top + side))
    large = tile.resize((round(128 * scale),) * 2, Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (128, 128), COLOURS[colour])
    corner = (128 - large.width) // 2
    picture.paste(large, (corner, corner), large)
    return picture


@pytest.mark.parametrize("language", [0, 1])
def test_a_picture_is_nearest_to_its_name_in_both_languages(scorer: DrawnWorldScorer, language: int) -> None:
    pictures = scorer.pictures([drawing(thing, "3d", "blue") for thing in NAMES])
    cosines = pictures @ scorer.sentences([names[language] for names in NAMES.values()]).T
    assert (cosines.argmax(1) == np.arange(len(NAMES))).mean() >= 5 / 6


def test_an_apple_is_nearest_to_una_manzana(scorer: DrawnWorldScorer) -> None:
    cosines = (
        scorer.pictures([drawing("red-apple", "3d", "white")])
        @ scorer.sentences(["una manzana", "un perro", "una casa", "un coche", "gato", "una estrella"]).T
    )
    assert cosines.argmax() == 0


def test_the_background_of_a_sentence_is_told_apart(scorer: DrawnWorldScorer) -> None:
    pictures = scorer.pictures([drawing("dog", "3d", colour) for colour in COLOURS])
    cosines = pictures @ scorer.sentences([f"a dog, {colour} background" for colour in COLOURS]).T
    assert (cosines.argmax(1) == np.arange(len(COLOURS))).all()


def test_a_subject_that_no_training_saw_is_most_like_itself_whatever_is_behind_it(scorer: DrawnWorldScorer) -> None:
    unseen = ("hedgehog", "teapot", "poodle", "backpack")
    one = scorer.subjects([drawing(thing, "3d", "blue") for thing in unseen])
    other = scorer.subjects([drawing(thing, "3d", "yellow", 0.55) for thing in unseen])
    assert ((one @ other.T).argmax(1) == np.arange(len(unseen))).all()
    assert likeness(one[:1], other[:1]) > likeness(one[:1], other[1:]) + 0.3


def test_vectors_are_of_length_one_and_the_order_stays(scorer: DrawnWorldScorer) -> None:
    images = [drawing(thing, "flat", "white") for thing in NAMES] * 7
    for rows in (scorer.pictures(images), scorer.subjects(images), scorer.sentences(["dog"] * 40)):
        assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)
    rows = scorer.pictures(images)
    assert np.allclose(rows[:6], rows[-6:], atol=1e-5) and not np.allclose(rows[0], rows[1], atol=0.1)


def test_nothing_long_or_empty_is_too_much(scorer: DrawnWorldScorer) -> None:
    assert scorer.sentences(["", "a dog " * 200]).shape == (2, scorer.shape.dimensions)
    assert scorer.pictures([]).shape == (0, scorer.shape.dimensions)
    assert scorer.pictures([Image.new("L", (300, 40), 90)]).shape == (1, scorer.shape.dimensions)


def test_it_is_small_whole_and_says_what_it_is_for(scorer: DrawnWorldScorer) -> None:
    folder = scorer_folder()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
    assert set(scorer.card["files"]) == {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != "card.json"
    }
    assert "nothing else" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_file_that_is_missing_or_changed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    shutil.copytree(scorer_folder(), folder)
    words = folder / "tokenizer" / "merges.txt"
    words.write_bytes(words.read_bytes() + b"\n")
    with pytest.raises(DamagedWeightsError):
        DrawnWorldScorer(folder)
    words.unlink()
    with pytest.raises(MissingWeightsError):
        DrawnWorldScorer(folder)
