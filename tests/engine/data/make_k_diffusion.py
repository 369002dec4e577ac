"""Makes k_diffusion.json: latents that k-diffusion's samplers end with, on a denoiser known by a formula, in fp32.

Needs the package k-diffusion, which the tests do not: `PYTHONPATH=. python tests/engine/data/make_k_diffusion.py`.
Noise levels are spaced as A1111 does it, over Stable Diffusion's betas; noise is Philox's with seed 5, the first draw
for the start, the next ones for the steps, and Brownian where A1111 has it so.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from colabsd.engine.noise import PhiloxBrownianPath, PhiloxGenerator

# k-diffusion imports CLIP for its evaluation, and that needs an old setuptools; neither takes part in sampling.
sys.modules.setdefault("clip", ModuleType("clip"))
from k_diffusion import sampling  # noqa: E402

SHAPE, SEED, STEPS = (4, 4, 4), 5, 20
BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ALPHAS = torch.cumprod(1 - BETAS, 0)
SIGMAS = ((1 - ALPHAS) / ALPHAS).sqrt().float()
LOGS = SIGMAS.log()
DEVIATION = 0.7
CASES: dict[str, tuple[str, str]] = {
    "Euler Uniform": ("sample_euler", "uniform"),
    "Euler Karras": ("sample_euler", "karras"),
    "Euler Exponential": ("sample_euler", "exponential"),
    "Euler SGM Uniform": ("sample_euler", "sgm"),
    "Euler a Uniform": ("sample_euler_ancestral", "uniform"),
    "LMS Uniform": ("sample_lms", "uniform"),
    "LMS Karras": ("sample_lms", "karras"),
    "Heun Uniform": ("sample_heun", "uniform"),
    "Heun Karras": ("sample_heun", "karras"),
    "DPM++ 2M Karras": ("sample_dpmpp_2m", "karras"),
    "DPM++ 2M SDE Karras": ("sample_dpmpp_2m_sde", "karras"),
    "DPM++ SDE Karras": ("sample_dpmpp_sde", "karras"),
}


def sigma_of(timestep: torch.Tensor) -> torch.Tensor:
    """The noise level between two timesteps, as k-diffusion interpolates it: in its logarithm."""
    low, high = timestep.floor().long(), timestep.ceil().long()
    return torch.lerp(LOGS[low], LOGS[high], timestep.frac()).exp()


def timestep_of(sigma: torch.Tensor) -> torch.Tensor:
    found = np.interp(sigma.log().double().numpy(), LOGS.double().numpy(), np.arange(1000))
    return torch.as_tensor(found, dtype=torch.float32)


def noise_in(scaled: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """What the model of the test predicts: the noise in `scaled`, the latents over sqrt(sigma^2 + 1)."""
    sigma = sigma_of(timestep).reshape(-1, 1, 1, 1)
    latents = scaled * (sigma**2 + 1).sqrt()
    weight = DEVIATION**2 / (DEVIATION**2 + sigma**2)
    denoised = weight * latents + 0.3 * weight * torch.sin(3 * weight * latents)
    return (latents - denoised) / sigma


def denoiser(latents: torch.Tensor, sigma: torch.Tensor, **_: Any) -> torch.Tensor:
    level = sigma.reshape(-1, 1, 1, 1)
    return latents - level * noise_in(latents / (level**2 + 1).sqrt(), timestep_of(sigma))


def spaced(kind: str) -> torch.Tensor:
    zero = torch.zeros(1)
    if kind == "karras":
        return sampling.get_sigmas_karras(STEPS, SIGMAS[0].item(), SIGMAS[-1].item())
    if kind == "exponential":
        return sampling.get_sigmas_exponential(STEPS, SIGMAS[0].item(), SIGMAS[-1].item())
    if kind == "sgm":
        return torch.cat([sigma_of(torch.linspace(999, 0, STEPS + 1)[:-1]), zero])
    return torch.cat([sigma_of(torch.linspace(999, 0, STEPS)), zero])


def finished(function: str, kind: str) -> list[float]:
    generator, sigmas = PhiloxGenerator(SEED), spaced(kind)
    start = generator.randn(SHAPE)[None] * sigmas[0]
    noises: dict[str, Callable[..., torch.Tensor]] = {}
    if function == "sample_euler_ancestral":
        noises["noise_sampler"] = lambda *_: generator.randn(SHAPE)[None]
    elif "sde" in function:
        ends = sigmas[sigmas > 0].min().item(), sigmas.max().item()
        noises["noise_sampler"] = PhiloxBrownianPath([SEED], start, *ends)
    ended = getattr(sampling, function)(denoiser, start, sigmas, disable=True, **noises)
    return [round(value, 6) for value in ended.flatten().tolist()]


if __name__ == "__main__":
    data = {name: finished(*case) for name, case in CASES.items()}
    Path(__file__).with_name("k_diffusion.json").write_text(json.dumps(data, indent=1) + "\n")
