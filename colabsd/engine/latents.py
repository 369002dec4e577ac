"""From latents to pictures: the decoder's pixels, and a quick impression of them while they are being drawn."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.networks import Decoding

# Of the probes that a preview's colours are fitted on: how many, latents on a side, and corners whose colours blend.
# Measured on the starter's pictures: a mean error of 26 levels; 25 is the best that a linear map can do there.
PROBES, PROBE_SIDE, PROBE_COARSE = 8, 8, 2


def decode(vae: Decoding, latents: Tensor) -> Any:
    """One picture's latents (1, 4, h, w), in the autoencoder's precision, to (H, W, 3) uint8."""
    return to_pixels(vae.decode(latents))[0]


def to_pixels(pictures: Tensor) -> Any:
    """(n, 3, H, W) in [-1, 1] -> (n, H, W, 3) uint8 array, halves rounded to even."""
    shares = (pictures / 2 + 0.5).clamp(0, 1)
    return shares.float().mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def fit_preview(vae: Decoding, device: str, dtype: torch.dtype) -> Tensor:
    """The linear map (5, 3) from a latent's four channels and 1 to the colour that the decoder gives it, in [-1, 1].

    Fitted by least squares on smooth random latents of unit variance, decoded once; the latents come from a generator
    of their own, so that nothing else changes.
    """
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn((PROBES, 4, PROBE_COARSE, PROBE_COARSE), generator=generator)
    probe = functional.interpolate(coarse, size=(PROBE_SIDE, PROBE_SIDE), mode="bilinear").to(device, dtype)
    decoded = torch.cat([vae.decode(one[None]) for one in probe])
    colours = functional.adaptive_avg_pool2d(decoded.float().clamp(-1, 1), (PROBE_SIDE, PROBE_SIDE))
    rows = _with_one(probe.float()).reshape(-1, 5)
    colours_map: Tensor = torch.linalg.lstsq(rows, colours.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    return colours_map


def preview(latents: Tensor, colours: Tensor) -> Any:
    """(1, 4, h, w) latents -> (h, w, 3) uint8 with the map of `fit_preview`."""
    return to_pixels((_with_one(latents.float()) @ colours).permute(0, 3, 1, 2))[0]


def _with_one(latents: Tensor) -> Tensor:
    """(n, 4, h, w) -> (n, h, w, 5), the fifth always 1."""
    rows = latents.permute(0, 2, 3, 1)
    return torch.cat((rows, torch.ones_like(rows[..., :1])), dim=-1)
