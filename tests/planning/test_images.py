"""From settings to plans: nothing is left open, everything that changes is said."""

import dataclasses
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import InvalidSettingError, NotEnoughMemoryError, UnknownSamplerError, UsageError
from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG, SDXL
from colabsd.planning.forecasts import forecast_memory
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan, LoraUse
from colabsd.settings.images import ImageSettings

GIB = 2**30
CARD = dataclasses.replace(CATALOG[0], sha256="0" * 64)
LAPTOP = Machine(cores=2, ram_bytes=16 * GIB, free_ram_bytes=12 * GIB)
LARGE = Machine(cores=8, ram_bytes=64 * GIB, free_ram_bytes=60 * GIB)
T4 = Machine(
    cores=2,
    ram_bytes=13 * GIB,
    free_ram_bytes=11 * GIB,
    gpu=Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=int(14.56 * GIB), free_vram_bytes=int(14.4 * GIB)),
)


def plan(machine: Machine = LAPTOP, card: ModelCard = CARD, **asked: object) -> ImagePlan:
    counter = itertools.count(1000)
    return plan_images(ImageSettings(**asked), card=card, machine=machine, new_seed=lambda: next(counter))  # type: ignore[arg-type]


def note_keys(made: ImagePlan) -> set[str]:
    return {note.key for note in made.notes}


def test_what_was_left_open_comes_from_the_card() -> None:
    drawing = plan(prompt="a dog").drawings[0]
    assert drawing.size == Size(512, 512)
    assert (drawing.sampler, drawing.steps, drawing.guidance) == ("Euler a", 20, 7.5)
    assert drawing.seed == 1000


def test_picture_i_gets_seed_plus_i_and_seeds_wrap_at_the_largest() -> None:
    assert [d.seed for d in plan(seed=5, count=3).drawings] == [5, 6, 7]
    assert [d.seed for d in plan(seed=2**64 - 1, count=2).drawings] == [2**64 - 1, 0]


def test_minus_one_draws_a_new_seed_and_zero_does_not() -> None:
    assert plan(seed=-1).drawings[0].seed == 1000
    assert plan(seed=0).drawings[0].seed == 0


def test_variations_keep_the_seed_and_count_the_variation_seed() -> None:
    made = plan(seed=5, variation_seed=9, variation_strength=0.2, count=2)
    assert [(d.seed, d.variation_seed) for d in made.drawings] == [(5, 9), (5, 10)]


def test_a_size_is_snapped_and_the_reason_said() -> None:
    made = plan(width=515, height=300)
    assert made.drawings[0].size == Size(512, 320)
    note = next(note for note in made.notes if note.key == "note.size_snapped")
    assert note.facts["multiple"] == 64


def test_a_size_far_from_the_trained_one_is_warned_of() -> None:
    assert "note.size_large" in note_keys(plan(width=1024, height=1024))
    assert "note.size_small" in note_keys(plan(width=128, height=128))
    assert not {"note.size_large", "note.size_small", "note.size_snapped"} & note_keys(plan())


def test_an_absurd_size_is_refused_with_a_forecast_of_memory() -> None:
    with pytest.raises(NotEnoughMemoryError) as caught:
        plan(width=100_000, height=100_000)
    assert float(str(caught.value.facts["needed_gb"]).replace(",", "")) > 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("height", -8),
        ("steps", 0),
        ("steps", 10**9),
        ("guidance", float("nan")),
        ("guidance", float("inf")),
        ("count", 0),
        ("seed", -2),
        ("seed", 2**64),
        ("variation_strength", 1.5),
        ("clip_skip", 0),
        ("steps", 2.5),
        ("steps", True),
        ("width", "512"),
        ("prompt", 5),
        ("noise", "gpu"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        plan(**{field: value})
    assert caught.value.facts["field"] == field
    assert caught.value.tell("es") != caught.value.tell("en")


def test_an_unknown_sampler_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownSamplerError) as caught:
        plan(sampler="Euler b")
    assert caught.value.facts["nearest"] in ("Euler", "Euler a")


def test_an_old_sampler_name_carries_its_schedule() -> None:
    drawing = plan(sampler="DPM++ 2M Karras").drawings[0]
    assert (drawing.sampler, drawing.schedule) == ("DPM++ 2M", "Karras")


def test_control_characters_go_and_line_ends_stay() -> None:
    made = plan(prompt="a\x00b\x1b[31m\nc\ud800")
    assert made.drawings[0].prompt == "ab[31m\nc"
    assert "note.control_characters" in note_keys(made)


def test_an_empty_prompt_is_drawn_and_said() -> None:
    assert "note.empty_prompt" in note_keys(plan(prompt="  "))


CHANGES = {
    "prompt": "x",
    "negative_prompt": "y",
    "width": 576,
    "height": 576,
    "count": 2,
    "seed": 8,
    "sampler": "Heun",
    "schedule": "Karras",
    "steps": 21,
    "guidance": 3.0,
    "clip_skip": 2,
    "eta": 0.5,
    "variation_seed": 77,
    "variation_strength": 0.4,
    "noise": "nv",
    "noise_seed_delta": 3,
    "emphasis": "no-norm",
    "guidance_start": 0.2,
    "guidance_stop": 0.8,
    "feature_reuse": 2,
}
NAMES_OF_FILES = ("model", "style", "wildcard_seed", "lora", "vae")  # they have tests of their own
TOLD = {"original_width": 300, "original_height": 300, "crop_left": 7, "crop_top": 9}  # to SDXL alone
OTHERS = ("safety", *TOLD)  # what it does hangs on the model: tests/engine/test_safety.py, and below
HOW = {"batch": 2, "device": "cpu", "precision": "bf16", "attention": "sliced", "offload": "on"}


