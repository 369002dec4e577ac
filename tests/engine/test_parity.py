"""The engine against diffusers' own pipeline: same files, seed and scheduler, latents compared after every step."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from colabsd.engine.engine import Engine
from colabsd.engine.schedulers import build_scheduler
from colabsd.planning.plans import Drawing
from colabsd.settings.samplers import SAMPLERS, Sampler, find_sampler

Draw = Callable[..., Drawing]

pytestmark = pytest.mark.filterwarnings("ignore:Should have t")  # torchsde's, in the pipeline's own run


@pytest.fixture(scope="module")
def pipeline(small_engine: Engine, small_model_folder: Path) -> Iterator[Any]:
    """diffusers' pipeline of the same files, with diffusers' networks and transformers' text encoder and tokenizer."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    made = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(small_model_folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(small_model_folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(small_model_folder / "tokenizer"),
        unet=UNet2DConditionModel.from_pretrained(small_model_folder / "unet"),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    for network in (made.unet, made.vae, made.text_encoder):
        # A mapped file's tensors begin anywhere, and MKL adds up in another order there than in aligned memory.
        for parameter in network.parameters():
            parameter.data = parameter.data.clone()
    with pytest.MonkeyPatch.context() as patch:
        if not hasattr(
            made.text_encoder, "text_model"
        ):  # gone since transformers 5.6; diffusers' clip skip asks for it
            patch.setattr(CLIPTextModel, "text_model", property(lambda model: model), raising=False)
        yield made


def compare(engine: Engine, pipeline: Any, *drawings: Drawing) -> None:
    """Both draw the batch; every step's latents, and the pixels, must be the same numbers."""
    first = drawings[0]
    scheduler: Any = build_scheduler(
        find_sampler(first.sampler),
        first.schedule,
        first.steps,
        engine.components.scheduler_config,
        eta=first.eta,
        seeds=[one.seed for one in drawings],
    )
    pipeline.scheduler = type(scheduler).from_config(scheduler.config)
    theirs: list[torch.Tensor] = []

    def keep(_: Any, index: int, timestep: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        theirs.append(tensors["latents"].clone())
        return {}

    embeddings, negative = pipeline.encode_prompt(
        first.prompt, "cpu", 1, True, first.negative_prompt, clip_skip=first.clip_skip - 1 or None
    )
    if first.clip_skip > 1:  # the pipeline skips layers for the prompt only
        negative, _ = pipeline.encode_prompt(first.negative_prompt, "cpu", 1, False, clip_skip=first.clip_skip - 1)
    pictures = pipeline(
        prompt_embeds=embeddings,
        negative_prompt_embeds=negative,
        width=first.width,
        height=first.height,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance,
        num_images_per_prompt=len(drawings),
        eta=first.eta or 0.0,
        generator=[torch.Generator().manual_seed(one.seed) for one in drawings],
        callback_on_step_end=keep,
        output_type="pil",
    ).images
    ours = [step.latents.clone() for step, _ in engine.steps(drawings)]
    assert len(ours) == len(theirs)
    for index, (own, other) in enumerate(zip(ours, theirs, strict=True)):
        difference = (own - other).abs().max().item()
        assert difference == 0, f"step {index}: latents differ by {difference}"
    drawn = [event.image for event in engine.draw(drawings) if hasattr(event, "image")]
    for own, other in zip(drawn, pictures, strict=True):
        # The pipeline decodes a batch at once, the engine one by one: sums in another order, at most one level of 255.
        assert np.abs(np.int16(own) - np.int16(other)).max() <= (len(drawings) > 1)


DIFFUSERS_HAS = [sampler for sampler in SAMPLERS if sampler.scheduler != "DPMFastScheduler"]


@pytest.mark.parametrize("sampler", DIFFUSERS_HAS, ids=lambda sampler: sampler.label)
@pytest.mark.parametrize("steps", [1, 4])
def test_latents_equal_the_pipelines_at_every_step(
    small_engine: Engine, pipeline: Any, drawing: Draw, sampler: Sampler, steps: int
) -> None:
    compare(small_engine, pipeline, drawing(sampler=sampler.label, steps=steps, eta=sampler.default_eta))


@pytest.mark.parametrize("schedule", ["Uniform", "Karras", "Exponential", "SGM Uniform", "Beta"])
def test_they_are_equal_with_every_schedule(small_engine: Engine, pipeline: Any, drawing: Draw, schedule: str) -> None:
    compare(small_engine, pipeline, drawing(sampler="DPM++ 2M", schedule=schedule, steps=5))


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE", "DPM++ SDE", "Heun"])
def test_they_are_equal_in_a_batch(small_engine: Engine, pipeline: Any, drawing: Draw, sampler: str) -> None:
    compare(small_engine, pipeline, drawing(sampler=sampler), drawing(sampler=sampler, seed=12))


@pytest.mark.parametrize(
    "facts",
    [
        {"guidance": 1.0},
        {"guidance": 0.0},
        {"negative_prompt": "azul, text"},
        {"clip_skip": 2, "negative_prompt": "azul"},
        {"clip_skip": 3},
        {"sampler": "DDIM", "eta": 1.0},
        {"sampler": "DDIM", "eta": 0.3},
        {"width": 96, "height": 64},
        {"prompt": ""},
        {"prompt": "red apple " * 37},
        {"prompt": "red (apple), [blue", "emphasis": "literal"},
        {"prompt": "señal 🍎 ÑANDÚ"},
    ],
    ids=str,
)
def test_they_are_equal_with_every_setting(
    small_engine: Engine, pipeline: Any, drawing: Draw, facts: dict[str, Any]
) -> None:
    compare(small_engine, pipeline, drawing(**facts))


def test_they_are_equal_for_a_model_that_predicts_velocity(
    small_engine: Engine, pipeline: Any, drawing: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {**small_engine.components.scheduler_config, "prediction_type": "v_prediction"}
    monkeypatch.setattr(small_engine, "components", _replaced(small_engine.components, scheduler_config=config))
    compare(small_engine, pipeline, drawing(sampler="DPM++ 2M", schedule="SGM Uniform"))


def _replaced(components: Any, **facts: Any) -> Any:
    import dataclasses

    return dataclasses.replace(components, **facts)
