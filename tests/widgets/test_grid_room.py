"""Comparing: axes are read, forecast, drawn and shown; ready studies need a word at most."""

from pathlib import Path

import pytest
from widget_tree import press

from colabsd.settings.axes import AXES
from colabsd.widgets.axis_input import COMPARED
from colabsd.widgets.controls import NOTHING
from colabsd.widgets.generate_page import GeneratePage


def test_what_can_be_compared_are_axes() -> None:
    assert {setting for setting, _, _ in COMPARED} <= set(AXES)


def test_two_axes_are_read_and_their_pictures_counted(page: GeneratePage) -> None:
    grid = page.grid
    page.open("grid")
    assert [axis.setting for axis in grid.read().axes] == ["steps", "sampler"]
    assert "16" in grid._forecast.value
    grid.down.setting.value = NOTHING
    grid.across.values.value = "2-6:2"
    assert grid.read().shape == (3, 1, 1)


def test_without_a_prompt_there_is_nothing_to_press(page: GeneratePage) -> None:
    page.open("grid")
    assert not page.grid.generate.disabled
    page.create.form.fill({"prompt": "  "})
    page.open("grid")
    assert page.grid.generate.disabled


def test_what_is_wrong_is_told(page: GeneratePage) -> None:
    page.grid.across.values.value = "<b>many"
    assert "&lt;b&gt;many" in page.grid._forecast.value
    assert page.grid.draw().error is not None


def test_a_ready_study_asks_for_its_word_and_has_no_axes_to_choose(page: GeneratePage) -> None:
    grid = page.grid
    page.open("grid")
    grid.study.value = "probe"
    assert "colabsd-dim" in grid._forecast.value and "≈" not in grid._forecast.value
    assert grid.draw().error is not None
    assert grid._axes.layout.display == "none"
    grid.words.value = "red"
    assert grid.read().shape == (8, 2, 1)
    grid.study.value = "sampler"
    assert grid.words.layout.display == "none" and grid.read().study == "sampler"


@pytest.mark.integration
def test_a_grid_is_drawn_and_its_sheet_shown(page: GeneratePage, small_model_folder: Path) -> None:
    grid = page.grid
    grid.across.values.value = "1, 2"
    grid.down.values.value = "Euler, DPM++ 2M"
    press(grid.generate)
    assert len(grid._sheets.children) == 1
    assert page.studio.library.count() == 4
