"""The autoencoder: built, trained on crops of scenes, measured. Knows nothing of sentences."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import diffusers
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from . import checkpoints
from .concepts import Concept
from .data import Drawings, Pixels
from .muon import optimizers_for, set_learning_rate
from .recipe import AutoencoderRecipe, Recipe
from .scenes import paint, random_scene
from .side_by_side import SideBySide

log = logging.getLogger(__name__)

EVERY_STEPS = 50
Autoencoder: TypeAlias = Any  # diffusers.AutoencoderKL, which has no types


def build(recipe: Recipe, seed: int = 0) -> Autoencoder:
    """A new autoencoder with seeded weights."""
    channels = recipe.autoencoder.channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return diffusers.AutoencoderKL(
            in_channels=3,
            out_channels=3,
            down_block_types=("DownEncoderBlock2D",) * len(channels),
            up_block_types=("UpDecoderBlock2D",) * len(channels),
            block_out_channels=channels,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=8,
            mid_block_add_attention=False,
            sample_size=recipe.size,
        )


def to_tensor(pictures: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """(n, H, W, 3) uint8 -> (n, 3, H, W) float in [-1, 1], channels last."""
    tensor = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float()
    return tensor.div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def to_pixels(pictures: Tensor) -> Pixels:
    """(n, 3, H, W) in [-1, 1] -> (n, H, W, 3) uint8."""
    scaled = (pictures.detach().float().clamp(-1, 1) + 1) * 127.5
    pixels: Pixels = scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def scenes_for(drawings: Drawings, concepts: Sequence[Concept], recipe: Recipe, count: int, seed: int) -> Pixels:
    """(count, size, size, 3) scenes of these things in turn, every style."""
    rng = random.Random(seed)
    chosen = [concepts[index % len(concepts)] for index in range(count)]
    return np.stack(
        [paint(random_scene(rng, concepts, recipe.scenes, concept=one), drawings, recipe.size) for one in chosen]
    )


def loss_of(
    model: Autoencoder,
    pictures: Tensor,
    noise: Tensor,
    recipe: AutoencoderRecipe,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The loss and the mean squared error in [-1, 1].

    The loss is L1 + half the gradient's L1 + L2 + a little KL, and the distance to the latents that are `wanted`, as a
    share of their variance.
    """
    posterior = model.encode(pictures).latent_dist
    error = pictures - model.decode(posterior.mean + posterior.std * noise).sample.float()
    across = (error[..., 1:] - error[..., :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    squared = error.pow(2).mean()
    kl = posterior.kl().float().mean() / posterior.mean[0].numel()
    loss = error.abs().mean() + 0.5 * (across + down) + squared + recipe.kl_weight * kl
    if wanted is not None:
        loss = loss + recipe.likeness_weight * (posterior.mean.float() - wanted).pow(2).mean() / wanted.var()
    return loss, squared.detach()


def learning_rate_at(step: int, recipe: AutoencoderRecipe) -> float:
    """Warm-up, then a cosine to 2 %; once for the whole and once more for the decoder alone."""
    begin, steps = (0, recipe.steps) if step < recipe.steps else (recipe.steps, recipe.decoder_steps)
    done = min(1.0, (step - begin) / steps)
    warm = min(1.0, (step - begin + 1) / recipe.warmup_steps)
    return recipe.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


class Training:
    """A run in progress; its whole state goes into a checkpoint and comes back bit for bit."""

    def __init__(
        self,
        recipe: Recipe,
        pool: Pixels,
        device: str = "cpu",
        seed: int = 0,
        parts: int = 1,
        teacher: Autoencoder | None = None,
    ) -> None:
        self.recipe, self.pool, self.device = recipe, pool, device
        self.teacher = None if teacher is None else teacher.to(device)
        self.model = build(recipe, seed).to(device, memory_format=torch.channels_last)
        self.chance = np.random.default_rng(seed)
        self.noise = torch.Generator().manual_seed(seed)
        self.side_by_side = SideBySide(parts)
        self.weights = list(self.model.parameters())
        self.decoder = [*self.model.post_quant_conv.parameters(), *self.model.decoder.parameters()]
        self.optimizers = optimizers_for(
            list(self.model.named_parameters()), recipe.autoencoder.learning_rate, self.side_by_side
        )
        self.step = 0

    def crops(self) -> Tensor:
        """A batch of random crops of the pool."""
        recipe, most = self.recipe.autoencoder, self.recipe.size - self.recipe.autoencoder.crop + 1
        rows = self.chance.integers(0, len(self.pool), recipe.batch)
        tops, lefts = self.chance.integers(0, most, (2, recipe.batch))
        side = recipe.crop
        parts = [
            self.pool[row, top : top + side, left : left + side]
            for row, top, left in zip(rows, tops, lefts, strict=True)
        ]
        return to_tensor(np.stack(parts), self.device)

    def wanted(self, crops: Tensor) -> Tensor | None:
        """The teacher's latents of the crops, made as small as the teacher's pictures are."""
        if self.teacher is None or self.step >= self.recipe.autoencoder.steps:
            return None
        shrink = len(self.recipe.autoencoder.channels) - len(self.teacher.config.block_out_channels)
        with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
            small = torch.nn.functional.avg_pool2d(crops, 2**shrink)
            latents: Tensor = self.teacher.encode(small).latent_dist.mean.float()
        return latents

    @property
    def learning(self) -> list[nn.Parameter]:
        """All weights at first; then the decoder's alone, so that the denoiser's latents stay what they are."""
        return self.weights if self.step < self.recipe.autoencoder.steps else self.decoder

    def advance(self) -> tuple[float, float]:
        """One step; the loss and the PSNR in dB."""
        for weight in self.weights:
            weight.grad = None
        set_learning_rate(self.optimizers, learning_rate_at(self.step, self.recipe.autoencoder))
        crops, errors = self.crops(), {}
        side = crops.shape[-1] >> (len(self.recipe.autoencoder.channels) - 1)
        noise = torch.randn(len(crops), 4, side, side, generator=self.noise).to(self.device)
        wanted = self.wanted(crops)

        def loss_of_part(first: int, end: int) -> Tensor:
            with torch.autocast(self.device, torch.bfloat16, cache_enabled=False):
                part = None if wanted is None else wanted[first:end]
                loss, errors[first] = loss_of(
                    self.model, crops[first:end], noise[first:end], self.recipe.autoencoder, part
                )
            return loss

        loss = self.side_by_side.gradients(loss_of_part, len(crops), self.learning)
        torch.nn.utils.clip_grad_norm_(self.learning, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        squared = float(torch.stack(list(errors.values())).mean())
        return loss, 10 * math.log10(4 / max(squared, 1e-9))

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "chance": self.chance.bit_generator.state,
            "noise": self.noise.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.model.load_state_dict(state["model"])
        for optimizer, value in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(value)
        self.step = int(state["step"])
        self.chance.bit_generator.state = state["chance"]
        self.noise.set_state(state["noise"])


def train(
    training: Training,
    folder: Path,
    show: Callable[[Autoencoder, Path], None],
    minutes: float | None = None,
    every_minutes: float = 10.0,
) -> None:
    """Until the recipe's steps are done, or `minutes` have passed; resumes from the newest checkpoint in `folder`."""
    found = checkpoints.newest(folder)
    if found is not None:
        training.restore(checkpoints.load(found))
        log.info("resumed at step %d", training.step)
    began = saved = time.monotonic()
    first = training.step
    recipe = training.recipe.autoencoder
    while training.step < recipe.steps + recipe.decoder_steps:
        loss, psnr = training.advance()
        now = time.monotonic()
        if training.step % EVERY_STEPS == 0:
            speed = (training.step - first) * recipe.batch / (now - began)
            log.info("step %d loss %.4f psnr %.2f dB, %.1f crops/s", training.step, loss, psnr, speed)
        if minutes is not None and now - began > minutes * 60:
            break
        if now - saved > every_minutes * 60:
            checkpoints.save(folder, training.step, training.state())
            show(training.model, folder / f"sheet-{training.step:08d}.jpg")
            saved = time.monotonic()
    checkpoints.save(folder, training.step, training.state())
    show(training.model, folder / f"sheet-{training.step:08d}.jpg")


@torch.no_grad()
def reconstruct(model: Autoencoder, pictures: Pixels, batch: int = 16) -> Pixels:
    """The pictures encoded (mode) and decoded."""
    device = next(model.parameters()).device
    parts = [to_tensor(pictures[start : start + batch], device) for start in range(0, len(pictures), batch)]
    return np.concatenate([to_pixels(model.decode(model.encode(part).latent_dist.mode()).sample) for part in parts])


def psnr_db(pictures: Pixels, others: Pixels) -> float:
    """Peak signal to noise ratio over all of them, in dB."""
    error = np.mean((pictures.astype(np.float64) - others.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(float(error), 1e-12)))


def save_pairs(model: Autoencoder, pictures: Pixels, path: Path) -> float:
    """A sheet of originals over their reconstructions; their PSNR in dB, in the log too."""
    others = reconstruct(model, pictures)
    rows = []
    for start in range(0, len(pictures), 8):
        rows += [np.concatenate(list(part[start : start + 8]), 1) for part in (pictures, others)]
    Image.fromarray(np.concatenate(rows)).save(path, quality=92)
    value = psnr_db(pictures, others)
    log.info("whole scenes of things never seen: %.2f dB (%s)", value, path.name)
    return value
