"""Pictures from the models in training, by DPM++ 2M with guidance as in the export; sheets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image
from transformers import CLIPTextModel

from .autoencoder import Autoencoder, to_pixels
from .data import Pixels
from .denoiser import FIRST_BETA, LAST_BETA, TIMES
from .networks import Unet
from .tokenizer import Sentences


def scheduler() -> Any:
    """The scheduler of the export."""
    return diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=TIMES,
        beta_start=FIRST_BETA,
        beta_end=LAST_BETA,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=1,
    )


@torch.no_grad()
def draw(
    models: tuple[CLIPTextModel, Unet, Autoencoder],
    sentences: Sentences,
    prompts: Sequence[str],
    scale: float,
    *,
    guidance: float = 2.0,
    steps: int = 20,
    seed: int = 0,
    batch: int = 12,
) -> Pixels:
    """(n, size, size, 3) uint8, one picture a prompt; `scale` is the latents' scaling factor."""
    text_encoder, unet, decoder = models
    device = unet.device
    side = unet.config.sample_size
    chance = torch.Generator().manual_seed(seed)
    pictures = []
    for start in range(0, len(prompts), batch):
        texts = list(prompts[start : start + batch])
        ids = sentences([""] * len(texts) + texts).to(device)
        solver = scheduler()
        solver.set_timesteps(steps)
        latents = torch.randn(len(texts), 4, side, side, generator=chance).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            hidden = text_encoder(input_ids=ids)[0]
            for time in solver.timesteps:
                both = torch.cat([latents, latents]).contiguous(memory_format=torch.channels_last)
                without, guided = unet(both, time, hidden).sample.float().chunk(2)
                latents = solver.step(without + guidance * (guided - without), time, latents).prev_sample
            pictures.append(to_pixels(decoder.decode(latents / scale).sample))
    return np.concatenate(pictures)


def save_sheet(pictures: Pixels, path: Path, columns: int = 8, quality: int = 90) -> None:
    """The pictures in rows, without captions."""
    side = pictures.shape[1]
    rows = (len(pictures) + columns - 1) // columns
    sheet = Image.new("RGB", (columns * side, rows * side), "white")
    for place, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), (place % columns * side, place // columns * side))
    sheet.save(path, quality=quality)
