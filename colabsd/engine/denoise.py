"""The denoise loop. Knows nothing of prompts, files or widgets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from colabsd.engine.redrawing import Start
from colabsd.engine.schedulers import Scheduler, stepper

Predict = Callable[[int, Tensor, Tensor], Tensor]


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
    start: Start,
    *,
    eta: float | None = None,
) -> Iterator[Step]:
    """From a start to finished latents, yielding after every model call; close it to stop.

    `predict(call, latents, timestep)` is the model's prediction, already guided, at model call `call` (from 0).
    """
    latents, timesteps = start.latents, start.timesteps
    advance = stepper(scheduler, start.source, eta)
    for call, timestep in enumerate(timesteps):
        model_input = scheduler.scale_model_input(latents, timestep)
        prediction = predict(call, model_input, timestep)
        latents = advance(prediction, timestep, latents)
        if start.put_back is not None:
            following = timesteps[call + 1] if call + 1 < len(timesteps) else None
            latents = start.put_back.into(latents, scheduler, following)
        yield Step(call, len(timesteps), timestep, latents, model_input, prediction)
