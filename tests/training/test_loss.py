"""The loss: what is predicted, how noise levels, class pictures and masks count."""

import math
from typing import Any

import pytest
import torch

from colabsd.training.base import noise_levels
from colabsd.training.loss import batch_loss, min_snr_weights, signal_to_noise, target_of, with_offset

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def levels(kind: str = "epsilon", **others: Any) -> Any:
    return noise_levels({**BETAS, "prediction_type": kind, **others})


def closed_form(timestep: int, gamma: float, kind: str) -> float:
    """Hang et al. 2023 with the betas of Stable Diffusion, in double precision, by hand."""
    roots = [math.sqrt(0.00085) + (math.sqrt(0.012) - math.sqrt(0.00085)) * step / 999 for step in range(timestep + 1)]
    kept = math.prod(1 - root * root for root in roots)
    ratio = kept / (1 - kept)
    return min(ratio, gamma) / (ratio + (kind == "v_prediction"))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_weights_of_noise_levels_are_those_of_the_paper(kind: str) -> None:
    timesteps = torch.tensor([0, 10, 250, 500, 999])
    found = min_snr_weights(levels(kind), timesteps, 5.0)
    wanted = [closed_form(int(one), 5.0, kind) for one in timesteps]
    assert found.tolist() == pytest.approx(wanted, rel=2e-4)  # a product of up to 1000 numbers in fp32


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("batch", [1, 2])
def test_photos_and_class_pictures_are_each_weighted_by_their_own_levels(kind: str, batch: int) -> None:
    chance = torch.Generator().manual_seed(1)
    prediction, target = (torch.randn((2 * batch, 4, 8, 8), generator=chance) for _ in range(2))
    timesteps = torch.tensor([3, 400, 700, 999][: 2 * batch])
    found = batch_loss(
        prediction,
        target,
        photos=batch,
        prior_weight=0.7,
        weights=min_snr_weights(levels(kind), timesteps, 5.0),
    )
    each = [
        closed_form(int(timestep), 5.0, kind) * float(((one - other) ** 2).mean())
        for timestep, one, other in zip(timesteps, prediction, target, strict=True)
    ]
    photos, classes = sum(each[:batch]) / batch, sum(each[batch:]) / batch
    assert float(found.photos) == pytest.approx(photos, rel=3e-4)
    assert found.classes is not None and float(found.classes) == pytest.approx(classes, rel=3e-4)
    assert float(found.total) == pytest.approx(photos + 0.7 * classes, rel=3e-4)


def test_a_level_that_is_all_noise_has_a_finite_weight() -> None:
    assert torch.isfinite(min_snr_weights(levels(rescale_betas_zero_snr=True), torch.tensor([999]), 5.0)).all()


def test_the_ratio_of_signal_to_noise_falls() -> None:
    ratios = signal_to_noise(levels(), torch.arange(1000))
    assert (ratios.diff() < 0).all()


def test_velocity_and_noise_are_asked_for() -> None:
    latents, noise = torch.ones(1, 4, 2, 2), torch.full((1, 4, 2, 2), 3.0)
    timestep = torch.tensor([500])
    assert torch.equal(target_of(levels(), latents, noise, timestep), noise)
    kept = float(levels().alphas_cumprod[500])
    velocity = target_of(levels("v_prediction"), latents, noise, timestep)
    assert velocity.flatten().tolist() == pytest.approx([math.sqrt(kept) * 3 - math.sqrt(1 - kept)] * 16, rel=1e-5)


def test_what_a_mask_hides_does_not_count() -> None:
    prediction, target = torch.zeros(1, 4, 4, 4), torch.ones(1, 4, 4, 4)
    target[..., :2] = 9.0
    mask = torch.ones(1, 1, 4, 4)
    mask[..., :2] = 0.0
    assert float(batch_loss(prediction, target, photos=1, prior_weight=1, masks=mask).total) == pytest.approx(1.0)


def test_an_offset_shifts_each_channel_as_a_whole() -> None:
    noise, offset = torch.zeros(1, 4, 2, 2), torch.arange(4.0).view(1, 4, 1, 1)
    assert torch.equal(with_offset(noise, offset, 0.1)[0, 2], torch.full((2, 2), 0.2))
    assert with_offset(noise, offset, 0.0) is noise
