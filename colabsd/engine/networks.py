"""Which class computes a model's networks: ours where it knows every setting of the configuration, else diffusers'."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from colabsd.engine.autoencoder import Autoencoder
from colabsd.engine.picture_encoder import PictureEncoder, Posterior
from colabsd.engine.unet import NOTHING, UNet
from colabsd.engine.unet_embeddings import Added, guidance_waves

# Settings that ours takes any value of, or the values named; any other must be None, False, or as in UNET_FIXED.
UNET_FREE = (
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "norm_num_groups",
    "norm_eps",
    "flip_sin_to_cos",
    "freq_shift",
    "use_linear_projection",
    "upcast_attention",  # PyTorch's kernels sum in fp32 whatever it says, and diffusers' class ignores it with them
    "addition_embed_type_num_heads",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
    "time_cond_proj_dim",
)
UNET_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "addition_embed_type": (None, "text", "text_time"),
}
UNET_FIXED: Mapping[str, Any] = {
    "act_fn": "silu",
    "attention_type": "default",
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "downsample_padding": 1,
    "dropout": 0.0,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "resnet_out_scale_factor": 1.0,
    "time_embedding_type": "positional",
}
VAE_FREE = (
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "latent_channels",
    "layers_per_block",
    "norm_num_groups",
    "scaling_factor",
    "mid_block_add_attention",
    "use_quant_conv",
    "use_post_quant_conv",
    "force_upcast",  # matters to pipelines that run in fp16 only
)
VAE_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "down_block_types": ("DownEncoderBlock2D",),
    "up_block_types": ("UpDecoderBlock2D",),
    "act_fn": ("silu",),
}


class Denoiser(Protocol):
    """A UNet as the engine uses it.

    `in_channels` are the latents' own `out_channels` and those of a picture shown beside them; `guidance_width` is the
    width of a guidance embedding, None where the model has none and guidance takes a second pass.
    """

    in_channels: int
    out_channels: int
    guidance_width: int | None

    def prepare(self, embeddings: Tensor, added: Added = NOTHING) -> Any: ...

    def __call__(self, latents: Tensor, timestep: Tensor, conditions: Any) -> Tensor: ...


class Decoding(Protocol):
    """The half of an autoencoder that makes pictures of latents."""

    def decode(self, latents: Tensor) -> Tensor: ...


class Encoding(Protocol):
    """The half of an autoencoder that makes latents of pictures."""

    def encode(self, pictures: Tensor) -> Posterior: ...


def knows_unet(config: Mapping[str, Any]) -> bool:
    """Whether `UNet` computes what this configuration describes."""
    sizes = (
        isinstance(config.get("layers_per_block", 2), int)
        and isinstance(config.get("cross_attention_dim", 1280), int)
        and isinstance(config.get("attention_head_dim", 8), int | list)
        and _is_depth(config.get("transformer_layers_per_block", 1))
    )
    measured = ("layers_per_block", "cross_attention_dim", "attention_head_dim", "transformer_layers_per_block")
    return sizes and _knows(config, (*UNET_FREE, *measured), UNET_CHOICES, UNET_FIXED)


def knows_autoencoder(config: Mapping[str, Any]) -> bool:
    """Whether `Autoencoder` computes what this configuration describes."""
    return _knows(config, VAE_FREE, VAE_CHOICES, {})


def _is_depth(value: Any) -> bool:
    """One number, or one per level; other shapes of it (per block of a level) are diffusers' business."""
    return isinstance(value, int) or (isinstance(value, list) and all(isinstance(one, int) for one in value))


def _knows(
    config: Mapping[str, Any], free: tuple[str, ...], choices: Mapping[str, tuple[Any, ...]], fixed: Mapping[str, Any]
) -> bool:
    def accepts(name: str, value: Any) -> bool:
        if name in choices:
            return all(one in choices[name] for one in (value if isinstance(value, list) else [value]))
        return name.startswith("_") or name in free or value in (None, False) or fixed.get(name) == value

    return all(accepts(name, value) for name, value in config.items())


def build_unet(config: Mapping[str, Any]) -> Any:
    """A `Denoiser` module, not yet with its weights."""
    return UNet(config) if knows_unet(config) else DiffusersUNet(config)


def build_autoencoder(config: Mapping[str, Any]) -> Any:
    """A `Decoding` module, not yet with its weights."""
    return Autoencoder(config) if knows_autoencoder(config) else DiffusersAutoencoder(config)


def build_picture_encoder(config: Mapping[str, Any]) -> Any:
    """An `Encoding` module, not yet with its weights."""
    return PictureEncoder(config) if knows_autoencoder(config) else DiffusersAutoencoder(config)


def class_of(library: str, name: str) -> Any:
    """A class of a library that is imported only now, in memory even while a module is built without any.

    Libraries compute while they are imported: torchao 0.10, which Colab has and diffusers looks at, does.
    """
    with torch.device("cpu"):
        return getattr(import_module(library), name)


class DiffusersUNet(nn.Module):
    """diffusers' UNet behind the same three names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.model = class_of("diffusers", "UNet2DConditionModel").from_config(dict(config))
        self.in_channels: int = self.model.config.in_channels
        self.out_channels: int = self.model.config.out_channels
        self.guidance_width: int | None = self.model.config.time_cond_proj_dim

    def prepare(self, embeddings: Tensor, added: Added = NOTHING) -> dict[str, Any]:
        """The arguments of diffusers' class that stay the same at every step; it prepares nothing."""
        prepared: dict[str, Any] = {"encoder_hidden_states": embeddings}
        if added.pooled is not None:
            prepared["added_cond_kwargs"] = {"text_embeds": added.pooled, "time_ids": added.sizes}
        if self.guidance_width and added.guidance is not None:
            waves = guidance_waves(added.guidance, len(embeddings), self.guidance_width, embeddings.device)
            prepared["timestep_cond"] = waves.to(embeddings.dtype)
        return prepared

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Mapping[str, Any]) -> Tensor:
        result: Tensor = self.model(latents, timestep, **conditions, return_dict=False)[0]
        return result


class DiffusersAutoencoder(nn.Module):
    """diffusers' autoencoder, both halves, behind the same names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.model = class_of("diffusers", "AutoencoderKL").from_config(dict(config))

    def decode(self, latents: Tensor) -> Tensor:
        latents = (latents / self.model.config.scaling_factor).to(self.model.dtype)
        result: Tensor = self.model.decode(latents, return_dict=False)[0]
        return result

    def encode(self, pictures: Tensor) -> Posterior:
        found = self.model.encode(pictures.to(self.model.dtype), return_dict=False)[0]
        return Posterior(found.mean, found.std, self.model.config.scaling_factor)
