"""Stable Diffusion 1, 2 and XL: what is learnt from is what the engine would predict, and it draws while it learns."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import losses_of, small_examples, small_plan, small_training, train_small

from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.unet_embeddings import Added
from colabsd.geometry import Size
from colabsd.models.cards import Family
from colabsd.planning.plans import Drawing
from colabsd.training.base import noise_levels
from colabsd.training.drawing import drawing_parts
from colabsd.training.latents import picture_tensor
from colabsd.training.loss import target_of
from colabsd.training.order import Counted

FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")
DRAWING = Drawing(
    prompt="a photo of roj apple",
    negative_prompt="",
    model="small",
    model_sha256="",
    width=64,
    height=64,
    sampler="Euler",
    schedule="Automatic",
    steps=2,
    guidance=5.0,
    clip_skip=1,
    seed=3,
)


@torch.no_grad()
def loss_by_the_engine(engine: Engine, plan: object) -> float:
    """The first step's loss of an untouched model, computed with the networks that draw."""
    examples = small_examples(plan)  # type: ignore[arg-type]
    look = Counted(seed=7, photos=3, classes=0, batch=1, accumulation=1, shape=(8, 8), timesteps=1000).looks(0)[0]
    example, parts = examples.photos[look.photos[0]], engine.components
    assert parts.picture_encoder is not None
    posterior = parts.picture_encoder().encode(picture_tensor(example.image(Size(64, 64))))
    latents = posterior.latents(look.chance.posterior)
    levels = noise_levels(parts.scheduler_config)
    noisy = levels.add_noise(latents, look.chance.noise, look.chance.timesteps)
    rows = [encoder.tokenizer.padded(encoder.tokenizer.ids(example.sentence)) for encoder in parts.encoders]
    read = [encoder(torch.tensor([row]), 1) for encoder, row in zip(parts.encoders, rows, strict=True)]
    pooled = next((one for _, one in read if one is not None), None)
    sizes = None if pooled is None else torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    told = parts.unet.prepare(torch.cat([hidden for hidden, _ in read], dim=-1), Added(pooled, sizes))
    found = parts.unet(noisy, look.chance.timesteps[0], told)
    target = target_of(levels, latents, look.chance.noise, look.chance.timesteps)
    return float(((found - target) ** 2).mean())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_loss_is_what_the_engines_networks_give(
    family: Family, small_of: Callable[[Family], Engine], tmp_path: Path
) -> None:
    engine = small_of(family)
    plan = small_plan(engine.card, steps=1)
    losses = losses_of(train_small(engine.card, plan, tmp_path)[0])
    assert losses[0] == pytest.approx(loss_by_the_engine(engine, plan), rel=1e-5)  # sums in another order


@pytest.mark.parametrize("family", FAMILIES)
def test_it_draws_as_before_until_it_has_learnt_and_the_text_encoders_learn_too(
    family: Family, small_of: Callable[[Family], Engine], tmp_path: Path
) -> None:
    engine = small_of(family)
    plan = small_plan(engine.card, steps=3, text_encoder=True, text_encoder_rate=1e-2, learning_rate=1e-2)
    trainable, running = small_training(engine.card, plan, tmp_path)

    def drawn() -> torch.Tensor:
        parts = trainable.adapted(drawing_parts(trainable.base))
        return latents(Engine(engine.card, plan.execution, parts))

    def latents(of: Engine) -> torch.Tensor:
        return list(of.steps([replace(DRAWING, model_sha256=engine.card.sha256)]))[-1][0].latents

    first = drawn()
    assert torch.allclose(first, latents(engine), atol=1e-4)  # the same weights, at other places in memory
    list(running)
    parts = {group.name for group in trainable.groups}
    assert parts == {"unet", "text_encoder", *(["text_encoder_2"] if family == "sdxl" else [])}
    same = {
        name for name, one in trainable.state_dict().items() if name.endswith("lora_up") and not one.abs().max() > 0
    }
    # SDXL attends to the last layer but one; of the first encoder nothing behind that is used.
    unused = {name for name in trainable.state_dict() if name.startswith("text_encoder.encoder.layers.2.")}
    assert same == ({name for name in unused if name.endswith("lora_up")} if family == "sdxl" else set())
    assert not torch.allclose(drawn(), first, atol=1e-2)
    assert all(not parameter.requires_grad or parameter.grad is None for parameter in trainable.base.unet.parameters())


def test_a_picture_can_be_drawn_in_the_middle(small_of: Callable[[Family], Engine], tmp_path: Path) -> None:
    engine = small_of("sd1")
    plan = small_plan(engine.card, method="full", steps=1)
    trainable, _ = small_training(engine.card, plan, tmp_path)
    drawing = Engine(engine.card, plan.execution, trainable.adapted(drawing_parts(trainable.base)))
    pictures = [event for event in drawing.draw([DRAWING]) if isinstance(event, Drawn)]
    assert pictures[0].image.size == (64, 64)
