"""Captions say what is there, in the words people use."""

from __future__ import annotations

import random

import pytest
import shapes

from starter.captions import Habits, describe, plain_prompt, pluralised, without_accents
from starter.concepts import learnt, read_concepts
from starter.palette import COLOURS
from starter.recipe import FULL, STYLES, SceneRecipe
from starter.scenes import random_scene

CONCEPTS = learnt(read_concepts(), ("first", "full"))
PLURALS_OFF = Habits(plural=0.0, accents_dropped=0.0)


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_caption_names_its_thing(language: str) -> None:
    rng = random.Random(0)
    for _ in range(500):
        scene = random_scene(rng, CONCEPTS, SceneRecipe())
        text = describe(scene, rng, language, PLURALS_OFF).text
        assert any(name in text for name in scene.things[0].concept.names(language)), text


def test_a_caption_never_says_another_background() -> None:
    rng = random.Random(1)
    colours = {name: colour for name, colour in COLOURS.items() if name not in ("sky", "orange", "pink")}
    for _ in range(500):
        scene = random_scene(rng, shapes.concepts(), SceneRecipe())
        text = describe(scene, rng, habits=PLURALS_OFF).text
        said = {name for name, colour in colours.items() if set(text.split()) & {*colour.en, *colour.es}}
        assert said <= {scene.background.colours[0]} | ({"blue"} if scene.background.colours[0] == "sky" else set()), (
            text
        )


def test_what_was_left_out_is_recorded() -> None:
    rng = random.Random(2)
    captions = [describe(random_scene(rng, CONCEPTS, SceneRecipe()), rng) for _ in range(1000)]
    assert 0.7 < sum(caption.style is not None for caption in captions) / 1000 < 0.9
    assert 0.7 < sum(caption.background is not None for caption in captions) / 1000 < 0.92
    assert 0.4 < sum(caption.language == "es" for caption in captions) / 1000 < 0.6


def test_two_things_are_named_from_left_to_right() -> None:
    rng = random.Random(3)
    for _ in range(200):
        scene = random_scene(rng, shapes.concepts(), SceneRecipe(two_things=1.0))
        text = describe(scene, rng, "en", PLURALS_OFF).text
        left, right = (thing.concept.en[0] for thing in scene.things)
        assert text.index(left) < text.index(right, text.index(left) + 1), text


def test_counts_and_tints_are_said() -> None:
    rng = random.Random(4)
    for _ in range(100):
        scene = random_scene(rng, shapes.concepts(), SceneRecipe(several=1.0, tinted=1.0))
        text = describe(scene, rng, "es", PLURALS_OFF).text
        assert {2: "dos", 3: "tres"}[len(scene.things[0].spots)] in text


def test_the_recipe_full_can_be_described() -> None:
    rng = random.Random(5)
    for _ in range(500):
        assert describe(random_scene(rng, CONCEPTS, FULL.scenes), rng).text


@pytest.mark.parametrize(
    ("name", "language", "plural"),
    [
        ("red apple", "en", "red apples"),
        ("butterfly", "en", "butterflies"),
        ("fox", "en", "foxes"),
        ("manzana roja", "es", "manzanas rojas"),
        ("ratón", "es", "ratones"),
        ("pez", "es", "peces"),
        ("copo de nieve", "es", "copos de nieve"),
        ("glasses", "en", "glasses"),
    ],
)
def test_plurals(name: str, language: str, plural: str) -> None:
    assert pluralised(name, language) == plural


def test_accents_are_dropped_and_the_letter_n_can_stay() -> None:
    assert without_accents("pingüino, muñeco, árbol") == "pinguino, muneco, arbol"
    assert without_accents("muñeco árbol", keep_n=True) == "muñeco arbol"


@pytest.mark.parametrize("style", STYLES)
def test_the_plain_prompts_are_those_of_the_manual(style: str) -> None:
    assert plain_prompt("manzana roja", "3d", "blue", "es") == "manzana roja, estilo 3d, fondo azul"
    assert "style" in plain_prompt("dog", style, "sky", "en")
