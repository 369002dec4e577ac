"""What stands on sheets and what studies say, in both languages, from pictures that nobody drew."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colabsd.environment.machine import Machine
from colabsd.language import say
from colabsd.models.catalog import CATALOG
from colabsd.planning.grids import GridPlan, plan_grid
from colabsd.planning.images import plan_images
from colabsd.progress import Note
from colabsd.settings.axes import Axis, read_axis
from colabsd.settings.grids import GridSettings, Place
from colabsd.settings.images import ImageSettings
from colabsd.settings.studies import study_grid
from colabsd.studio.findings import find
from colabsd.studio.sheets import axis_name, sheet_text, value_label

CARD = dataclasses.replace(CATALOG[0], sha256="0" * 64)
LAPTOP = Machine(cores=2, ram_bytes=2**34, free_ram_bytes=2**34)
BASE = ImageSettings(prompt="a red apple, ink", seed=7)


def planned(grid: GridSettings) -> GridPlan:
    counter = itertools.count(1000)

    def plan_cell(settings: ImageSettings) -> Any:
        return plan_images(settings, card=CARD, machine=LAPTOP, new_seed=lambda: next(counter))

    return plan_grid(grid, plan_cell=plan_cell, new_seed=lambda: next(counter), seconds_of=lambda _plan: 1.0)


def grid(*axes: str, **changes: Any) -> GridSettings:
    return GridSettings(**{"base": BASE, "axes": tuple(read_axis(text) for text in axes), **changes})


@pytest.mark.parametrize(
    ("axis", "english", "spanish"),
    [
        (Axis("steps", (20,)), "20", "20"),
        (Axis("guidance", (7.5,)), "7.5", "7.5"),
        (Axis("style", ((), ("ink", "oil"))), "none", "ninguno"),
        (Axis("style", (("ink", "oil"),)), "ink, oil", "ink, oil"),
        (Axis("model", (None,)), "the model's own", "lo propio del modelo"),
        (Axis("model", ("/somewhere/deep/ink.safetensors",)), "ink.safetensors", "ink.safetensors"),
        (Axis("words", ("ink",)), "ink", "ink"),
    ],
)
def test_values_are_labelled_for_people(axis: Axis, english: str, spanish: str) -> None:
    assert (value_label(axis, 0, "en"), value_label(axis, 0, "es")) == (english, spanish)


def test_a_word_that_is_taken_out_says_so() -> None:
    assert value_label(Axis("words", ("ink", "")), 1, "es") == "sin «ink»"


def test_every_axis_has_a_name_in_both_languages() -> None:
    from colabsd.settings.axes import AXES

    for setting in AXES:
        assert axis_name(Axis(setting, ()), "en") and axis_name(Axis(setting, ()), "es")


def test_a_sheet_says_what_no_axis_changes_and_the_third_axiss_value() -> None:
    plan = planned(grid("steps=4,8", "sampler=Euler,LMS", "seed=1,2"))
    text = sheet_text(plan, 1, [], "es")
    assert (text.columns, text.rows) == (("4", "8"), ("Euler", "LMS"))
    assert (text.column_name, text.row_name) == ("Pasos", "Muestreador")
    assert text.facts.startswith("Semilla: 2 · Modelo:\u00a0sd15")
    assert "7.5" in text.facts and "512x512" in text.facts and "Pasos" not in text.facts
    assert text.title == BASE.prompt


def test_a_title_comes_before_the_prompt_and_dots_stand_for_words_that_differ() -> None:
    words = planned(grid("words=ink|oil"))
    assert sheet_text(words, 0, [], "en").title == "a red apple, …"
    named = planned(grid("steps=4,8", title="My study"))
    assert sheet_text(named, 0, [], "en").title == "My study"
    assert BASE.prompt in sheet_text(named, 0, [], "en").facts
    prompts = planned(grid("prompt=a cat|a dog"))
    assert sheet_text(prompts, 0, [], "en").title == axis_name(prompts.settings.axes[0], "en")


def test_what_was_found_stands_on_the_sheet() -> None:
    note = Note("note.study.stochastic", {"sampler": "Euler a"})
    text = sheet_text(planned(grid("steps=4,8")), 0, [note], "es")
    assert text.words == (say(note.key, "es", sampler="Euler a"),)


class Painted:
    """Pictures by their places; a picture is soft, with noise of the amplitude that is told."""

    def __init__(self, amplitudes: Mapping[Place, float], seeds: int) -> None:
        self.amplitudes = amplitudes
        self.seeds = seeds

    def at(self, place: Place) -> Image.Image | None:
        if place not in self.amplitudes:
            return None
        pixels = np.random.default_rng(place[self.seeds]).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        soft = np.asarray(Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC))
        noise = np.random.default_rng(9).normal(0, 1, soft.shape) * self.amplitudes[place]
        return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


def study(samplers: str, **base: Any) -> GridPlan:
    axes = [read_axis("steps=4,8,16"), read_axis(f"sampler={samplers}"), read_axis("seed=1,2")]
    return planned(study_grid("sampler", dataclasses.replace(BASE, **base), axes))


def test_a_deterministic_sampler_gets_its_fewest_steps_and_a_stochastic_one_the_reason() -> None:
    plan = study("Euler,Euler a,LMS")
    amplitudes = {place: {0: 60.0, 1: 1.0, 2: 0.0}[place[0]] for place in plan.settings.places()}
    amplitudes |= {place: 60.0 for place in amplitudes if place[:2] == (1, 2)}  # LMS with 8 steps
    euler, ancestral, lms = find(plan, Painted(amplitudes, seeds=2))
    assert (euler.key, euler.facts["steps"], euler.facts["most"]) == ("note.study.fewest", 8, 16)
    assert (ancestral.key, ancestral.facts) == ("note.study.stochastic", {"sampler": "Euler a"})
    assert (lms.key, lms.facts["steps"], lms.facts["seeds"]) == ("note.study.none", 8, 2)
    for note in (euler, ancestral, lms):
        assert say(note.key, "en", **note.facts) != say(note.key, "es", **note.facts)


def test_whether_new_noise_comes_in_is_asked_of_eta_where_there_is_one() -> None:
    whole = {place: 0.0 for place in study("DDIM").settings.places()}
    assert [note.key for note in find(study("DDIM"), Painted(whole, 2))] == ["note.study.fewest"]
    assert [note.key for note in find(study("DDIM", eta=0.5), Painted(whole, 2))] == ["note.study.stochastic"]
    assert [note.key for note in find(study("DPM fast"), Painted(whole, 2))] == ["note.study.stochastic"]
    assert [note.key for note in find(study("DPM fast", eta=0.0), Painted(whole, 2))] == ["note.study.fewest"]


def test_pictures_that_are_gone_are_not_compared() -> None:
    plan = study("Euler")
    some = {place: 0.0 for place in plan.settings.places() if place[0] != 0}
    (found,) = find(plan, Painted(some, 2))
    assert found.facts["steps"] == 8
    assert list(find(plan, Painted({}, 2))) == []


def test_a_probe_says_where_the_word_changes_most() -> None:
    plan = planned(study_grid("probe", BASE, [read_axis("words=ink"), read_axis("seed=1-3")]))
    amplitudes = {
        place: 0.0 if place[1] == 0 else {0: 2.0, 1: 50.0, 2: 5.0}[place[0]] for place in plan.settings.places()
    }
    (found,) = find(plan, Painted(amplitudes, seeds=0))
    assert (found.facts["seed"], found.facts["count"]) == ("seed=2", 3)
    assert float(found.facts["least"]) < float(found.facts["similarity"]) < 1


def test_a_grid_that_is_no_study_finds_nothing() -> None:
    plan = planned(grid("steps=4,8"))
    assert list(find(plan, Painted({place: 0.0 for place in plan.settings.places()}, 2))) == []
