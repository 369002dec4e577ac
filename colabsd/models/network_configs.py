"""What a model's config.json files would say, told from the shapes of its tensors and the habits of its family.

Sizes are read off the shapes; what shapes do not tell (heads, activations, scaling, schedules) is in the tables here,
as each family's published configuration has it. For single files, which carry no configuration.
"""

from collections.abc import Mapping
from typing import Any

from colabsd.models.cards import Family
from colabsd.models.original_names import read_diffusers_autoencoder_structure, read_diffusers_unet_structure
from colabsd.models.stored_tensors import Shape

Shapes = Mapping[str, Shape]

HEAD_WIDTH = 64  # of the UNets of SD 2 and SDXL, and of every text encoder
SD1_HEADS = 8
TIME_IDS_WIDTH = 256
OPEN_CLIP_LAYERS_OF_SD2 = 24  # the last of which is not used, and not in diffusers' folders
UNKNOWN = "unknown"  # some SD 2 models predict noise, some velocity; only the network itself can tell
LATENT_SIDES: Mapping[Family, int] = {"sd1": 64, "sd2": 96, "sdxl": 128}
SCALING_FACTORS: Mapping[Family, float] = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}
NOISE: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "trained_betas": None,
    "clip_sample": False,
    "steps_offset": 1,
}
SCHEDULERS: Mapping[Family, Mapping[str, Any]] = {
    "sd1": {**NOISE, "_class_name": "PNDMScheduler", "set_alpha_to_one": False, "skip_prk_steps": True},
    "sd2": {**NOISE, "_class_name": "DDIMScheduler", "set_alpha_to_one": False, "prediction_type": UNKNOWN},
    "sdxl": {
        **NOISE,
        "_class_name": "EulerDiscreteScheduler",
        "interpolation_type": "linear",
        "timestep_spacing": "leading",
        "use_karras_sigmas": False,
    },
}


def unet_config(family: Family, shapes: Shapes) -> dict[str, Any]:
    """The configuration of a UNet by diffusers' names. Raises: KeyError or ValueError when it has no such shape."""
    structure = read_diffusers_unet_structure(shapes)
    if structure is None:
        raise ValueError("no UNet")
    levels = range(structure.levels)
    channels = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in levels]
    crossed = [level in structure.crossed for level in levels]
    deepest = [f"down_blocks.{level}.attentions.0" if crossed[level] else "mid_block.attentions.0" for level in levels]
    depths = [_depth(place, shapes) if crossed[level] else 1 for level, place in enumerate(deepest)]
    first = f"{deepest[crossed.index(True) if any(crossed) else 0]}.transformer_blocks.0.attn2.to_k.weight"
    config = {
        "_class_name": "UNet2DConditionModel",
        "sample_size": LATENT_SIDES[family],
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": structure.layers,
        "down_block_types": ["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in crossed],
        "up_block_types": ["CrossAttnUpBlock2D" if one else "UpBlock2D" for one in reversed(crossed)],
        "cross_attention_dim": shapes[first][1],
        "transformer_layers_per_block": depths if max(depths) > 1 else 1,
        "attention_head_dim": SD1_HEADS if family == "sd1" else [max(1, one // HEAD_WIDTH) for one in channels],
        "use_linear_projection": len(shapes["mid_block.attentions.0.proj_in.weight"]) == 2,
    }
    if "add_embedding.linear_1.weight" in shapes:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": TIME_IDS_WIDTH,
            "projection_class_embeddings_input_dim": shapes["add_embedding.linear_1.weight"][1],
        }
    if "time_embedding.cond_proj.weight" in shapes:
        config["time_cond_proj_dim"] = shapes["time_embedding.cond_proj.weight"][1]
    return config


def _depth(place: str, shapes: Shapes) -> int:
    """How many transformer blocks are behind one another there."""
    beginning = f"{place}.transformer_blocks."
    return len({name.removeprefix(beginning).split(".")[0] for name in shapes if name.startswith(beginning)})


def autoencoder_config(family: Family, shapes: Shapes) -> dict[str, Any]:
    """The configuration of an autoencoder by diffusers' names. Raises: KeyError or ValueError when there is none."""
    structure = read_diffusers_autoencoder_structure(shapes)
    if structure is None:
        raise ValueError("no autoencoder")
    levels = range(structure.levels)
    channels = [shapes[f"decoder.up_blocks.{level}.resnets.0.conv1.weight"][0] for level in reversed(levels)]
    return {
        "_class_name": "AutoencoderKL",
        "sample_size": LATENT_SIDES[family] * 2 ** (structure.levels - 1),
        "in_channels": shapes.get("encoder.conv_in.weight", (0, 3))[1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": channels,
        "layers_per_block": structure.layers,
        "down_block_types": ["DownEncoderBlock2D"] * structure.levels,
        "up_block_types": ["UpDecoderBlock2D"] * structure.levels,
        "scaling_factor": SCALING_FACTORS[family],
        "force_upcast": family == "sdxl",
    }


def text_encoder_config(open_clip: bool, shapes: Shapes) -> dict[str, Any]:
    """The configuration of a text encoder by plain names. Raises: KeyError or ValueError when there is none.

    OpenCLIP's were trained with another activation and pad with another token.
    """
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    layers = {name.split(".")[2] for name in shapes if name.startswith("encoder.layers.")}
    config = {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0],
        "hidden_act": "gelu" if open_clip else "quick_gelu",
        "layer_norm_eps": 1e-5,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": 0 if open_clip else vocabulary - 1,
    }
    if "text_projection.weight" in shapes:
        config |= {
            "architectures": ["CLIPTextModelWithProjection"],
            "projection_dim": shapes["text_projection.weight"][0],
        }
    return config
