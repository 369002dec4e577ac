"""Which class computes a model's networks: ours where it knows every setting of the configuration, else diffusers'."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from colabsd.engine.autoencoder import Autoencoder
from colabsd.engine.unet import UNet

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
    "addition_embed_type_num_heads",
)
UNET_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "resnet_time_scale_shift": ("default", "scale_shift"),
    "addition_embed_type": (None, "text"),
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
    "transformer_layers_per_block": 1,
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
    """A UNet as the engine uses it."""

    in_channels: int

    def prepare(self, embeddings: Tensor) -> Any: ...

    def __call__(self, latents: Tensor, timestep: Tensor, conditions: Any) -> Tensor: ...


class Decoding(Protocol):
    """An autoencoder as the engine uses it."""

    def decode(self, latents: Tensor) -> Tensor: ...


def knows_unet(config: Mapping[str, Any]) -> bool:
    """Whether `UNet` computes what this configuration describes."""
    sizes = (
        isinstance(config.get("layers_per_block", 2), int)
        and isinstance(config.get("cross_attention_dim", 1280), int)
        and isinstance(config.get("attention_head_dim", 8), int | list)
    )
    measured = ("layers_per_block", "cross_attention_dim", "attention_head_dim")
    return sizes and _knows(config, (*UNET_FREE, *measured), UNET_CHOICES, UNET_FIXED)


def knows_autoencoder(config: Mapping[str, Any]) -> bool:
    """Whether `Autoencoder` computes what this configuration describes."""
    return _knows(config, VAE_FREE, VAE_CHOICES, {})


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


class DiffusersUNet(nn.Module):
    """diffusers' UNet behind the same three names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import UNet2DConditionModel

        super().__init__()
        made: Any = UNet2DConditionModel
        self.model = made.from_config(dict(config))
        self.in_channels: int = self.model.config.in_channels

    def prepare(self, embeddings: Tensor) -> Tensor:
        """The embeddings as they are: diffusers' class prepares nothing."""
        return embeddings

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Tensor) -> Tensor:
        result: Tensor = self.model(latents, timestep, encoder_hidden_states=conditions, return_dict=False)[0]
        return result


class DiffusersAutoencoder(nn.Module):
    """diffusers' autoencoder behind the same name."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        from diffusers import AutoencoderKL

        super().__init__()
        made: Any = AutoencoderKL
        self.model = made.from_config(dict(config))

    def decode(self, latents: Tensor) -> Tensor:
        result: Tensor = self.model.decode(latents / self.model.config.scaling_factor, return_dict=False)[0]
        return result
