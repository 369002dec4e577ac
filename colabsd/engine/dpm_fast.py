"""DPM-Solver-fast as a scheduler with diffusers' interface, which diffusers itself does not have.

Lu et al. 2022, arXiv:2206.00927: in t = -log sigma, blocks of equal width are solved with order 3, the last ones with
less so that exactly `steps` model calls are made. As k-diffusion's `sample_dpm_fast`, with the same ancestral noise
between blocks; it ends at the model's smallest sigma, not at 0.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin, SchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

NODES = {1: (0.0,), 2: (0.0, 1 / 2), 3: (0.0, 1 / 3, 2 / 3)}  # r of each model call, as a share of the block


@dataclass(frozen=True)
class Block:
    """One solver block: from `start` to `end` in t = -log sigma, then noise of standard deviation `noise`."""

    start: float
    end: float
    order: int
    noise: float

    def sigma(self, share: float) -> float:
        """Sigma after a share in [0, 1] of the block."""
        return math.exp(-(self.start + share * (self.end - self.start)))


def plan_blocks(sigma_max: float, sigma_min: float, steps: int, eta: float) -> tuple[Block, ...]:
    """The blocks of DPM-Solver-fast with `steps` model calls; `eta` in [0, 1] is the share of ancestral noise."""
    count = steps // 3 + 1
    orders = [3] * (count - 2) + [2, 1] if steps % 3 == 0 else [3] * (count - 1) + [steps % 3]
    first, last = -math.log(sigma_max), -math.log(sigma_min)
    edges = [first + (last - first) * index / count for index in range(count + 1)]
    return tuple(
        _ancestral_block(start, end, last, order, eta)
        for start, end, order in zip(edges, edges[1:], orders, strict=False)
    )


def _ancestral_block(start: float, end: float, last: float, order: int, eta: float) -> Block:
    """A block that solves past its end, to sigma_down, so that fresh noise brings it back to sigma_to."""
    sigma_from, sigma_to = math.exp(-start), math.exp(-end)
    sigma_up = min(sigma_to, eta * math.sqrt(sigma_to**2 * (sigma_from**2 - sigma_to**2) / sigma_from**2))
    sigma_down = math.sqrt(max(sigma_to**2 - sigma_up**2, 0.0))
    solved = end if eta == 0 else min(last, -math.log(sigma_down)) if sigma_down > 0 else last
    return Block(start, solved, order, math.sqrt(max(sigma_to**2 - math.exp(-2 * solved), 0.0)))


class DPMFastScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """DPM-Solver-fast over a model trained with discrete timesteps.

    `timesteps` has one (fractional) entry per model call, `sigmas` the noise level of each and the last level.
    `prediction_type` is "epsilon" or "v_prediction". Samples are in k-diffusion's scale, x0 + sigma * noise.
    """

    order = 1

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        beta_schedule: str = "scaled_linear",
        trained_betas: Any = None,
        prediction_type: str = "epsilon",
        eta: float = 1.0,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
    ) -> None:
        power = 0.5 if beta_schedule == "scaled_linear" else 1.0
        if trained_betas is None:
            betas = torch.linspace(beta_start**power, beta_end**power, num_train_timesteps) ** (1 / power)
        else:
            betas = torch.as_tensor(trained_betas, dtype=torch.float32)
        self.alphas_cumprod = torch.cumprod(1.0 - betas, dim=0)
        self.log_sigmas = ((1 - self.alphas_cumprod) / self.alphas_cumprod).double().sqrt().log()
        self.set_timesteps(20)

    @property
    def init_noise_sigma(self) -> float:
        """Standard deviation of the first sample."""
        return self.blocks[0].sigma(0.0)

    @property
    def step_index(self) -> int:
        """How many model calls have been made."""
        return self._step_index

    def leave_out(self, steps: int) -> None:
        """Plan the calls that are left when the first `steps` are not made, from where a uniform schedule would be.

        As k-diffusion's callers do it: the blocks are of equal width again, so the calls are other ones than the last.
        """
        calls = self.num_inference_steps
        last = len(self.log_sigmas) - 1
        place = last * (1 - steps / (calls - 1)) if calls > 1 else float(last)
        low = min(int(place), last - 1)
        logs = torch.lerp(self.log_sigmas[low], self.log_sigmas[low + 1], place - low)
        self.set_timesteps(calls - steps, self.timesteps.device, sigma_max=math.exp(logs.item()))

    def set_timesteps(
        self,
        num_inference_steps: int,
        device: torch.device | str | None = None,
        *,
        sigma_max: float | None = None,
    ) -> None:
        """Plan `num_inference_steps` model calls (1 or more), from `sigma_max` or the model's, and forget others."""
        config: Any = self.config
        sigma_max = sigma_max or config.sigma_max or math.exp(self.log_sigmas[-1].item())
        sigma_min = config.sigma_min or math.exp(self.log_sigmas[0].item())
        self.num_inference_steps = num_inference_steps
        self.blocks = plan_blocks(sigma_max, sigma_min, num_inference_steps, config.eta)
        self._calls = [(block, stage) for block in self.blocks for stage in range(block.order)]
        nodes = [block.sigma(NODES[block.order][stage]) for block, stage in self._calls]
        self.sigmas = torch.tensor([*nodes, sigma_min], dtype=torch.float64)
        self.timesteps = self._timestep_of(self.sigmas[:-1]).float().to(device)
        self._step_index = 0
        self._slopes: list[Tensor] = []

    def _timestep_of(self, sigmas: Tensor) -> Tensor:
        """The fractional timesteps of noise levels, linear in log sigma between the trained ones, as k-diffusion's."""
        logs = sigmas.log()
        low = (torch.searchsorted(self.log_sigmas, logs, right=True) - 1).clamp(0, len(self.log_sigmas) - 2)
        share = (logs - self.log_sigmas[low]) / (self.log_sigmas[low + 1] - self.log_sigmas[low])
        return low + share.clamp(0, 1)

    def scale_model_input(self, sample: Tensor, timestep: Tensor | float | None = None) -> Tensor:
        """The sample in the scale that the model was trained with (variance 1)."""
        return sample / math.sqrt(self._sigma**2 + 1)

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x0 + sigma(timestep) * noise, one timestep per sample."""
        steps = timesteps.to(self.log_sigmas.dtype).cpu()
        low = steps.floor().long().clamp(0, len(self.log_sigmas) - 2)
        logs = torch.lerp(self.log_sigmas[low], self.log_sigmas[low + 1], steps - low)
        sigmas = logs.exp().to(original_samples).view(-1, *[1] * (original_samples.ndim - 1))
        return original_samples + noise * sigmas

    def step(
        self,
        model_output: Tensor,
        timestep: Tensor | float,
        sample: Tensor,
        generator: torch.Generator | list[torch.Generator] | None = None,
        return_dict: bool = True,
    ) -> SchedulerOutput | tuple[Tensor]:
        """One model call further: to the next node of the block, or, at its last node, to the block's end.

        `generator` may be a list, one per sample of the batch.
        """
        block, stage = self._calls[self._step_index]
        wide = sample.to(torch.promote_types(sample.dtype, torch.float32))
        slope = self._slope(model_output.to(wide.dtype), wide)
        if stage == 0:
            self._start, self._slopes = wide, []
        self._slopes.append(slope)
        last = stage == block.order - 1
        result = self._solve(block, 1.0 if last else NODES[block.order][stage + 1])
        if last and block.noise > 0:
            drawn = randn_tensor(
                model_output.shape, generator=generator, device=model_output.device, dtype=model_output.dtype
            )
            result = result + block.noise * drawn
        self._step_index += 1
        result = result.to(sample.dtype)
        return SchedulerOutput(prev_sample=result) if return_dict else (result,)

    @property
    def _sigma(self) -> float:
        return self.sigmas[self._step_index].item()

    def _slope(self, model_output: Tensor, sample: Tensor) -> Tensor:
        """The predicted noise, which is dx / d sigma."""
        if self.config["prediction_type"] == "epsilon":
            return model_output
        scale = math.sqrt(self._sigma**2 + 1)  # v = (noise - sigma * x0) / scale and x = x0 + sigma * noise
        return (model_output * scale + self._sigma * sample) / scale**2

    def _solve(self, block: Block, share: float) -> Tensor:
        """The sample at that share of the block from the slopes so far: equations of DPM-Solver-1, -2 and -3."""
        slopes, sigma, h = self._slopes, block.sigma(share), block.end - block.start
        result = self._start - sigma * math.expm1(share * h) * slopes[0]
        if len(slopes) > 1:
            node = NODES[block.order][len(slopes) - 1]
            bend = slopes[-1] - slopes[0]
            if block.order == 2:
                return result - sigma / (2 * node) * math.expm1(h) * bend
            return result - sigma * (share / node) * (math.expm1(share * h) / (share * h) - 1) * bend
        return result
