"""The models that are measured with: the starter, and one of Stable Diffusion 1.5's full size with random weights."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colabsd.models.starter import starter_folder

STEPS_FULL = 5
SIDE_FULL = 256


@dataclass(frozen=True)
class Subject:
    """A model and what is drawn with it. Its own scheduler is DPM++ 2M with trailing timesteps.

    `start_counts` is false where nearly all of a process's time is drawing, which is the same work on both sides.
    """

    name: str
    folder: Path
    side: int
    steps: int
    guidance: float
    rounds: int
    start_counts: bool = True
    prompt: str = "a red apple, 3d style, blue background"


def starter(rounds: int) -> Subject:
    """The embedded model with its own defaults."""
    card = json.loads((starter_folder() / "card.json").read_text())
    side, steps, guidance = card["size"], card["default_steps"], card["default_guidance"]
    return Subject("starter", starter_folder(), side, steps, guidance, rounds)


def full_size(folder: Path, rounds: int) -> Subject:
    """A model of Stable Diffusion 1.5's sizes, written into a folder by a process that takes its memory with it."""
    subprocess.run([sys.executable, "-m", "benchmarks.models", str(folder)], check=True)
    return Subject("full-size SD 1.5, random weights", folder, SIDE_FULL, STEPS_FULL, 7.5, rounds, start_counts=False)


def write_full_size(folder: Path) -> None:
    """Write the model with random weights (4.3 GB)."""
    import torch
    from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet: Any = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
    unet.save_pretrained(folder / "unet")
    autoencoder: Any = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
    )
    autoencoder.save_pretrained(folder / "vae")
    words = len(json.loads((starter_folder() / "tokenizer" / "vocab.json").read_text()))
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=words - 1,
    )
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    scheduler: Any = DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing", steps_offset=1
    )
    scheduler.save_pretrained(folder / "scheduler")
    shutil.copytree(starter_folder() / "tokenizer", folder / "tokenizer")
    shutil.copy(starter_folder() / "model_index.json", folder / "model_index.json")


if __name__ == "__main__":
    write_full_size(Path(sys.argv[1]))
