"""The loss of a batch: what the UNet should have said, and how much each picture counts. Knows no networks."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

TINY = 1e-8  # where a schedule of noise ends at none of the picture, it would be divided by 0


@dataclass(frozen=True)
class BatchLoss:
    """`total` is minimised; the mean losses of photos and of class pictures are in it, the latter weighted."""

    total: Tensor
    photos: Tensor
    classes: Tensor | None


def target_of(noise_levels: Any, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """What is to be predicted: the noise, or the velocity (Salimans & Ho 2022, arXiv:2202.00512)."""
    if noise_levels.config.prediction_type == "v_prediction":
        velocity: Tensor = noise_levels.get_velocity(latents, noise, timesteps)
        return velocity
    return noise


def signal_to_noise(noise_levels: Any, timesteps: Tensor) -> Tensor:
    """(n,) timesteps -> (n,) ratios ᾱ / (1 - ᾱ)."""
    cumulative = noise_levels.alphas_cumprod.to(timesteps.device)[timesteps].float()
    ratio: Tensor = (cumulative**0.5 / (1.0 - cumulative) ** 0.5) ** 2
    return ratio


def min_snr_weights(noise_levels: Any, timesteps: Tensor, gamma: float) -> Tensor:
    """(n,) timesteps -> (n,) weights min(SNR, γ) / SNR for predicted noise, / (SNR + 1) for predicted velocity.

    Hang et al. 2023, arXiv:2303.09556, sections 3.4 and 4.2.
    """
    ratio = signal_to_noise(noise_levels, timesteps)
    bounded = ratio.clamp(max=gamma)
    if noise_levels.config.prediction_type == "v_prediction":
        return bounded / (ratio + 1)
    return bounded / ratio.clamp(min=TINY)


def batch_loss(
    prediction: Tensor,
    target: Tensor,
    *,
    photos: int,
    prior_weight: float,
    weights: Tensor | None = None,
    masks: Tensor | None = None,
) -> BatchLoss:
    """The loss of `photos` photos and, behind them, as many class pictures or none.

    Both are weighted by their own `weights` (n,), where there are some. `masks` (photos, 1, h, w) in [0, 1] say what of
    the photos counts; class pictures count whole. Predictions are compared in fp32.
    """
    prediction, target = prediction.float(), target.float()
    first = _mean_loss(prediction[:photos], target[:photos], weights if weights is None else weights[:photos], masks)
    if len(prediction) == photos:
        return BatchLoss(first, first, None)
    last = _mean_loss(prediction[photos:], target[photos:], weights if weights is None else weights[photos:], None)
    return BatchLoss(first + prior_weight * last, first, last)


def _mean_loss(prediction: Tensor, target: Tensor, weights: Tensor | None, masks: Tensor | None) -> Tensor:
    if weights is None and masks is None:
        return functional.mse_loss(prediction, target, reduction="mean")
    squares = functional.mse_loss(prediction, target, reduction="none")
    if masks is None:
        each = squares.mean(dim=[1, 2, 3])
    else:
        each = (squares * masks).sum(dim=[1, 2, 3]) / (masks.sum(dim=[1, 2, 3]) * squares.shape[1]).clamp(min=TINY)
    return each.mean() if weights is None else (each * weights).mean()


def noised(noise_levels: Any, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """The latents at their levels of noise."""
    mixed: Tensor = noise_levels.add_noise(latents, noise, timesteps)
    return mixed


def with_offset(noise: Tensor, offset: Tensor | None, strength: float) -> Tensor:
    """Noise shifted as a whole, channel by channel (Guttenberg 2023, "Diffusion with offset noise")."""
    return noise if offset is None or not strength else noise + strength * offset
