"""The denoiser: a UNet trained on latents and captions, steered by a text encoder that stays as it is."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextModel

from . import checkpoints
from .captions import PLAIN, Habits, describe
from .concepts import Concept
from .muon import optimizers_for, set_learning_rate
from .networks import build_unet
from .palette import COLOURS
from .recipe import STYLES, TOKENS, DenoiserRecipe, Recipe
from .scenes import Scene, random_scene
from .side_by_side import SideBySide
from .tokenizer import Sentences

log = logging.getLogger(__name__)

TIMES = 1000
FIRST_BETA, LAST_BETA = 0.00085, 0.012
CAP = 6.0
EVERY_STEPS = 50


def signal_shares() -> Tensor:
    """(1000,) share of the picture's variance that is left at each time (scaled-linear betas)."""
    betas = torch.linspace(FIRST_BETA**0.5, LAST_BETA**0.5, TIMES, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


def loss_weight(share: Tensor) -> Tensor:
    """min(snr + 1, 6) / (snr + 1): full where noise is strong and the sentence decides, less where it is weak."""
    snr = share / (1 - share)
    return torch.clamp(snr + 1, max=CAP) / (snr + 1)


def learning_rate_at(step: int, recipe: DenoiserRecipe) -> float:
    """Warm-up, then constant, then a straight line down to 3 % over the last `decay_share` of the run."""
    done = step * recipe.batch / recipe.samples
    left = min(1.0, max(0.0, 1 - done) / recipe.decay_share)
    return recipe.learning_rate * min(1.0, (step + 1) / recipe.warmup_steps) * (0.03 + 0.97 * left)


@dataclass(frozen=True)
class Latents:
    """Scenes through the autoencoder: `values` (n, 4, side, side) bfloat16, `scale` makes their deviation 1."""

    values: Tensor
    scenes: Sequence[Scene]
    scale: float


class Training:
    """A run in progress; its whole state goes into a checkpoint and comes back bit for bit."""

    def __init__(
        self,
        recipe: Recipe,
        latents: Latents,
        sentences: Sentences,
        text_encoder: CLIPTextModel,
        device: str = "cpu",
        seed: int = 0,
        parts: int = 1,
    ) -> None:
        self.recipe, self.latents, self.sentences, self.device = recipe, latents, sentences, device
        torch.manual_seed(seed)
        self.text_encoder = text_encoder.requires_grad_(False)
        self.text_encoder.to(torch.device(device))  # type: ignore[arg-type]
        self.unet = build_unet(recipe).to(device, memory_format=torch.channels_last)
        named = list(self.unet.named_parameters())
        self.weights = [weight for _, weight in named]
        self.side_by_side = SideBySide(parts)
        self.optimizers = optimizers_for(named, recipe.denoiser.learning_rate, self.side_by_side)
        self.ema = [weight.detach().clone() for weight in self.weights]
        self.shares = signal_shares().to(device)
        self.step = 0
        self.chance = random.Random(seed)
        self.noise = torch.Generator(device).manual_seed(seed)
        self.order: list[int] = []

    def rows(self) -> list[int]:
        """The next batch: every latent once before any comes again."""
        batch = self.recipe.denoiser.batch
        while len(self.order) < batch:
            fresh = list(range(len(self.latents.values)))
            self.chance.shuffle(fresh)
            self.order += fresh
        chosen, self.order = self.order[:batch], self.order[batch:]
        return chosen

    def batch(self) -> tuple[Tensor, Tensor]:
        """Latents of deviation 1 and the token ids of fresh captions for them."""
        recipe, rows = self.recipe.denoiser, self.rows()
        habits = PLAIN if self.step * recipe.batch < recipe.plain_share * recipe.samples else Habits()
        texts = [describe(self.latents.scenes[row], self.chance, habits=habits).text for row in rows]
        texts = ["" if self.chance.random() < recipe.empty_captions else text for text in texts]
        length = TOKENS if self.step % recipe.long_every == 0 else recipe.tokens
        values = self.latents.values[rows].to(self.device).float() * self.latents.scale
        return values.contiguous(memory_format=torch.channels_last), self.sentences(texts, length).to(self.device)

    def advance(self) -> float:
        """One step; the loss."""
        clean, ids = self.batch()
        count = len(clean)
        spread = (torch.arange(count, device=self.device) + self._uniform(count)) / count
        times = (spread * TIMES).long().clamp(max=TIMES - 1)
        share = self.shares[times]
        noise = torch.randn(clean.shape, generator=self.noise, device=self.device)
        signal, disturbance = share.sqrt().view(-1, 1, 1, 1), (1 - share).sqrt().view(-1, 1, 1, 1)
        target = signal * noise - disturbance * clean
        set_learning_rate(self.optimizers, learning_rate_at(self.step, self.recipe.denoiser))
        noisy, weight = signal * clean + disturbance * noise, loss_weight(share)
        with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
            hidden = self.text_encoder(input_ids=ids)[0]

        def loss_of_part(first: int, end: int) -> Tensor:
            with torch.autocast(self.device, torch.bfloat16, cache_enabled=False):
                guess = self.unet(noisy[first:end], times[first:end], hidden[first:end]).sample
            error: Tensor = (guess.float() - target[first:end]).pow(2).mean((1, 2, 3))
            return (error * weight[first:end]).mean()

        loss = self.side_by_side.gradients(loss_of_part, count, self.weights)
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        self._follow()
        return loss

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(count, generator=self.noise, device=self.device)

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.recipe.denoiser.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.ema, [weight.detach() for weight in self.weights], 1 - keep)

    @torch.no_grad()
    def exchange(self) -> None:
        """Put the averaged weights in the models, and those in training aside; a second call undoes it."""
        for weight, average in zip(self.weights, self.ema, strict=True):
            aside = weight.detach().clone()
            weight.copy_(average)
            average.copy_(aside)

    def begin_with(self, state: dict[str, Any]) -> None:
        """Start from the averaged weights of another run instead of random ones; take nothing else over."""
        with torch.no_grad():
            for weight, average, value in zip(self.weights, self.ema, state["ema"], strict=True):
                weight.copy_(value)
                average.copy_(value)

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs, and the averaged weights by name for the export."""
        version, numbers, carried = self.chance.getstate()
        return {
            "unet": self.unet.state_dict(),
            "ema": self.ema,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "chance": [version, list(numbers), carried],
            "noise": self.noise.get_state(),
            "order": self.order,
            "scale": self.latents.scale,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.unet.load_state_dict(state["unet"])
        for average, value in zip(self.ema, state["ema"], strict=True):
            average.copy_(value)
        for optimizer, value in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(value)
        self.step, self.order = state["step"], list(state["order"])
        version, numbers, carried = state["chance"]
        self.chance.setstate((version, tuple(numbers), carried))
        self.noise.set_state(state["noise"])


def train(
    training: Training,
    folder: Path,
    show: Callable[[Training, Path], None],
    minutes: float | None = None,
    every_minutes: float = 10.0,
) -> None:
    """Until the recipe's samples are seen, or `minutes` have passed; resumes from the newest checkpoint in `folder`."""
    found = checkpoints.newest(folder)
    if found is not None:
        training.restore(checkpoints.load(found))
        log.info("resumed at step %d", training.step)
    recipe = training.recipe.denoiser
    began = saved = time.monotonic()
    paused, first, losses = 0.0, training.step, []
    while training.step * recipe.batch < recipe.samples:
        losses.append(training.advance())
        now = time.monotonic()
        if training.step % EVERY_STEPS == 0:
            speed = (training.step - first) * recipe.batch / (now - began - paused)
            mean, seen = sum(losses) / len(losses), training.step * recipe.batch
            log.info("step %d samples %d loss %.4f, %.1f samples/s", training.step, seen, mean, speed)
            losses = []
        if minutes is not None and now - began > minutes * 60:
            break
        if now - saved > every_minutes * 60:
            keep(training, folder, show)
            saved = time.monotonic()
            paused += saved - now
    keep(training, folder, show)


def keep(training: Training, folder: Path, show: Callable[[Training, Path], None]) -> None:
    """A checkpoint, and a sheet drawn with the averaged weights."""
    checkpoints.save(folder, training.step, training.state())
    training.exchange()
    show(training, folder / f"sheet-{training.step:08d}.jpg")
    training.exchange()


def scene_table(concepts: Sequence[Concept], recipe: Recipe, seed: int) -> list[Scene]:
    """The scenes whose latents are kept: every thing, style and colour equally often."""
    rng = random.Random(seed)
    free = recipe.scenes.gradients + recipe.scenes.places

    def scene(concept: Concept, style: str, colour: str) -> Scene:
        fixed = None if rng.random() < free else colour
        return random_scene(rng, concepts, recipe.scenes, concept=concept, style=style, colour=fixed)

    return [
        scene(concept, style, colour)
        for concept in concepts
        for style in STYLES
        for colour in COLOURS
        for _ in range(recipe.denoiser.views)
    ]
