"""The encoder of Stable Diffusion's autoencoder (Kingma & Welling 2013), with diffusers' names.

A half of its own, loaded when a picture is to be redrawn and not before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.autoencoder import EPSILON, Level, Middle

LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE = -30.0, 20.0


@dataclass(frozen=True)
class Posterior:
    """The latents that a picture may have: a normal distribution with independent elements, (n, 4, h, w) each.

    Neither is multiplied by `scaling_factor` yet, which makes latents what the UNet knows.
    """

    mean: Tensor
    deviation: Tensor
    scaling_factor: float

    def latents(self, noise: Tensor | None) -> Tensor:
        """Latents as the UNet knows them: drawn with normal `noise` of their shape, or the likeliest without."""
        mean = self.mean if noise is None else self.mean + self.deviation * noise.to(self.mean)
        return self.scaling_factor * mean


class PaddedDownsample(nn.Module):
    """Half the size by a strided convolution; padded at the right and the bottom only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.conv(functional.pad(hidden, (0, 1, 0, 1)))
        return result


class Layers(nn.Module):
    """Pictures (n, 3, H, W) in [-1, 1] -> means and log variances (n, 8, h, w); a module so that names are kept."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = list(config["block_out_channels"])
        groups, layers = config.get("norm_num_groups", 32), config.get("layers_per_block", 1)
        self.conv_in = nn.Conv2d(config.get("in_channels", 3), channels[0], 3, padding=1)
        resizing = [*(PaddedDownsample(one) for one in channels[:-1]), None]
        self.down_blocks = nn.ModuleList(
            Level(before, one, layers, groups, "downsamplers", behind)
            for before, one, behind in zip((channels[0], *channels[:-1]), channels, resizing, strict=True)
        )
        self.mid_block = Middle(channels[-1], groups, config.get("mid_block_add_attention", True))
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], EPSILON)
        self.conv_out = nn.Conv2d(channels[-1], 2 * config.get("latent_channels", 4), 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.conv_in(pictures)
        for level in self.down_blocks:
            hidden = level(hidden)
        hidden = self.mid_block(hidden)
        result: Tensor = self.conv_out(functional.silu(self.conv_norm_out(hidden)))
        return result


class PictureEncoder(nn.Module):
    """The half of the autoencoder that looks at pictures."""

    unused = ("decoder.", "post_quant_conv.")  # parameters that the file has and this half has not

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = 2 * config.get("latent_channels", 4)
        self.scaling_factor: float = config.get("scaling_factor", 0.18215)
        self.encoder = Layers(config)
        self.quant_conv = nn.Conv2d(channels, channels, 1) if config.get("use_quant_conv", True) else None

    def encode(self, pictures: Tensor) -> Posterior:
        """Pictures (n, 3, H, W) in [-1, 1] -> the latents that each may have."""
        hidden = self.encoder(pictures.to(self.encoder.conv_in.weight.dtype))
        hidden = hidden if self.quant_conv is None else self.quant_conv(hidden)
        mean, log_variance = torch.chunk(hidden, 2, dim=1)
        deviation = torch.exp(0.5 * log_variance.clamp(LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE))
        return Posterior(mean, deviation, self.scaling_factor)
