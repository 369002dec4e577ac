"""Every family against diffusers' own pipelines: sentences, pictures, masks, instructions; latents at every step.

Difference 0, on a processor in fp32, one picture at a time. (In a batch diffusers' pipeline for masks draws the
encoder's noise for the first picture only; ours draws each picture's own, so that it is the same picture alone.)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_families import SmallFamily, make_family

from colabsd.engine.engine import Engine
from colabsd.engine.redrawing import Original
from colabsd.engine.schedulers import build_scheduler
from colabsd.models.folders import read_card
from colabsd.planning.plans import Drawing
from colabsd.planning.redraw import drawn_steps
from colabsd.settings.samplers import SAMPLERS, find_sampler

Draw = Callable[..., Drawing]
Pair = tuple[Engine, SmallFamily]

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:Should have t", "ignore::FutureWarning")]

FAMILIES = ("sd1", "sd2", "sdxl")
NORMAL = ("Euler a", "DPM++ 2M", "Heun")
DIFFUSERS_HAS = [sampler.label for sampler in SAMPLERS if sampler.scheduler != "DPMFastScheduler"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, load_small: Callable[..., Engine]) -> Callable[..., Pair]:
    """Our engine and diffusers' networks with the same weights; each model is made once."""
    made: dict[tuple[Any, ...], Pair] = {}

    def make(family: Any, variant: Any = "text", guidance_width: int | None = None) -> Pair:
        key = family, variant, guidance_width
        if key not in made:
            folder = tmp_path_factory.mktemp("family")
            theirs = make_family(folder, family, variant, guidance_width=guidance_width)
            made[key] = load_small(read_card(folder, family)), theirs
        return made[key]

    return make


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rows, columns = np.mgrid[0:64, 0:64]
    return Image.fromarray(np.stack([rows * 4, columns * 4, (rows * columns) % 256], axis=-1).astype(np.uint8))


@pytest.fixture(scope="module")
def mask() -> Image.Image:
    """White in the middle; its edges lie inside the latents' blocks of 8 pixels."""
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (13, 20, 50, 47))
    return mask


def pipeline(theirs: SmallFamily, way: str) -> Any:
    """diffusers' pipeline of a family for sentences (""), pictures, masks or instructions."""
    import diffusers

    parts: dict[str, Any] = {"vae": theirs.vae, "unet": theirs.unet}
    parts |= {"text_encoder": theirs.encoders[0], "tokenizer": theirs.tokenizers[0]}
    parts["scheduler"] = diffusers.DDIMScheduler(clip_sample=False, steps_offset=1)
    if len(theirs.encoders) == 2:
        parts |= {"text_encoder_2": theirs.encoders[1], "tokenizer_2": theirs.tokenizers[1]}
        return getattr(diffusers, f"StableDiffusionXL{way}Pipeline")(**parts, add_watermarker=False)
    parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return getattr(diffusers, f"StableDiffusion{way}Pipeline")(**parts)


