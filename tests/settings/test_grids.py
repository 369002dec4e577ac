"""What a grid asks for: the settings of every cell, as data and back, and what it cannot ask."""

import json
from dataclasses import replace

import pytest

from colabsd.errors import InvalidGridError, UsageError
from colabsd.settings.axes import Axis, read_axis
from colabsd.settings.grids import GridSettings, check_grid, known_study
from colabsd.settings.images import ImageSettings

BASE = ImageSettings(prompt="a red apple, ink", seed=7)


def grid(*axes: str, base: ImageSettings = BASE) -> GridSettings:
    return GridSettings(base=base, axes=tuple(read_axis(text) for text in axes))


def test_the_first_axis_goes_across_the_second_down_the_third_from_sheet_to_sheet() -> None:
    asked = grid("steps=10,20", "sampler=Euler,LMS,Heun", "seed=1-4")
    assert asked.shape == (2, 3, 4)
    places = list(asked.places())
    assert places[:3] == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    assert len(places) == asked.count == 24
    cell = asked.at((1, 2, 3))
    assert (cell.steps, cell.sampler, cell.seed) == (20, "Heun", 4)


def test_everything_else_is_as_the_base_says() -> None:
    asked = grid("steps=10,20", base=replace(BASE, guidance=3.0))
    assert asked.at((1, 0, 0)) == replace(BASE, guidance=3.0, steps=20)


def test_whole_prompts_come_before_words_in_them_whatever_the_order() -> None:
    asked = grid("words=ink|oil", "prompt=a cat, ink|a dog, ink")
    assert [asked.at(place).prompt for place in asked.places()] == [
        "a cat, ink",
        "a cat, oil",
        "a dog, ink",
        "a dog, oil",
    ]


def test_two_axes_of_words_replace_two_words() -> None:
    asked = grid("words=red|blue", "words=apple|pear")
    assert asked.at((1, 1, 0)).prompt == "a blue pear, ink"


def test_a_grid_survives_as_data() -> None:
    asked = replace(grid("style=|ink", "guidance=1-3"), study="words", title="Tinta")
    assert GridSettings.from_json(json.loads(json.dumps(asked.as_json()))) == asked


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (GridSettings(base=BASE, axes=()), "error.grid.axes"),
        (grid("steps=1", "seed=1", "eta=1", "guidance=1"), "error.grid.axes"),
        (grid("steps=1", "steps=2"), "error.grid.twice"),
        (grid("steps=1", base=replace(BASE, count=3)), "error.grid.count"),
        (grid("words=pear|plum"), "error.grid.word_absent"),
        (grid("steps=1", base=replace(BASE, guidance=-1.0)), "error.setting.below"),
        (GridSettings(base=BASE, axes=(Axis("stepz", (1,)),)), "error.grid.setting"),
    ],
)
def test_a_grid_that_cannot_be_is_told(asked: GridSettings, key: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_grid(asked)
    assert raised.value.message_key == key


def test_a_word_may_stand_in_the_negative_prompt_or_in_the_prompts_of_an_axis() -> None:
    check_grid(grid("words=blurry|dark", base=replace(BASE, negative_prompt="blurry")))
    check_grid(grid("prompt=a pear|a plum", "words=pear|fig"))


def test_an_unknown_study_is_told_with_those_that_there_are() -> None:
    assert known_study(" Sampler") == "sampler"
    with pytest.raises(InvalidGridError, match="sampler, words, probe"):
        known_study("seeds")
