"""The denoise loop. Knows nothing of prompts, files or widgets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.noise import NoiseSource
from colabsd.engine.schedulers import Scheduler, stepper

Predict = Callable[[Tensor, Tensor, Any], Tensor]


@dataclass(frozen=True)
class Step:
    """One model call: the `latents` (n, 4, h, w) after it, the `model_input` that the UNet saw and its `prediction`."""

    index: int
    total: int
    timestep: Tensor
    latents: Tensor
    model_input: Tensor
    prediction: Tensor

    def denoised(self, alphas_cumprod: Tensor, prediction_type: str) -> Tensor:
        """What the model thinks the finished latents are (Ho et al. 2020, eq. 15; for v, Salimans & Ho 2022)."""
        alpha = alphas_cumprod[int(self.timestep)]
        signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
        if prediction_type == "v_prediction":
            return signal * self.model_input - noise * self.prediction
        return (self.model_input - noise * self.prediction) / signal


def denoise(
    predict: Predict,
    scheduler: Scheduler,
    noise: Tensor,
    source: NoiseSource,
    conditions: Any,
    *,
    guidance: float,
    eta: float | None = None,
) -> Iterator[Step]:
    """From noise of variance 1 to latents, yielding after every model call; close it to stop.

    `predict(latents, timestep, conditions)` is the UNet. Where `guidance` > 1 it gets 2n latents, and `conditions` must
    have the unconditional ones first: classifier-free guidance, Ho & Salimans 2022, arXiv:2207.12598.
    """
    latents = noise * scheduler.init_noise_sigma
    advance = stepper(scheduler, source, eta)
    guided = is_guided(guidance)
    for index, timestep in enumerate(scheduler.timesteps):
        model_input = scheduler.scale_model_input(latents, timestep)
        prediction = predict(torch.cat([model_input] * 2) if guided else model_input, timestep, conditions)
        if guided:
            unconditional, conditional = prediction.chunk(2)
            prediction = unconditional + guidance * (conditional - unconditional)
        latents = advance(prediction, timestep, latents)
        yield Step(index, len(scheduler.timesteps), timestep, latents, model_input, prediction)


def is_guided(guidance: float) -> bool:
    """Whether an unconditional pass is needed: at 1 and below it would change nothing, as in diffusers."""
    return guidance > 1
