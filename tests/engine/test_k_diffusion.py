"""Our samplers with the noise `nv` against k-diffusion's, which A1111 uses: how near the promise of `again` comes."""

import json
from pathlib import Path

import pytest
import torch

from colabsd.engine.noise import initial_noise
from colabsd.engine.schedulers import build_scheduler, stepper
from colabsd.planning.plans import Drawing
from colabsd.settings.samplers import find_sampler, split_label

# Latents that k-diffusion ended with; `data/make_k_diffusion.py` made them and says how.
REFERENCES = json.loads((Path(__file__).parent / "data" / "k_diffusion.json").read_text())
SHAPE, SEED, STEPS, DEVIATION = (4, 4, 4), 5, 20, 0.7
BETAS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
# The mean difference that is borne, of latents whose deviation is about 1. Rounding in fp32, where nothing is said.
ROUNDING = 1e-4
BOUNDS = {
    "Euler SGM Uniform": 3e-3,  # spaced from 999 down by 49.95 there, by 50 here
    "DPM++ 2M Karras": 3e-3,  # diffusers rounds the timesteps that the model is told
    "DPM++ 2M SDE Karras": 3e-3,
    "DPM++ SDE Karras": 3e-3,
}


def sigma_of(timestep: torch.Tensor) -> torch.Tensor:
    alphas = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2, 0)
    logs = ((1 - alphas) / alphas).sqrt().float().log()
    timestep = timestep.float()
    return torch.lerp(logs[timestep.floor().long()], logs[timestep.ceil().long()], timestep.frac()).exp()


def noise_in(scaled: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """The model: as in `data/make_k_diffusion.py`."""
    sigma = sigma_of(timestep)
    latents = scaled * (sigma**2 + 1).sqrt()
    weight = DEVIATION**2 / (DEVIATION**2 + sigma**2)
    denoised = weight * latents + 0.3 * weight * torch.sin(3 * weight * latents)
    return (latents - denoised) / sigma


@pytest.mark.parametrize("name", REFERENCES)
def test_a_sampler_ends_where_k_diffusions_does(name: str) -> None:
    label, schedule = split_label(name)
    sampler = find_sampler(label)
    if sampler.stochastic and label != "Euler a":
        pytest.importorskip("torchsde")
    drawing = Drawing(
        prompt="",
        negative_prompt="",
        model="",
        model_sha256="",
        width=32,
        height=32,
        sampler=label,
        schedule=schedule or "Automatic",
        steps=STEPS,
        guidance=1.0,
        clip_skip=1,
        seed=SEED,
        noise="nv",
    )
    noise, source = initial_noise([drawing], SHAPE)
    scheduler = build_scheduler(sampler, drawing.schedule, STEPS, BETAS, eta=None, seeds=[SEED])
    advance, latents = stepper(scheduler, source, None), noise * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        latents = advance(noise_in(scheduler.scale_model_input(latents, timestep), timestep), timestep, latents)
    difference = (latents.flatten() - torch.tensor(REFERENCES[name])).abs().mean().item()
    assert difference < BOUNDS.get(name, ROUNDING)
