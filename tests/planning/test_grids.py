"""From a grid's settings to its plan: each drawing once, sorted by what is loaded, no seed left to choose."""

import dataclasses
import itertools
import json
from typing import Any

import pytest

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidGridError, InvalidSettingError, UnknownSamplerError
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.planning.grids import GridPlan, plan_grid
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan
from colabsd.settings.axes import read_axis
from colabsd.settings.grids import GridSettings
from colabsd.settings.images import ImageSettings

GIB = 2**30
LAPTOP = Machine(cores=2, ram_bytes=16 * GIB, free_ram_bytes=12 * GIB)
CARDS = {
    None: dataclasses.replace(CATALOG[0], sha256="0" * 64),
    "other": dataclasses.replace(CATALOG[0], name="other", sha256="1" * 64),
}


def plan(*axes: str, **asked: Any) -> GridPlan:
    counter = itertools.count(1000)

    def card(settings: ImageSettings) -> ModelCard:
        return CARDS[settings.model]

    def plan_cell(settings: ImageSettings) -> ImagePlan:
        return plan_images(settings, card=card(settings), machine=LAPTOP, new_seed=lambda: next(counter))

    base = ImageSettings(**{"prompt": "a red apple", "steps": 5, **asked})
    grid = GridSettings(base=base, axes=tuple(read_axis(text) for text in axes))
    return plan_grid(grid, plan_cell=plan_cell, new_seed=lambda: next(counter), seconds_of=lambda _plan: 60.0)


def test_every_cell_is_the_drawing_of_its_settings() -> None:
    made = plan("steps=4,8", "sampler=Euler,LMS,Heun")
    assert [cell.place for cell in made.cells] == list(made.settings.places())
    drawn = [made.drawings[cell.drawing] for cell in made.cells if cell.drawing is not None]
    rows = [(steps, sampler) for sampler in ("Euler", "LMS", "Heun") for steps in (4, 8)]
    assert [(one.steps, one.sampler) for one in drawn] == rows


def test_all_cells_share_one_seed_that_is_chosen_once() -> None:
    made = plan("steps=4,8,12")
    assert len({drawing.seed for drawing in made.drawings}) == 1
    assert made.settings.base.seed == made.drawings[0].seed >= 1000
    assert plan("steps=4,8", seed=7).drawings[0].seed == 7


def test_new_seeds_on_an_axis_are_neighbours() -> None:
    made = plan("seed=-1,-1,5,-1")
    first = made.drawings[0].seed
    assert [drawing.seed for drawing in made.drawings] == [first, first + 1, 5, first + 2]
    assert made.settings.axes[0].values == (first, first + 1, 5, first + 2)


def test_a_variation_seed_is_chosen_once_too() -> None:
    made = plan("variation_strength=0,0.2,0.4", seed=7)
    assert len({drawing.variation_seed for drawing in made.drawings[1:]}) == 1
    assert made.drawings[0].variation_seed is None


def test_equal_drawings_are_drawn_once() -> None:
    made = plan("variation_seed=1,2,3")  # without a strength they change nothing
    assert len(made.cells) == 3
    assert len(made.drawings) == 1
    assert {cell.drawing for cell in made.cells} == {0}
    names = plan("sampler=Euler a,k_euler_a")
    assert len(names.drawings) == 1


def test_cells_of_a_model_are_drawn_together_whatever_axis_it_is_on() -> None:
    made = plan("model=,other,", "steps=4,8")
    assert [drawing.model for drawing in made.drawings] == ["sd15", "sd15", "other", "other"]
    parts = made.parts()
    assert [part.first for part in parts] == [0, 2]
    assert [len(part.plan.drawings) for part in parts] == [2, 2]
    assert all(len(batch) == 1 for part in parts for batch in part.plan.batches)


def test_a_sampler_and_a_schedule_that_do_not_go_together_leave_a_cell_empty() -> None:
    made = plan("sampler=Euler a,Euler", "schedule=Uniform,Karras")
    empty = [cell for cell in made.cells if cell.drawing is None]
    assert [cell.place for cell in empty] == [(0, 1, 0)]
    assert empty[0].trouble is not None and empty[0].trouble.key == "error.schedule_unsupported"
    assert len(made.drawings) == 3


def test_when_no_cell_goes_together_it_is_an_error() -> None:
    with pytest.raises(InvalidSettingError) as raised:
        plan("steps=4,8", sampler="Euler a", schedule="Karras")
    assert raised.value.message_key == "error.schedule_unsupported"


def test_other_mistakes_are_told_before_anything_is_drawn() -> None:
    with pytest.raises(UnknownSamplerError):
        plan("sampler=Euler,Oiler")


def test_too_many_cells_are_refused_with_their_number_and_their_time() -> None:
    with pytest.raises(InvalidGridError) as raised:
        plan("seed=1-40", "steps=1-40")
    told = str(raised.value)
    assert "1,600" in told and "1,000" in told and "26 h 40 min" in told


def test_a_plan_survives_as_data_and_is_an_image_plan_too() -> None:
    made = plan("sampler=Euler a,Euler", "schedule=Uniform,Karras", "model=,other")
    data = json.loads(json.dumps(made.as_json()))
    again = GridPlan.from_json(data)
    assert again.drawings == made.drawings
    assert [(cell.place, cell.drawing) for cell in again.cells] == [(cell.place, cell.drawing) for cell in made.cells]
    assert again.settings == made.settings
    assert [part.plan.drawings for part in again.parts()] == [part.plan.drawings for part in made.parts()]
    assert ImagePlan.from_json(data).drawings == made.drawings


def test_dynamic_prompts_are_told_for_each_drawing() -> None:
    made = plan("seed=1,2", prompt="a {red|green|blue} apple")
    assert len(made.prompting) == 2
    assert made.parts()[0].plan.prompting == made.prompting


def test_notes_come_once() -> None:
    made = plan("seed=1-4", width=515)
    assert [note.key for note in made.notes].count("note.size_snapped") == 1


def test_thirty_by_thirty_is_planned_in_a_moment() -> None:
    made = plan("seed=1-30", "steps=1-30")
    assert len(made.drawings) == 900