def compare(pair: Pair, way: str, drawing: Drawing, original: Original | None = None, **arguments: Any) -> None:
    """Both draw; every step's latents and the pixels must be the same numbers."""
    engine, theirs = pair
    made = pipeline(theirs, way)
    made.set_progress_bar_config(disable=True)
    total, _ = drawn_steps(drawing.steps, drawing.strength, drawing.exact_steps)
    sampler, config = find_sampler(drawing.sampler), engine.components.scheduler_config
    ours = build_scheduler(sampler, drawing.schedule, total, config, eta=drawing.eta, seeds=[drawing.seed])
    made.scheduler = type(ours).from_config(ours.config)  # type: ignore[attr-defined]
    seen: list[torch.Tensor] = []

    def keep(_: Any, index: int, timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(tensors["latents"].clone())
        return {}

    if original is not None:
        arguments["image"] = original.image
        if way != "InstructPix2Pix":
            arguments["strength"] = drawing.strength
        if original.mask is not None:
            arguments["mask_image"] = original.mask
    if way in ("", "Inpaint"):
        arguments |= {"width": drawing.width, "height": drawing.height}
    zeros = len(theirs.encoders) == 2 and not drawing.negative_prompt
    image = made(
        prompt=drawing.prompt,
        negative_prompt=None if zeros else drawing.negative_prompt,
        num_inference_steps=total,
        guidance_scale=drawing.guidance,
        eta=drawing.eta or 0.0,
        generator=[torch.Generator().manual_seed(drawing.seed)],
        callback_on_step_end=keep,
        **arguments,
    ).images[0]
    own = [step.latents.clone() for step, _ in engine.steps([drawing], original)]
    assert len(own) == len(seen)
    for index, (mine, other) in enumerate(zip(own, seen, strict=True)):
        difference = (mine - other).abs().max().item()
        assert difference == 0, f"step {index}: latents differ by {difference}"
    drawn = [event.image for event in engine.draw([drawing], original) if hasattr(event, "image")]
    assert np.array_equal(drawn[0], image)


@pytest.mark.parametrize("sampler", NORMAL)
@pytest.mark.parametrize("family", FAMILIES)
def test_sentences(pair: Callable[..., Pair], drawing: Draw, family: str, sampler: str) -> None:
    eta = find_sampler(sampler).default_eta
    compare(pair(family), "", drawing(sampler=sampler, eta=eta, negative_prompt="azul", clip_skip=1))


def test_sdxl_with_the_sizes_that_it_is_told(pair: Callable[..., Pair], drawing: Draw) -> None:
    told = {"original_width": 200, "original_height": 100, "crop_left": 3, "crop_top": 5}
    arguments = {"original_size": (100, 200), "crops_coords_top_left": (5, 3)}
    compare(pair("sdxl"), "", drawing(negative_prompt="azul", **told), **arguments)
    engine, _ = pair("sdxl")
    plain = [step.latents for step, _ in engine.steps([drawing()])][-1]
    for name, value in told.items():
        changed = [step.latents for step, _ in engine.steps([drawing(**{name: value})])][-1]
        assert not torch.equal(changed, plain), name


@pytest.mark.parametrize("sampler", NORMAL)
@pytest.mark.parametrize("family", FAMILIES)
def test_pictures(pair: Callable[..., Pair], drawing: Draw, picture: Image.Image, family: str, sampler: str) -> None:
    asked = drawing(sampler=sampler, eta=find_sampler(sampler).default_eta, steps=5, strength=0.6)
    compare(pair(family), "Img2Img", asked, Original(picture))


@pytest.mark.parametrize("strength", [0.7, 1.0])
@pytest.mark.parametrize("variant", ["text", "inpaint"])
@pytest.mark.parametrize("family", FAMILIES)
def test_masks(
    pair: Callable[..., Pair],
    drawing: Draw,
    picture: Image.Image,
    mask: Image.Image,
    family: str,
    variant: str,
    strength: float,
) -> None:
    asked = drawing(sampler="Euler a", eta=1.0, steps=4, strength=strength, negative_prompt="azul")
    compare(pair(family, variant), "Inpaint", asked, Original(picture, mask))


@pytest.mark.parametrize("sampler", DIFFUSERS_HAS)
def test_pictures_and_masks_with_every_sampler(
    pair: Callable[..., Pair], drawing: Draw, picture: Image.Image, mask: Image.Image, sampler: str
) -> None:
    asked = drawing(sampler=sampler, eta=find_sampler(sampler).default_eta, steps=4, strength=0.5)
    compare(pair("sd1"), "Img2Img", asked, Original(picture))
    compare(pair("sd1"), "Inpaint", asked, Original(picture, mask))


@pytest.mark.parametrize(("guidance", "image_guidance"), [(7.5, 1.5), (3.0, 1.0), (1.0, 1.5)])
def test_instructions(
    pair: Callable[..., Pair], drawing: Draw, picture: Image.Image, guidance: float, image_guidance: float
) -> None:
    asked = drawing(sampler="Euler a", eta=1.0, guidance=guidance, image_guidance=image_guidance, negative_prompt="no")
    compare(pair("sd1", "edit"), "InstructPix2Pix", asked, Original(picture), image_guidance_scale=image_guidance)


def test_a_guidance_that_a_model_was_distilled_to_follow(
    pair: Callable[..., Pair], drawing: Draw, picture: Image.Image
) -> None:
    model = pair("sd1", "text", 16)
    assert model[0].components.unet.guidance_width == 16
    for guidance in (1.0, 8.5):
        compare(model, "", drawing(sampler="LCM", steps=4, guidance=guidance))
    compare(model, "Img2Img", drawing(sampler="LCM", steps=4, guidance=8.5, strength=0.5), Original(picture))


def test_exact_steps_are_the_end_of_a_longer_schedule(
    pair: Callable[..., Pair], drawing: Draw, picture: Image.Image
) -> None:
    """4 steps at strength 0.5 are the last 4 of 8, which is what diffusers draws of 8 at strength 0.5."""
    asked = drawing(sampler="DPM++ 2M", steps=4, strength=0.5, exact_steps=True)
    assert drawn_steps(asked.steps, asked.strength, exact=True) == (8, 4)
    compare(pair("sd1"), "Img2Img", asked, Original(picture))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sentence_for_a_model_that_is_shown_masks(pair: Callable[..., Pair], drawing: Draw, family: str) -> None:
    """As a grey picture masked all over: no pixel of it is seen."""
    grey = torch.zeros(1, 3, 64, 64)
    model = pair(family, "inpaint")
    arguments = {"image": grey, "mask_image": torch.ones(1, 1, 64, 64), "strength": 1.0}
    compare(model, "Inpaint", drawing(sampler="DDIM", eta=0.0, negative_prompt="azul"), None, **arguments)
