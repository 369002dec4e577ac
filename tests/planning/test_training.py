"""Plans of trainings: what follows from photos and machine, what is refused, what is in the key."""

from dataclasses import fields, replace
from typing import Any

import pytest

from colabsd.environment.machine import Gpu, Machine
from colabsd.errors import (
    InvalidSettingError,
    MissingPackageError,
    NotEnoughMemoryError,
    StorageError,
    UsageError,
)
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.models.catalog import CATALOG
from colabsd.planning.photos import PhotoFacts
from colabsd.planning.training import RUN, RUN_TOO, TrainingPlan
from colabsd.planning.training_choices import plan_training, read_subject
from colabsd.planning.training_memory import forecast_training
from colabsd.settings.fields import field_specs
from colabsd.settings.training import TrainingSettings

GIB = 2**30
T4 = Machine(
    cores=2,
    ram_bytes=13 * GIB,
    free_ram_bytes=11 * GIB,
    gpu=Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=int(14.56 * GIB), free_vram_bytes=int(14.5 * GIB)),
)
L4 = replace(T4, gpu=Gpu(name="L4", capability=(8, 9), vram_bytes=22 * GIB, free_vram_bytes=22 * GIB))
PROCESSOR = Machine(cores=8, ram_bytes=64 * GIB, free_ram_bytes=60 * GIB)
ASKED = TrainingSettings(photos="photos/rex", subject="zwx", class_word="dog", seed=5)


def card_of(family: str) -> ModelCard:
    return next(card for card in CATALOG if card.family == family and card.variant == "text" and card.few_steps is None)


def photos(count: int = 6, side: int = 1024, **facts: Any) -> PhotoFacts:
    plain: dict[str, Any] = {"kind": "object", "sha256": "7" * 64, "sizes": (Size(side, side),) * count}
    return PhotoFacts(**{**plain, **facts})


def planned(settings: TrainingSettings = ASKED, facts: PhotoFacts | None = None, **others: Any) -> TrainingPlan:
    plain: dict[str, Any] = {"card": card_of("sd1"), "machine": T4, "new_seed": lambda: 99}
    return plan_training(settings, facts or photos(), **{**plain, **others})


def keys(plan: TrainingPlan) -> list[str]:
    return [note.key for note in plan.notes]


def test_everything_is_chosen_and_told() -> None:
    plan = planned()
    assert (plan.method, plan.steps, plan.resolution, plan.rank, plan.alpha) == ("lora", 600, 512, 8, 8.0)
    assert (plan.learning_rate, plan.text_encoder_rate, plan.snr_gamma) == (1e-4, 2.5e-5, 5.0)
    assert plan.execution.precision == "fp16" and plan.seed == 5
    assert plan.subjects[0].photo_prompt == "a photo of zwx dog" and plan.subjects[0].class_prompt == "a photo of dog"
    assert "zwx dog on a beach" in plan.sample_prompts[1]
    assert "note.training.steps" in keys(plan) and keys(plan)[-1] == "note.training.forecast"


def test_the_kind_and_number_of_photos_decide() -> None:
    person, style = planned(facts=photos(15, kind="person")), planned(facts=photos(15, kind="style"))
    assert (person.steps, person.rank) == (1500, 16)
    assert (style.steps, style.rank, style.targets) == (900, 32, "attention+feedforward")
    assert planned(facts=photos(3)).steps == 400 and planned(facts=photos(300)).steps == 1500


def test_a_small_model_learns_faster_beside_its_class() -> None:
    plan = planned(card=replace(card_of("sd1"), unet_channels=32), machine=PROCESSOR)
    assert (plan.learning_rate, plan.prior, plan.text_encoder) == (pytest.approx(1e-3), True, False)
    assert (plan.rank, plan.batch, plan.execution.precision) == (16, 2, "fp32")


def test_a_full_training_fits_a_t4_by_a_smaller_optimizer() -> None:
    full = replace(ASKED, method="full")
    bare, with_package = planned(full), planned(full, installed={"bitsandbytes"})
    assert (bare.optimizer, with_package.optimizer) == ("adafactor", "adamw8bit")
    assert "note.training.optimizer_chosen" in keys(bare)
    assert bare.prior and bare.class_pictures == 72 and bare.learning_rate == 5e-6
    for plan in (bare, with_package):
        assert forecast_training(plan, card_of("sd1"), T4).device_bytes < 0.9 * T4.gpu.vram_bytes  # type: ignore[union-attr]
    assert planned(full, machine=L4).optimizer == "adamw"


def test_the_text_encoder_of_a_full_training_stops_after_a_third() -> None:
    plan = planned(replace(ASKED, method="full", text_encoder="on"), installed={"bitsandbytes"}, machine=L4)
    assert (plan.text_encoder_stop, plan.learning_rate, plan.text_encoder_rate) == (168, 2e-6, 2e-6)


def test_what_does_not_fit_says_how_much_it_would_need() -> None:
    with pytest.raises(NotEnoughMemoryError) as failed:
        planned(replace(ASKED, method="full", optimizer="adamw"))
    assert "GiB" in failed.value.tell("en") and "full" in failed.value.tell("es")


def test_a_disk_that_is_too_small_is_told_before_anything_begins() -> None:
    with pytest.raises(StorageError):
        planned(free_disk_bytes=10_000_000)


