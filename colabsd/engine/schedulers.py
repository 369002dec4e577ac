"""From a row of the table of samplers to a scheduler that is ready to step. Knows nothing of pictures."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, Protocol

import torch
from torch import Tensor

from colabsd.engine.lean import scheduler_class
from colabsd.engine.noise import NoiseSource
from colabsd.settings.samplers import Sampler, find_schedule, missing_package

# What a model's own scheduler_config.json decides; everything else is the sampler's and the schedule's business.
MODEL_OPTIONS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)
LCM_STEPS = 50  # the steps that consistency models are distilled from; LCM picks its steps among them


class Scheduler(Protocol):
    """What the denoise loop uses of a diffusers scheduler; `order` is how often it calls the model in a step."""

    order: int
    timesteps: Tensor
    alphas_cumprod: Tensor
    init_noise_sigma: Any

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor: ...

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor: ...

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> Any: ...


def build_scheduler(
    sampler: Sampler,
    schedule: str,
    steps: int,
    config: Mapping[str, Any],
    *,
    eta: float | None,
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
) -> Scheduler:
    """A scheduler with its timesteps set.

    `schedule` is a label or alias; `config` is the model's scheduler_config.json, of which only the betas and the
    prediction type are used: the spacing is always set explicitly, because it differs between diffusers' classes and
    would else be inherited from whatever sampler the model was saved with. `seeds` are the pictures' seeds, for
    samplers that draw Brownian noise. Raises: UnknownScheduleError.
    """
    name, options = sampler.scheduler, dict(sampler.options)
    if missing_package(sampler) is not None and sampler.substitute is not None:
        name, options = sampler.substitute[0], dict(sampler.substitute[1])
    chosen = find_schedule(sampler.resolve(find_schedule(schedule).label))
    spacing = sampler.uniform if chosen.label == "Uniform" and sampler.uniform is not None else chosen.options
    options |= dict(spacing) | {"noise_sampler_seed": list(seeds), "original_inference_steps": max(LCM_STEPS, steps)}
    if eta is not None:
        options["eta"] = eta
    options |= {option: config[option] for option in MODEL_OPTIONS if option in config}
    made = scheduler_class(name)
    accepted = inspect.signature(made.__init__).parameters
    scheduler = made(**{option: value for option, value in options.items() if option in accepted})
    scheduler.set_timesteps(steps, device=device)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)  # else a doubled first timestep would make it begin at the second
    return scheduler  # type: ignore[no-any-return]


def leave_out(scheduler: Any, steps: int) -> Tensor:
    """Let a scheduler begin so many steps late; gives the timesteps that are left."""
    if hasattr(scheduler, "leave_out"):  # its steps are not of one kind
        scheduler.leave_out(steps)
        left: Tensor = scheduler.timesteps
        return left
    first = steps * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    left = scheduler.timesteps[first:]
    return left


def stepper(scheduler: Scheduler, source: NoiseSource, eta: float | None) -> Callable[[Tensor, Any, Tensor], Tensor]:
    """The function (prediction, timestep, latents) -> latents, with noise drawn per picture from `source`.

    Noise that torch cannot draw (Philox) is brought in by giving this scheduler its own copy of `step`, in which
    diffusers' `randn_tensor` is the source's; nothing outside this scheduler changes. Samplers that k-diffusion leads
    along a Brownian path are led along the source's, where it has one.
    """
    step: Callable[..., Any] = scheduler.step
    accepted = inspect.signature(step).parameters
    options: dict[str, Any] = {"return_dict": False}
    if "eta" in accepted and eta is not None:
        options["eta"] = eta
    if "generator" in accepted:
        options["generator"] = source.generators
        if source.randn_tensor is not None:
            plain: Any = inspect.unwrap(type(scheduler).step)
            words = {**plain.__globals__, "randn_tensor": source.randn_tensor}
            bound = FunctionType(plain.__code__, words, plain.__name__, plain.__defaults__, plain.__closure__)
            step = bound.__get__(scheduler)

    path = _BrownianNoise(scheduler, source)

    def advance(prediction: Tensor, timestep: Any, latents: Tensor) -> Tensor:
        options.update(path.options(latents))
        result: Tensor = step(prediction, timestep, latents, **options)[0]
        return result

    on_a_path = hasattr(scheduler, "noise_sampler") or (source.brownian is not None and is_multistep_sde(scheduler))
    return _without_rounding_warnings(advance) if on_a_path else advance


class _BrownianNoise:
    """The noise of a scheduler's steps along the Brownian path of a source, for those schedulers that have one."""

    def __init__(self, scheduler: Any, source: NoiseSource) -> None:
        self._scheduler = scheduler
        self._make = source.brownian
        self._path: Callable[[Any, Any], Tensor] | None = None

    def options(self, latents: Tensor) -> Mapping[str, Any]:
        """What the next step is to be told. A scheduler with a path of its own is given the source's instead."""
        scheduler = self._scheduler
        own = hasattr(scheduler, "noise_sampler")
        if self._make is None or not (own or is_multistep_sde(scheduler)):
            return {}
        if self._path is None:
            sigmas = scheduler.sigmas
            self._path = self._make(latents, sigmas[sigmas > 0].min().item(), sigmas.max().item())
        if own:
            scheduler.noise_sampler = self._path
            return {}
        step = scheduler.step_index if scheduler.step_index is not None else scheduler.begin_index or 0
        sigma, following = scheduler.sigmas[step], scheduler.sigmas[step + 1]
        # The last step ends without noise, whatever it is told.
        return {"variance_noise": self._path(sigma, following) if following > 0 else torch.zeros_like(latents)}


def is_multistep_sde(scheduler: Any) -> bool:
    """Whether it is DPM++ 2M SDE, which in diffusers draws each step's noise apart."""
    takes_noise = "variance_noise" in inspect.signature(scheduler.step).parameters
    return takes_noise and getattr(scheduler.config, "algorithm_type", None) == "sde-dpmsolver++"


def _without_rounding_warnings(advance: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Brownian noise is asked for at times that diffusers rounded: torchsde warns of each, and nothing follows."""

    def quietly(*arguments: Any) -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Should have t[ab]")
            return advance(*arguments)

    return quietly