@pytest.mark.parametrize("field", CHANGES)
def test_each_setting_of_what_is_drawn_changes_the_key(field: str) -> None:
    base = {"prompt": "p", "seed": 1, "sampler": "DDIM" if field == "eta" else "DPM++ 2M"}
    if field == "variation_seed":
        base["variation_strength"] = 0.5
        base["variation_seed"] = 1
    if field == "variation_strength":
        base["variation_seed"] = 1
    assert plan(**base).key != plan(**(base | {field: CHANGES[field]})).key


def test_every_setting_is_covered_by_the_two_tables() -> None:
    names = {field.name for field in dataclasses.fields(ImageSettings)}
    assert names == {*CHANGES, *HOW, *NAMES_OF_FILES, *OTHERS}


def test_sdxl_is_told_sizes_and_what_was_cut_off() -> None:
    drawing = plan(LARGE, SDXL, prompt="p", seed=1, width=512, height=1024).drawings[0]
    assert (drawing.original_width, drawing.original_height, drawing.crop_left, drawing.crop_top) == (0, 0, 0, 0)
    for name, value in TOLD.items():
        told = plan(LARGE, SDXL, prompt="p", seed=1, width=512, height=1024, **{name: value}).drawings[0]
        assert getattr(told, name) == value and told.key != drawing.key
    assert plan(LARGE, SDXL, seed=1, width=512, height=1024, original_width=256).drawings[0].original_height == 512
    same = plan(LARGE, SDXL, prompt="p", seed=1, width=512, height=1024, original_width=512).drawings[0]
    assert same.key == drawing.key


def test_other_families_are_told_nothing_and_people_that() -> None:
    for name, value in TOLD.items():
        made = plan(prompt="p", seed=1, **{name: value})
        assert made.key == plan(prompt="p", seed=1).key and "note.told_sizes_ignored" in note_keys(made)


def test_a_default_is_not_in_the_key_so_that_fields_added_later_leave_older_keys_alone() -> None:
    drawing = plan(seed=1).drawings[0]
    required = [field.name for field in dataclasses.fields(drawing) if field.default is dataclasses.MISSING]
    plain = {name: getattr(drawing, name) for name in required if name != "model"}
    assert drawing.key == key_of(plain)


def test_drawings_of_different_prompts_are_not_in_one_batch() -> None:
    made = plan(prompt="{a|b|c}", count=12, batch=4, seed=1)
    assert all(len({made.drawings[index].prompt for index in batch}) == 1 for batch in made.batches)
    assert [index for batch in made.batches for index in batch] == list(range(12))
    assert [drawing.seed for drawing in made.drawings] == list(range(1, 13))


def test_a_plan_comes_back_from_plain_data_whole() -> None:
    made = plan(prompt="{a|b} (x:1.2)", count=3, emphasis="ignore", seed=1)
    drawing = dataclasses.replace(made.drawings[0], loras=(LoraUse(name="ink", unet=0.5, sha256="a" * 64),))
    made = dataclasses.replace(made, drawings=(drawing, *made.drawings[1:]))
    again = ImagePlan.from_json(json.loads(json.dumps(made.as_json())))
    assert again.drawings == made.drawings
    assert again.prompting == made.prompting
    assert again.key == made.key
    assert "prompting" not in plan(prompt="a").as_json()


def test_how_it_is_run_is_not_in_the_key() -> None:
    base = plan(seed=1, count=4)
    assert plan(seed=1, count=4, precision="bf16").key == base.key
    assert plan(seed=1, count=4, batch=4).key == base.key
    assert plan(seed=1, count=4, batch=4).batches == ((0, 1, 2, 3),)
    assert plan(seed=1, count=3, batch=2).batches == ((0, 1), (2,))


def test_a_t4_draws_in_fp16_even_when_bf16_is_asked() -> None:
    assert plan(T4).execution.precision == "fp16"
    made = plan(T4, precision="bf16")
    assert made.execution.precision == "fp16"
    assert "note.gpu_no_bf16" in note_keys(made)
    assert plan(T4, device="cpu").execution.device == "cpu"


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError):
        plan(device="cuda")
    with pytest.raises(UsageError):
        plan(precision="fp16")


def test_a_t4_takes_several_pictures_at_a_time_and_never_more_than_asked() -> None:
    assert plan(T4, count=10).batches[0] == (0, 1, 2, 3)
    assert plan(T4, count=3).batches == ((0, 1, 2),)
    assert len(plan(T4, width=2048, height=2048, count=10).batches[0]) < 4


def test_the_forecast_grows_with_size_batch_and_width_of_numbers() -> None:
    small, execution = Size(512, 512), plan().execution
    base = forecast_memory(CARD, execution, small, 1).total
    assert forecast_memory(CARD, execution, Size(1024, 1024), 1).total > base
    assert forecast_memory(CARD, execution, small, 8).total > base
    assert forecast_memory(CARD, dataclasses.replace(execution, precision="bf16"), small, 1).total < base


@given(
    width=st.integers(1, 1280),
    height=st.integers(1, 1280),
    count=st.integers(1, 9),
    batch=st.integers(1, 9),
    prompt=st.text(),
)
@settings(deadline=None, max_examples=60)
def test_a_plan_survives_json_and_its_batches_hold_every_picture_once(
    width: int, height: int, count: int, batch: int, prompt: str
) -> None:
    made = plan(
        width=width, height=height, count=count, batch=1 if width * height > 2 * 10**5 else batch, prompt=prompt
    )
    again = ImagePlan.from_json(made.as_json())
    assert again.key == made.key
    assert sorted(index for members in made.batches for index in members) == list(range(count))
    assert key_of(made.as_json()) == key_of(again.as_json())
    assert all(d.width % 64 == 0 and d.height % 64 == 0 for d in made.drawings)