def test_sdxl_learns_by_lora_at_what_a_t4_holds() -> None:
    plan = planned(card=card_of("sdxl"))
    assert (plan.resolution, plan.text_encoder) == (768, False)
    with pytest.raises(UsageError):
        planned(replace(ASKED, method="full"), card=card_of("sdxl"))


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({"class_word": None}, "error.training.no_class_word"),
        ({"class_word": "  "}, "error.training.no_class_word"),
        ({"subject": None}, "error.training.no_subject"),
        ({"more_subjects": ("rex",)}, "error.training.more_subjects"),
        ({"steps": 0}, "error.setting.below"),
        ({"method": "magic"}, "error.setting.choice"),
    ],
)
def test_what_cannot_be_is_refused_in_words(facts: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSettingError) as failed:
        planned(replace(ASKED, **facts))
    assert failed.value.message_key == key
    assert failed.value.tell("en") != failed.value.tell("es")


def test_no_photos_and_models_that_cannot_learn_are_refused() -> None:
    with pytest.raises(UsageError) as failed:
        planned(facts=photos(0))
    assert failed.value.message_key == "error.training.no_photos"
    with pytest.raises(UsageError):
        planned(card=replace(card_of("sd1"), variant="inpaint"))


def test_optimizers_of_packages_that_are_missing_name_what_to_install() -> None:
    with pytest.raises(MissingPackageError) as failed:
        planned(replace(ASKED, optimizer="prodigy"))
    assert "prodigyopt" in failed.value.tell("en")
    assert planned(replace(ASKED, optimizer="prodigy"), installed={"prodigyopt"}).learning_rate == 1.0


def test_one_photo_and_five_hundred_are_told() -> None:
    assert "note.training.few_photos" in keys(planned(facts=photos(1)))
    assert "note.training.many_photos" in keys(planned(facts=photos(500)))
    assert "note.training.small_photos" in keys(planned(facts=photos(side=300)))


def test_several_subjects_have_their_own_words() -> None:
    asked = replace(ASKED, more_subjects=("C:/photos/cup:qwv:coffee cup",))
    plan = planned(asked, more=(photos(4),))
    assert [subject.word for subject in plan.subjects] == ["zwx", "qwv"]
    assert plan.subjects[1].photos == "C:/photos/cup" and plan.subjects[1].class_word == "coffee cup"
    with pytest.raises(InvalidSettingError):
        planned(replace(ASKED, more_subjects=("a:zwx:dog",)), more=(photos(4),))


def test_a_line_of_a_subject_is_read_from_its_end() -> None:
    assert read_subject("C:/rex : zwx : big dog") == ("C:/rex", "zwx", "big dog")


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_a_plan_is_plain_data_and_comes_back(family: str) -> None:
    plan = planned(card=card_of(family))
    again = TrainingPlan.from_json(plan.as_json())
    assert again.key == plan.key and again.as_json() == plan.as_json()


CHANGED: dict[str, Any] = {
    "name": "x",
    "photos": "other",
    "subject": "qqq",
    "class_word": "cat",
    "photo_prompt": "my {subject}",
    "class_prompt": "some {class}",
    "masked": "on",
    "model": "other",
    "method": "pivotal",
    "steps": 77,
    "resolution": 256,
    "batch": 2,
    "accumulation": 3,
    "prior": "on",
    "prior_weight": 0.3,
    "class_pictures": 9,
    "class_folder": "classes",
    "text_encoder": "off",
    "seed": 6,
    "reference": True,
    "learning_rate": 3e-3,
    "text_encoder_rate": 1e-6,
    "text_encoder_stop": 50,
    "rank": 3,
    "alpha": 1.5,
    "targets": "all",
    "vectors": 4,
    "initial_word": "wolf",
    "embedding_rate": 2e-3,
    "embedding_stop": 20,
    "optimizer": "adafactor",
    "weight_decay": 0.2,
    "learning_schedule": "linear",
    "warmup": 10,
    "snr_gamma": 0,
    "noise_offset": 0.07,
    "gradient_clip": 0.5,
    "ema": "on",
    "sample_every": 11,
    "sample_prompts": ("one",),
    "checkpoint_every": 13,
    "keep": 2,
    "gradient_checkpointing": "on",
    "device": "cpu",
    "precision": "fp32",
}
BESIDE = {
    **{name: {"method": "pivotal"} for name in ("vectors", "initial_word", "embedding_rate", "embedding_stop")},
    "ema": {"method": "full", "optimizer": "adafactor"},
    "class_pictures": {"prior": "on"},
}
"""Settings that matter only together with others."""


@pytest.mark.parametrize(
    "name", [name for name in field_specs(TrainingSettings) if name not in ("kind", "more_subjects")]
)
def test_every_setting_makes_another_plan(name: str) -> None:
    """`kind` reaches planning with the photos, `model` with the card."""
    before = replace(ASKED, **BESIDE.get(name, {}))
    after = replace(before, **{name: CHANGED[name]})
    card = replace(card_of("sd1"), name="other", sha256="8" * 64) if name == "model" else card_of("sd1")
    assert planned(after, card=card).as_json() != planned(before).as_json()


def test_how_it_is_run_is_not_in_the_key() -> None:
    plan = planned()
    other = planned(replace(ASKED, name="x", keep=9, sample_every=1, checkpoint_every=2, gradient_checkpointing="on"))
    assert plan.key == other.key != planned(replace(ASKED, seed=6)).key
    assert {*RUN, *RUN_TOO} <= {field.name for field in fields(TrainingPlan)}


def test_less_memory_is_forecast_where_less_is_kept() -> None:
    plan = planned()
    base = forecast_training(plan, card_of("sd1"), T4)
    smaller = forecast_training(replace(plan, gradient_checkpointing=True), card_of("sd1"), T4)
    larger = forecast_training(replace(plan, batch=4), card_of("sd1"), T4)
    assert smaller.device_bytes < base.device_bytes < larger.device_bytes
    assert smaller.seconds > base.seconds and 60 < base.seconds < 3600
    assert base.state_bytes == pytest.approx(
        27e6, rel=0.2
    )  # rank 8 and its optimizer, about a third of rank 16's 38 MB
