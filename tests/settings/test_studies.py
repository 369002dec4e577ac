"""Ready grids: their axes, what replaces them, and words that the prompt lacks."""

import pytest

from colabsd.errors import InvalidGridError
from colabsd.settings.axes import Axis, read_axis
from colabsd.settings.grids import check_grid
from colabsd.settings.images import MAX_SEED, ImageSettings
from colabsd.settings.samplers import find_sampler
from colabsd.settings.studies import SAMPLERS, STEPS, study_grid

BASE = ImageSettings(prompt="a red apple", seed=7)


def test_the_sampler_study_has_steps_samplers_and_a_sheet_per_seed() -> None:
    grid = study_grid("sampler", BASE)
    assert [axis.setting for axis in grid.axes] == ["steps", "sampler", "seed"]
    assert grid.axes[0].values == STEPS
    assert grid.axes[2].values == (7, 8)
    assert {find_sampler(name).label for name in SAMPLERS} == set(SAMPLERS)
    check_grid(grid)


def test_an_axis_that_is_given_takes_the_place_of_the_studys_own() -> None:
    grid = study_grid("sampler", BASE, [read_axis("steps=4,8"), read_axis("seed=1-3")])
    assert [axis.setting for axis in grid.axes] == ["steps", "sampler", "seed"]
    assert (grid.axes[0].values, grid.axes[2].values) == ((4, 8), (1, 2, 3))


def test_without_a_seed_new_ones_are_taken() -> None:
    grid = study_grid("probe", ImageSettings(prompt="a cat"), [read_axis("words=smiling")])
    assert grid.axes[0] == Axis("seed", (-1,) * 8)


def test_seeds_go_round_at_the_largest() -> None:
    grid = study_grid("sampler", ImageSettings(prompt="x", seed=MAX_SEED))
    assert grid.axes[2].values == (MAX_SEED, 0)


def test_styles_are_compared_on_the_same_seeds() -> None:
    grid = study_grid("words", BASE, [read_axis("words=ink|oil|ink")])
    assert [grid.at((0, row, 0)).prompt for row in range(2)] == ["a red apple, ink", "a red apple, oil"]
    assert grid.shape == (3, 2, 1)
    check_grid(grid)


def test_a_probe_draws_one_word_with_and_without_it() -> None:
    grid = study_grid("probe", BASE, [read_axis("words=shiny")])
    assert [grid.at((0, row, 0)).prompt for row in range(2)] == ["a red apple, shiny", "a red apple"]
    within = study_grid("probe", BASE, [read_axis("words=red")])
    assert [within.at((0, row, 0)).prompt for row in range(2)] == ["a red apple", "a apple"]
    alone = study_grid("probe", ImageSettings(), [read_axis("words=owl")])
    assert [alone.at((0, row, 0)).prompt for row in range(2)] == ["owl", ""]


@pytest.mark.parametrize(
    ("study", "axes", "key"),
    [
        ("words", [], "error.grid.study_words"),
        ("words", ["words=ink"], "error.grid.study_words"),
        ("probe", [], "error.grid.probe"),
        ("probe", ["words=ink|oil"], "error.grid.probe"),
    ],
)
def test_a_study_without_its_words_says_what_it_needs(study, axes, key) -> None:
    with pytest.raises(InvalidGridError) as raised:
        study_grid(study, BASE, [read_axis(text) for text in axes])
    assert raised.value.message_key == key
