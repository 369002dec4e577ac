"""Small models of every family with random weights, made by diffusers' and transformers' own classes.

They stay in memory, for diffusers' pipelines, and are saved as folders, for ours. (Networks that diffusers loads from a
file have their weights anywhere in it, and MKL adds up in another order there than in memory that is aligned.)
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from small_models import LATENT_SIDE, write_small_tokenizer

from colabsd.models.cards import Family, Variant

CHANNELS = {"text": 4, "inpaint": 9, "edit": 8}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
UNET = {
    "sample_size": LATENT_SIDE,
    "block_out_channels": (32, 64),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": 32,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}
UNETS: dict[str, dict[str, Any]] = {
    "sd1": {},
    "sd2": {"attention_head_dim": (2, 4), "use_linear_projection": True, "upcast_attention": True},
    "sdxl": {
        "attention_head_dim": (2, 4),
        "use_linear_projection": True,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2),
        "cross_attention_dim": 56,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 20 + 6 * 8,
    },
}
TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}
SECOND = {"hidden_size": 24, "intermediate_size": 48, "num_attention_heads": 4, "num_hidden_layers": 4}


@dataclass
class SmallFamily:
    """A family's networks in memory, and the folder that they were saved in."""

    folder: Path
    unet: Any
    vae: Any
    encoders: list[Any]
    tokenizers: list[Any]
    scheduler: dict[str, Any]
    extras: dict[str, Any] = field(default_factory=dict)


def make_family(folder: Path, family: Family, variant: Variant, *, guidance_width: int | None = None) -> SmallFamily:
    """Make a model and save it in a folder."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(21)
        unet = UNet2DConditionModel(
            **{**UNET, **UNETS[family], "in_channels": CHANNELS[variant], "time_cond_proj_dim": guidance_width}
        ).eval()
        vae = AutoencoderKL(
            block_out_channels=(8, 16, 16, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=64,
        ).eval()
        padding = "<|endoftext|>" if family == "sd1" else "!"
        activation = "quick_gelu" if family != "sd2" else "gelu"
        tokenizers = [_tokenizer(folder / "tokenizer", padding if family == "sd2" else "<|endoftext|>")]
        encoders = [_encoder(CLIPTextModel, {**TEXT, "hidden_act": activation}, len(tokenizers[0]))]
        if family == "sdxl":
            tokenizers.append(_tokenizer(folder / "tokenizer_2", padding))
            second = {**SECOND, "hidden_act": "gelu", "projection_dim": 20}
            encoders.append(_encoder(CLIPTextModelWithProjection, second, len(tokenizers[1])))
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    for name, encoder in zip(("text_encoder", "text_encoder_2"), encoders, strict=False):
        encoder.save_pretrained(folder / name)
    scheduler = {**BETAS, "_class_name": "DDIMScheduler", "clip_sample": False, "steps_offset": 1}
    if family == "sd2":
        scheduler["prediction_type"] = "v_prediction"
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    (folder / "model_index.json").write_text(json.dumps({"force_zeros_for_empty_prompt": family == "sdxl"}))
    return SmallFamily(folder, unet, vae, encoders, tokenizers, scheduler)


def _tokenizer(folder: Path, padding: str) -> Any:
    from transformers import CLIPTokenizer

    write_small_tokenizer(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": padding}))
    return CLIPTokenizer.from_pretrained(folder)


def _encoder(made: Any, sizes: dict[str, Any], words: int) -> Any:
    """A text encoder whose words differ: transformers' own beginning makes them all but equal."""
    import torch
    from transformers import CLIPTextConfig

    ends = {"bos_token_id": words - 2, "eos_token_id": words - 1, "pad_token_id": words - 1}
    model = made(CLIPTextConfig(vocab_size=words, max_position_embeddings=77, **sizes, **ends)).eval()
    for name, parameter in model.named_parameters():
        if "embedding" in name:
            torch.nn.init.normal_(parameter)
        elif "final_layer_norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)  # so that normalised and not normalised states differ
    return model
