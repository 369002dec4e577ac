"""The first noise of pictures: per picture, the same in any batch, other programs' noise, variations."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.engine.noise import PhiloxGenerator, initial_noise, slerp
from colabsd.planning.plans import Drawing

SHAPE = (4, 8, 8)


def test_nv_noise_has_the_published_values() -> None:
    noise = PhiloxGenerator(0).randn((3, 4)).flatten()
    expected = [-0.92466259, -0.42534415, -2.6438457, 0.14518388]
    # The tolerance is that of fp32's logarithm and sine in different versions of numpy.
    torch.testing.assert_close(noise[:4], torch.tensor(expected), rtol=0, atol=1e-5)


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
