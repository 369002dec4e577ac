"""What a UNet predicts, found out by asking it: some Stable Diffusion 2 models predict noise, some velocity.

Salimans & Ho 2022, arXiv:2202.00512: v = α ε − σ x. At the noisiest step what goes in is nearly all noise; a network
that predicts noise gives it back, and in what one that predicts velocity gives, the noise is only α ≈ 0.07 times there.
"""

from collections.abc import Mapping
from typing import Any

import torch

from colabsd.engine.networks import Denoiser
from colabsd.models.network_configs import UNKNOWN

SIDE = 32
HALF = 0.5  # between a share of 0.07 and one of 1
TOKENS = 77


@torch.inference_mode()
def with_prediction_type(
    scheduler: Mapping[str, Any], unet: Denoiser, unet_config: Mapping[str, Any], device: str, dtype: torch.dtype
) -> dict[str, Any]:
    """The schedule of noise with what the UNet predicts, where that is not yet known."""
    if scheduler.get("prediction_type") != UNKNOWN:
        return dict(scheduler)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((1, unet.in_channels, SIDE, SIDE), generator=generator).to(device, dtype)
    text = torch.zeros((1, TOKENS, unet_config["cross_attention_dim"]), device=device, dtype=dtype)
    last = torch.tensor(scheduler["num_train_timesteps"] - 1, device=device)
    found = unet(noise, last, unet.prepare(text)).float()
    latents = noise[:, : unet.out_channels].float()
    share = float((found * latents).sum() / (latents * latents).sum())
    return {**scheduler, "prediction_type": "epsilon" if share > HALF else "v_prediction"}
