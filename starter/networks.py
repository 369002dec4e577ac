"""The networks that draw, new and untrained: the text encoder and the UNet."""

from __future__ import annotations

from typing import Any, TypeAlias

import diffusers
from transformers import CLIPTextConfig, CLIPTextModel

from .recipe import TOKENS, DenoiserRecipe, Recipe

Unet: TypeAlias = Any  # diffusers.UNet2DConditionModel, which has no types


def build_text_encoder(recipe: DenoiserRecipe, vocabulary: int) -> CLIPTextModel:
    """A new text encoder for a vocabulary whose last two entries are start and end."""
    end = vocabulary - 1
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.text_width,
            intermediate_size=4 * recipe.text_width,
            num_hidden_layers=recipe.text_layers,
            num_attention_heads=recipe.heads,
            max_position_embeddings=TOKENS,
            projection_dim=recipe.text_width,
            bos_token_id=end - 1,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def build_unet(recipe: Recipe) -> Unet:
    """A new UNet: plain levels outside, attention to the sentence in the inner ones."""
    denoiser = recipe.denoiser
    attends = [level >= len(denoiser.channels) - denoiser.attention_levels for level in range(len(denoiser.channels))]
    return diffusers.UNet2DConditionModel(
        sample_size=recipe.latent_size,
        in_channels=4,
        out_channels=4,
        down_block_types=tuple("CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if one else "UpBlock2D" for one in reversed(attends)),
        block_out_channels=denoiser.channels,
        layers_per_block=1,
        cross_attention_dim=denoiser.text_width,
        attention_head_dim=denoiser.heads,
        norm_num_groups=denoiser.norm_groups,
        addition_embed_type="text",
        addition_embed_type_num_heads=denoiser.heads,
        resnet_time_scale_shift="scale_shift",
    )
