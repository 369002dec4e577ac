"""The table of things: complete, one look a word, and nothing held out in any training."""

from __future__ import annotations

from collections import Counter

import pytest

from starter.concepts import drawable, learnt, read_concepts, read_held_out
from starter.recipe import RECIPES

CONCEPTS = read_concepts()


def test_no_held_out_thing_is_in_any_training() -> None:
    held_out = set(read_held_out())
    assert len(held_out) == 12
    assert held_out == {concept.id for concept in CONCEPTS if concept.tier == "held_out"}
    assert not held_out & {concept.id for concept in drawable(CONCEPTS)}
    for recipe in RECIPES.values():
        assert not held_out & {concept.id for concept in learnt(CONCEPTS, recipe.tiers)}


@pytest.mark.parametrize(("recipe", "fewest"), [("first", 220), ("full", 500)])
def test_a_recipe_learns_enough_things(recipe: str, fewest: int) -> None:
    assert len(learnt(CONCEPTS, RECIPES[recipe].tiers)) >= fewest


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_word_means_one_thing(language: str) -> None:
    used = Counter(name for concept in CONCEPTS if concept.tier != "never" for name in concept.names(language))
    assert [name for name, times in used.items() if times > 1] == []


def test_every_row_is_complete() -> None:
    for concept in CONCEPTS:
        assert concept.en and concept.es and all(concept.en) and all(concept.es), concept.id
        assert len(concept.es) == len(concept.es_gender) and set(concept.es_gender) <= {"m", "f"}, concept.id
        assert all(concept.drawings.values()), concept.id
    assert len({concept.id for concept in CONCEPTS}) == len(CONCEPTS)


@pytest.mark.parametrize(
    ("name", "thing"), [("manzana", "red-apple"), ("perro", "dog"), ("gato", "cat"), ("coche", "car")]
)
def test_what_people_ask_for_is_learnt_first(name: str, thing: str) -> None:
    assert next(concept.id for concept in learnt(CONCEPTS, ("first",)) if name in concept.es) == thing
