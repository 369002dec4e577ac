"""The first noise of pictures: per picture, the same in any batch, other programs' noise, variations."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.engine.noise import PhiloxBrownianPath, PhiloxGenerator, initial_noise, slerp
from colabsd.engine.schedulers import build_scheduler, stepper
from colabsd.planning.plans import Drawing
from colabsd.settings.samplers import SAMPLERS, find_sampler

SHAPE = (4, 8, 8)
BETAS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def test_nv_noise_has_the_published_values() -> None:
    """What CUDA draws with seed 0, as A1111 documents its own Philox."""
    expected = [
        [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
        [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
        [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
    ]
    # Eight digits are documented, of fp32 numbers.
    torch.testing.assert_close(PhiloxGenerator(0).randn((3, 4)), torch.tensor(expected), rtol=0, atol=1e-6)


def test_nv_noise_goes_on_with_every_draw_and_is_normal() -> None:
    generator = PhiloxGenerator(2**64 - 1)
    draws = torch.stack([generator.randn((100, 100)) for _ in range(3)])
    assert not torch.equal(draws[0], draws[1])
    assert abs(draws.mean().item()) < 0.03  # 30,000 draws: five standard errors
    assert abs(draws.std().item() - 1) < 0.03


@pytest.mark.parametrize("kind", ["cpu", "nv"])
def test_the_noise_of_a_picture_is_the_same_in_any_batch(drawing: Callable[..., Drawing], kind: str) -> None:
    batch = [drawing(seed=seed, noise=kind) for seed in (3, 4, 5)]
    together, _ = initial_noise(batch, SHAPE)
    alone, _ = initial_noise(batch[1:2], SHAPE)
    assert torch.equal(together[1], alone[0])
    assert not torch.equal(together[0], together[1])


def test_cpu_noise_is_what_torch_draws_for_that_seed(drawing: Callable[..., Drawing]) -> None:
    noise, _ = initial_noise([drawing(seed=7)], SHAPE)
    assert torch.equal(noise, torch.randn((1, *SHAPE), generator=torch.Generator().manual_seed(7)))


def test_drawing_noise_leaves_the_global_generator_alone(drawing: Callable[..., Drawing]) -> None:
    before = torch.get_rng_state()
    initial_noise([drawing()], SHAPE)
    assert torch.equal(torch.get_rng_state(), before)


@given(st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=30)
def test_every_seed_has_finite_noise(seed: int) -> None:
    assert torch.randn(8, generator=torch.Generator().manual_seed(seed)).isfinite().all()
    assert PhiloxGenerator(seed).randn((2, 4)).isfinite().all()


def test_slerp_begins_at_one_noise_ends_at_the_other_and_keeps_its_length() -> None:
    generator = torch.Generator().manual_seed(0)
    start, end = torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)
    torch.testing.assert_close(slerp(start, end, 0.0), start)
    torch.testing.assert_close(slerp(start, end, 1.0), end)
    middle = slerp(start, end, 0.5)
    # A straight line would pass at 0.71 of the length; column by column the arc keeps it within a tenth.
    assert abs(middle.std().item() - 1) < 0.1


def test_slerp_between_equal_noises_is_that_noise() -> None:
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(noise, noise.clone(), 0.3), noise)


def test_a_variation_lies_between_its_seeds(drawing: Callable[..., Drawing]) -> None:
    far = drawing(variation_seed=99, variation_strength=1.0)
    near = drawing(variation_seed=99, variation_strength=0.2)
    (base,), _ = initial_noise([drawing()], SHAPE)
    (end,), _ = initial_noise([far], SHAPE)
    (between,), _ = initial_noise([near], SHAPE)
    other, _ = initial_noise([drawing(seed=99)], SHAPE)
    torch.testing.assert_close(end, other[0])
    correlation = [np.corrcoef(between.flatten(), one.flatten())[0, 1] for one in (base, end)]
    assert correlation[0] > 0.9 > correlation[1] > 0.1


def test_a_delta_starts_the_later_noise_anew_from_another_seed_and_leaves_the_first_alone(
    drawing: Callable[..., Drawing],
) -> None:
    for kind in ("cpu", "nv"):
        first, _ = initial_noise([drawing(seed=5, noise=kind)], SHAPE)
        same, source = initial_noise([drawing(seed=5, noise=kind, noise_seed_delta=31337)], SHAPE)
        other, _ = initial_noise([drawing(seed=5 + 31337, noise=kind)], SHAPE)
        assert torch.equal(first, same)
        if source.generators is not None:
            later = torch.randn(SHAPE, generator=source.generators[0])
        else:
            assert source.randn_tensor is not None
            later = source.randn_tensor((1, *SHAPE))[0]
        assert torch.equal(later, other[0])


def test_a_delta_past_the_largest_seed_begins_again_at_zero(drawing: Callable[..., Drawing]) -> None:
    _, source = initial_noise([drawing(seed=2**64 - 1, noise="nv", noise_seed_delta=1)], SHAPE)
    assert source.randn_tensor is not None
    assert torch.equal(source.randn_tensor((1, *SHAPE))[0], PhiloxGenerator(0).randn(SHAPE))


def steps_with(sampler: str, drawings: list[Drawing], steps: int = 4) -> torch.Tensor:
    """The latents that a sampler ends with when the model predicts a tenth of what it sees."""
    noise, source = initial_noise(drawings, SHAPE)
    seeds = [one.seed for one in drawings]
    scheduler = build_scheduler(find_sampler(sampler), "Automatic", steps, BETAS, eta=drawings[0].eta, seeds=seeds)
    advance = stepper(scheduler, source, drawings[0].eta)
    latents = noise * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        latents = advance(scheduler.scale_model_input(latents, timestep) * 0.1, timestep, latents)
    return latents


@pytest.mark.parametrize("sampler", [row.label for row in SAMPLERS if row.stochastic])
def test_nv_noise_on_the_way_is_each_pictures_own_in_any_batch(drawing: Callable[..., Drawing], sampler: str) -> None:
    eta = find_sampler(sampler).default_eta
    batch = [drawing(seed=seed, noise="nv", sampler=sampler, eta=eta) for seed in (3, 4, 5)]
    together = steps_with(sampler, batch)
    assert torch.equal(steps_with(sampler, batch[1:2])[0], together[1])
    assert torch.equal(steps_with(sampler, batch), together)
    of_torch = steps_with(sampler, [drawing(seed=4, noise="cpu", sampler=sampler, eta=eta)])
    assert not torch.allclose(of_torch[0], together[1])


def test_ancestral_steps_draw_the_philox_numbers_that_follow_the_first_noise(drawing: Callable[..., Drawing]) -> None:
    """One step of Euler a by hand (k-diffusion's formula) against the scheduler with nv noise."""
    one = drawing(seed=11, noise="nv")
    noise, source = initial_noise([one], SHAPE)
    scheduler = build_scheduler(find_sampler("Euler a"), "Automatic", 4, BETAS, eta=None, seeds=[11])
    sigma, following = scheduler.sigmas[0], scheduler.sigmas[1]  # type: ignore[attr-defined]
    latents = noise * scheduler.init_noise_sigma
    stepped = stepper(scheduler, source, None)(latents * 0.1, scheduler.timesteps[0], latents)
    up = (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5
    down = (following**2 - up**2) ** 0.5
    generator = PhiloxGenerator(11)
    generator.randn(SHAPE)  # the first noise
    expected = latents + latents * 0.1 * (down - sigma) + generator.randn(SHAPE) * up
    # fp32 sums of numbers up to about 40, in another order
    torch.testing.assert_close(stepped, expected, rtol=0, atol=2e-5)


def test_brownian_noise_is_torchsdes_tree_with_philox_pieces(drawing: Callable[..., Drawing]) -> None:
    """The whole interval is the tree's root: one draw of the seed that numpy's SeedSequence makes for it."""
    pytest.importorskip("torchsde")
    before = torchsde_randn()
    path = PhiloxBrownianPath([7], torch.zeros(1, *SHAPE), 0.5, 10.0)
    root_seed = np.random.SeedSequence(entropy=7, pool_size=24).generate_state(2)[0]
    expected = PhiloxGenerator(int(root_seed)).randn(SHAPE)
    # divided and multiplied by the same square root in fp32
    torch.testing.assert_close(path(torch.tensor(10.0), torch.tensor(0.5))[0], -expected, rtol=1e-5, atol=1e-6)
    halves = path(10.0, 3.0)[0] * 7.0**0.5 + path(3.0, 0.5)[0] * 2.5**0.5
    torch.testing.assert_close(halves, -expected * 9.5**0.5, rtol=1e-4, atol=1e-4)
    assert torchsde_randn() is before


def torchsde_randn() -> object:
    import torchsde._brownian.brownian_interval as module

    return module._randn


def test_brownian_paths_with_torchs_numbers_are_diffusers(
    drawing: Callable[..., Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With torch's generator in Philox's place the path is the one that diffusers samples."""
    pytest.importorskip("torchsde")
    from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

    monkeypatch.setattr(
        PhiloxGenerator, "randn", lambda self, size: torchsde_randn()(size, torch.float32, "cpu", self.seed)
    )  # type: ignore[operator]
    latents = torch.zeros(2, *SHAPE)
    ours, theirs = (
        PhiloxBrownianPath([7, 8], latents, 0.03125, 14.5),
        BrownianTreeNoiseSampler(latents, 0.03125, 14.5, [7, 8]),
    )
    for sigma, following in ((14.5, 6.0), (6.0, 2.5), (2.5, 0.03125)):
        pair = torch.tensor(sigma), torch.tensor(following)
        torch.testing.assert_close(ours(*pair), theirs(*pair), rtol=1e-5, atol=1e-6)


@pytest.mark.gpu
def test_nv_noise_is_what_a_graphics_card_draws() -> None:
    """Up to one element per thread (a T4 has 40,960) CUDA's numbers are Philox's, up to rounding in fp32 functions."""
    for seed in (0, 42, 2**40 + 7):
        cuda = torch.Generator("cuda").manual_seed(seed)
        philox = PhiloxGenerator(seed)
        for _ in range(3):
            drawn = torch.randn((4, 64, 64), generator=cuda, device="cuda").cpu()
            torch.testing.assert_close(philox.randn((4, 64, 64)), drawn, rtol=0, atol=1e-4)
