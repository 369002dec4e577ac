"""DPM fast against k-diffusion's own trajectories, on a denoiser that is known exactly."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from colabsd.engine import dpm_fast
from colabsd.engine.dpm_fast import DPMFastScheduler, plan_blocks

FIXTURE = json.loads((Path(__file__).parent / "data" / "dpm_fast.json").read_text())


def follow(steps: int, eta: float, prediction_type: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The samples before every model call and the last, with the fixture's denoiser and noise."""
    draws = iter(range(10**6))

    def cosine(shape: Any, **_: Any) -> torch.Tensor:
        return torch.cos(torch.arange(4.0, dtype=torch.float64) + next(draws))[None]

    monkeypatch.setattr(dpm_fast, "randn_tensor", cosine)
    scheduler = DPMFastScheduler(
        eta=eta, prediction_type=prediction_type, sigma_min=FIXTURE["sigma_min"], sigma_max=FIXTURE["sigma_max"]
    )
    scheduler.set_timesteps(steps)
    assert len(scheduler.timesteps) == steps
    sample = torch.tensor([FIXTURE["start"]], dtype=torch.float64) * scheduler.init_noise_sigma
    path = [sample[0].tolist()]
    for timestep in scheduler.timesteps:
        sigma = scheduler.sigmas[scheduler.step_index].item()
        weight = FIXTURE["deviation"] ** 2 / (FIXTURE["deviation"] ** 2 + sigma**2)
        denoised = FIXTURE["mean"] + weight * (sample - FIXTURE["mean"])
        output = (sample - denoised) / sigma
        if prediction_type == "v_prediction":
            output = (output - sigma * denoised) / math.sqrt(sigma**2 + 1)
        sample = scheduler.step(output, timestep, sample, return_dict=False)[0]
        path.append(sample[0].tolist())
    return path


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("case", FIXTURE["paths"], ids=lambda case: f"{case['steps']} steps, eta {case['eta']:g}")
def test_every_sample_equals_k_diffusions(
    case: dict[str, Any], prediction_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = follow(case["steps"], case["eta"], prediction_type, monkeypatch)
    # Both compute in fp64; 1e-6 is far above its rounding (1e-13 here) and far below any other solver's difference.
    torch.testing.assert_close(torch.tensor(path), torch.tensor(case["path"]), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("steps", range(1, 32))
def test_as_many_model_calls_are_made_as_asked(steps: int) -> None:
    assert sum(block.order for block in plan_blocks(14.6, 0.03, steps, 1.0)) == steps


def test_the_model_is_asked_for_noise_levels_that_it_was_trained_with() -> None:
    scheduler = DPMFastScheduler(eta=0.0)
    scheduler.set_timesteps(15)
    assert scheduler.timesteps[0] == 999
    assert (scheduler.timesteps.diff() < 0).all()
    index = scheduler.timesteps[7].item()
    low = math.floor(index)
    expected = torch.lerp(scheduler.log_sigmas[low], scheduler.log_sigmas[low + 1], index - low).exp()
    assert math.isclose(scheduler.sigmas[7].item(), expected.item(), rel_tol=1e-5)  # timesteps are fp32


def test_the_noise_of_a_picture_does_not_depend_on_its_batch() -> None:
    alone = run_with_generators([5])
    together = run_with_generators([4, 5])
    assert torch.equal(alone[0], together[1])


def run_with_generators(seeds: list[int]) -> torch.Tensor:
    scheduler = DPMFastScheduler()
    scheduler.set_timesteps(5)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    sample = torch.ones(len(seeds), 4, 2, 2)
    for timestep in scheduler.timesteps:
        sample = scheduler.step(sample * 0.1, timestep, sample, generator=generators).prev_sample
    return sample


def test_added_noise_has_the_timesteps_sigma() -> None:
    scheduler = DPMFastScheduler()
    noised = scheduler.add_noise(torch.zeros(2, 4, 1, 1), torch.ones(2, 4, 1, 1), torch.tensor([999.0, 0.0]))
    assert math.isclose(noised[0, 0].item(), 14.6146, rel_tol=1e-4)
    assert math.isclose(noised[1, 0].item(), 0.029167, rel_tol=1e-3)
