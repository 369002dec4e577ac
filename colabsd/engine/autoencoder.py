"""The decoder of Stable Diffusion's autoencoder (Kingma & Welling 2013; Esser et al. 2021), with diffusers' names.

The other half is in `engine/picture_encoder.py`: drawing from a sentence needs none, and it is a third of the memory.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.layers import Attention, ResidualBlock, Upsample

EPSILON = 1e-6


class PictureAttention(Attention):
    """Attention of all places to all others, on normalised input with a shortcut; one head."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels, 1, bias=True)
        self.group_norm = nn.GroupNorm(groups, channels, EPSILON)

    def forward(self, hidden: Tensor, attended: Any = None) -> Tensor:
        n, channels, height, width = hidden.shape
        places = self.group_norm(hidden.reshape(n, channels, height * width)).transpose(1, 2)
        mixed = super().forward(places)
        return mixed.transpose(-1, -2).reshape(n, channels, height, width) + hidden


class Middle(nn.Module):
    """Two residual blocks, with attention between them or without."""

    def __init__(self, channels: int, groups: int, attention: bool) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([PictureAttention(channels, groups)] if attention else [])
        self.resnets = nn.ModuleList(ResidualBlock(channels, channels, groups, EPSILON, None) for _ in range(2))

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.resnets[0](hidden)
        for attention in self.attentions:
            hidden = attention(hidden)
        result: Tensor = self.resnets[1](hidden)
        return result


class Level(nn.Module):
    """Residual blocks, and behind them what changes the size, if anything does; `named` is what files call that."""

    def __init__(
        self, channels_in: int, channels: int, layers: int, groups: int, named: str, resizing: nn.Module | None
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            ResidualBlock(channels if index else channels_in, channels, groups, EPSILON, None)
            for index in range(layers)
        )
        self._named = named
        self.register_module(named, None if resizing is None else nn.ModuleList([resizing]))

    def forward(self, hidden: Tensor) -> Tensor:
        for resnet in self.resnets:
            hidden = resnet(hidden)
        resizing = getattr(self, self._named)
        result: Tensor = hidden if resizing is None else resizing[0](hidden)
        return result


class Decoder(nn.Module):
    """Latents (n, 4, h, w) -> pictures (n, 3, H, W) in about [-1, 1]."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = list(reversed(config["block_out_channels"]))
        groups, layers = config.get("norm_num_groups", 32), config.get("layers_per_block", 1) + 1
        self.conv_in = nn.Conv2d(config.get("latent_channels", 4), channels[0], 3, padding=1)
        self.mid_block = Middle(channels[0], groups, config.get("mid_block_add_attention", True))
        resizing = [*(Upsample(one) for one in channels[:-1]), None]
        self.up_blocks = nn.ModuleList(
            Level(before, one, layers, groups, "upsamplers", behind)
            for before, one, behind in zip((channels[0], *channels[:-1]), channels, resizing, strict=True)
        )
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], EPSILON)
        self.conv_out = nn.Conv2d(channels[-1], config.get("out_channels", 3), 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        hidden = self.mid_block(self.conv_in(latents))
        for level in self.up_blocks:
            hidden = level(hidden)
        result: Tensor = self.conv_out(functional.silu(self.conv_norm_out(hidden)))
        return result


class Autoencoder(nn.Module):
    """The half of the autoencoder that draws. `scaling_factor` is what its latents were multiplied by."""

    unused = ("encoder.", "quant_conv.")  # parameters that the file has and this half has not

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = config.get("latent_channels", 4)
        self.scaling_factor: float = config.get("scaling_factor", 0.18215)
        self.post_quant_conv = nn.Conv2d(channels, channels, 1) if config.get("use_post_quant_conv", True) else None
        self.decoder = Decoder(config)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents as the UNet knows them, (n, 4, h, w) -> pictures (n, 3, H, W) in about [-1, 1]."""
        latents = (latents / self.scaling_factor).to(self.decoder.conv_in.weight.dtype)
        result: Tensor = self.decoder(latents if self.post_quant_conv is None else self.post_quant_conv(latents))
        return result
