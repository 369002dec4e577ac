"""LoRAs, textual inversions and autoencoders become exact: names, strengths and digests in the plan and its key."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidNetworkError, UnknownLoraError
from colabsd.models.cards import ModelCard
from colabsd.models.starter import Starter, starter_folder
from colabsd.planning.images import plan_images, with_autoencoder
from colabsd.planning.plans import Drawing, EmbeddingUse, ImagePlan, LoraUse
from colabsd.planning.prompts import PromptSources, asked_loras, split_lora
from colabsd.settings.images import ImageSettings

INK, RAIN, TOY = "a" * 64, "b" * 64, "c" * 64
SOURCES = PromptSources(loras={"ink": INK, "rain": RAIN}, embeddings={"<toy>": TOY, "ink2": INK})


@pytest.fixture
def plan(machine: Machine) -> Callable[..., ImagePlan]:
    card: ModelCard = Starter(starter_folder()).card()

    def make(prompt: str = "a cat", **asked: object) -> ImagePlan:
        settings = replace(ImageSettings(prompt=prompt, seed=1), **asked)
        return plan_images(settings, card=card, machine=machine, new_seed=lambda: 1, sources=SOURCES)

    return make


@pytest.fixture
def machine() -> Machine:
    from colabsd.environment.machine import look_at_machine

    return look_at_machine({})


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ink", LoraUse(name="ink", sha256=INK)),
        ("ink:0.8", LoraUse(name="ink", unet=0.8, text_encoder=0.8, sha256=INK)),
        ("ink:0.5:1", LoraUse(name="ink", unet=1, text_encoder=0.5, sha256=INK)),
        ("ink:-.5", LoraUse(name="ink", unet=-0.5, text_encoder=-0.5, sha256=INK)),
        ("/some/where/ink.safetensors:0.8", LoraUse(name="ink", unet=0.8, text_encoder=0.8, sha256=INK)),
        ("C:/ink.safetensors", LoraUse(name="ink", sha256=INK)),
    ],
)
def test_a_lora_that_is_asked_for_has_its_strengths_and_digest(asked: str, found: LoraUse) -> None:
    assert asked_loras([asked], SOURCES) == (found,)


def test_an_unknown_lora_that_is_asked_for_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownLoraError, match="Nearest: ink"):
        asked_loras(["inc:0.8"], SOURCES)
    with pytest.raises(UnknownLoraError, match="there is none"):
        asked_loras(["ink"], PromptSources())


@given(
    name=st.text("abc:/. ", min_size=1), weights=st.lists(st.floats(-9, 9).map(lambda one: f"{one:.3f}"), max_size=2)
)
@examples(deadline=None, max_examples=60)
def test_weights_are_split_from_any_name(name: str, weights: list[str]) -> None:
    """What is no number behind a colon belongs to the name."""
    name = name.strip(": ") or "x"
    assert split_lora(":".join([name, *weights])) == (name, *weights)


def test_loras_of_the_prompt_and_of_the_settings_are_in_the_drawing(plan: Callable[..., ImagePlan]) -> None:
    (drawing,) = plan("a cat <lora:ink:0.5>", lora=("rain:0.2",)).drawings
    assert [(one.name, one.unet, one.sha256) for one in drawing.loras] == [("ink", 0.5, INK), ("rain", 0.2, RAIN)]


def test_textual_inversions_that_either_prompt_calls_are_in_the_drawing(plan: Callable[..., ImagePlan]) -> None:
    assert plan("a cat").drawings[0].embeddings == ()
    assert plan("a <TOY>, red").drawings[0].embeddings == (EmbeddingUse(name="<toy>", sha256=TOY),)
    assert plan("a cat", negative_prompt="(ink2:1.1)").drawings[0].embeddings == (
        EmbeddingUse(name="ink2", sha256=INK),
    )


def test_each_of_them_changes_the_key_and_names_do_not(plan: Callable[..., ImagePlan]) -> None:
    plain, lora, other = plan(), plan(lora=("ink",)), plan(lora=("ink:0.9",))
    vae = with_autoencoder(plain, "soft", RAIN)
    assert len({one.key for one in (plain, lora, other, vae, plan("a <toy>"))}) == 5
    assert with_autoencoder(plain, "renamed", RAIN).key == vae.key


def test_a_drawing_with_adapters_goes_through_plain_data(plan: Callable[..., ImagePlan]) -> None:
    drawing = with_autoencoder(plan("a <toy>", lora=("ink:0.5",)), "soft", RAIN).drawings[0]
    assert Drawing(**drawing.as_json()) == drawing


def test_a_weight_that_is_no_number_is_told(plan: Callable[..., ImagePlan]) -> None:
    with pytest.raises(InvalidNetworkError):
        plan("a cat <lora:ink:strong>")
