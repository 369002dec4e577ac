"""Makes dpm_fast.json: trajectories of k-diffusion's `sample_dpm_fast` on an analytic denoiser, in fp64.

Needs the package k-diffusion, which the tests do not: `python tests/engine/data/make_dpm_fast.py`. The data are
Gaussian with mean 0.3 and standard deviation 0.5, for which the best denoiser is known exactly; the noise between
blocks is a cosine of the draw's number, so that it is the same everywhere.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import torch

# k-diffusion imports CLIP for its evaluation, and that needs an old setuptools; neither takes part in sampling.
sys.modules.setdefault("clip", ModuleType("clip"))
from k_diffusion.sampling import sample_dpm_fast  # noqa: E402

MEAN, DEVIATION = 0.3, 0.5
SIGMA_MIN, SIGMA_MAX = 0.0291675, 14.614641
COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 25, 30, 50)
START = (-1.5, -0.4, 0.2, 1.1)


def denoiser(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[x0 | x] for x = x0 + sigma * noise."""
    weight = DEVIATION**2 / (DEVIATION**2 + sigma[:, None] ** 2)
    return MEAN + weight * (x - MEAN)


def trajectory(count: int, eta: float) -> list[list[float]]:
    """Every x that the model is called with, and the last."""
    seen: list[list[float]] = []
    draws = iter(range(10**6))

    def model(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        seen.append(x[0].tolist())
        return denoiser(x, sigma)

    def noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        return torch.cos(torch.arange(4.0) + next(draws))[None]

    start = torch.tensor([START]) * SIGMA_MAX
    end = sample_dpm_fast(model, start, SIGMA_MIN, SIGMA_MAX, count, eta=eta, noise_sampler=noise, disable=True)
    return [*seen, end[0].tolist()]


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    paths = [{"steps": n, "eta": eta, "path": trajectory(n, eta)} for eta in (0.0, 1.0) for n in COUNTS]
    facts = {"sigma_min": SIGMA_MIN, "sigma_max": SIGMA_MAX, "mean": MEAN, "deviation": DEVIATION, "start": START}
    Path(__file__).with_name("dpm_fast.json").write_text(json.dumps({**facts, "paths": paths}) + "\n")
