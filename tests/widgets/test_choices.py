"""What can be chosen: sizes that the model can draw, models with their download, and what is left to the model."""

import pytest

from colabsd.language import LANGUAGES, Language
from colabsd.models.catalog import CATALOG
from colabsd.models.registry import known_models
from colabsd.settings.samplers import SAMPLERS
from colabsd.studio import Studio
from colabsd.widgets.choices import (
    LARGEST_SIDE,
    ModelChoice,
    asked_of,
    model_choices,
    sampler_options,
    size_options,
    size_presets,
)


def test_every_preset_can_be_drawn_as_it_is_and_the_first_is_what_the_model_learnt() -> None:
    for card in known_models():
        presets = size_presets(card)
        assert presets[0].size == card.size
        assert len({preset.size for preset in presets}) == len(presets)
        for preset in presets:
            assert preset.size.width % card.multiple == preset.size.height % card.multiple == 0
            assert max(preset.size.width, preset.size.height) <= max(LARGEST_SIDE, card.size.width)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_size_says_why_one_would_take_it_and_the_last_is_typed_by_hand(language: Language) -> None:
    options = size_options(CATALOG[0], language)
    assert [size for _, size in options].count("") == 1 and options[-1][1] == ""
    assert all("·" in label for label, size in options if size)


def test_every_sampler_can_be_chosen() -> None:
    assert [value for _, value in sampler_options()] == [sampler.label for sampler in SAMPLERS]


def test_models_that_have_to_come_first_say_how_much(studio: Studio) -> None:
    choices = {choice.card.name: choice for choice in model_choices(studio)}
    assert choices["starter"].to_bring == 0
    assert choices["sd15"].to_bring > 10**9
    assert "GB" in choices["sd15"].label(studio.language) and "GB" not in choices["starter"].label(studio.language)
    assert all(choice.card.variant == "text" for choice in choices.values())


def test_what_the_model_would_choose_anyway_is_left_to_it() -> None:
    card = CATALOG[0]
    usual = {"sampler": card.default_sampler, "steps": card.default_steps, "guidance": card.default_guidance}
    size = {"width": card.size.width, "height": card.size.height}
    assert asked_of({"prompt": "a", **usual, **size}, card) == {"prompt": "a"}
    assert asked_of({"prompt": "a", **usual, "steps": 21, "width": 512, "height": 768}, card) == {
        "prompt": "a",
        "steps": 21,
        "width": 512,
        "height": 768,
    }


def test_a_label_names_the_model() -> None:
    assert CATALOG[0].name in ModelChoice(CATALOG[0], 0).label("en")
