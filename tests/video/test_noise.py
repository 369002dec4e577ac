"""Noise as the two programs mean it: one adds, one blends; both by a generator that is given."""

import pytest
import torch
from torch import Generator, Tensor

from colabsd.video.noise import Perlin, add_noise, blend_noise, perlin_waves


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def flat() -> Tensor:
    return torch.full((1, 3, 70, 130), 127.5)


def test_added_noise_is_normal_and_as_strong_as_asked(flat: Tensor) -> None:
    noise = add_noise(flat, 0.1, seeded()) - flat
    assert float(noise.std()) == pytest.approx(0.1 * 127.5, rel=0.02)
    torch.testing.assert_close(noise / 12.75, torch.randn(flat.shape, generator=seeded()), atol=1e-4, rtol=0)


def test_blended_noise_replaces_a_part_of_the_picture() -> None:
    white = torch.full((1, 3, 64, 64), 255.0)
    half = blend_noise(white, 0.5, seeded())
    assert float(half.mean()) == pytest.approx(255 * 0.75, abs=2)
    assert torch.equal(half, half.round())
    all_noise = blend_noise(white, 1.0, seeded())
    assert float(all_noise.mean()) == pytest.approx(127, abs=2)


@pytest.mark.parametrize("perlin", [None, Perlin()], ids=["even", "perlin"])
def test_the_same_seed_gives_the_same_noise_and_another_one_another(flat: Tensor, perlin: Perlin | None) -> None:
    first, again, other = (blend_noise(flat, 0.3, seeded(seed), perlin) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == flat.shape


def test_no_noise_is_the_picture_itself(flat: Tensor) -> None:
    assert add_noise(flat, 0, seeded()) is flat
    assert blend_noise(flat, 0, seeded()) is flat


def test_perlins_waves_are_smooth_and_finer_with_more_octaves() -> None:
    coarse, fine = (perlin_waves(64, 64, Perlin(4, 4, octaves, 0.9), seeded()) for octaves in (1, 5))
    assert float(coarse.abs().max()) <= 1
    rough = [float(one.diff(dim=1).abs().mean() / one.std()) for one in (coarse, fine)]
    assert 2 * rough[0] < rough[1]


@pytest.mark.parametrize("cells", [(0.1, 16), (3.7, 2.2), (16, 0.1)])
def test_perlin_takes_any_number_of_cells_and_picture(cells: tuple[float, float]) -> None:
    waves = perlin_waves(33, 50, Perlin(*cells, 7, 0.5), seeded())
    assert waves.shape == (33, 50)
    assert bool(torch.isfinite(waves).all())
    small = torch.full((1, 3, 9, 13), 100.0)
    assert blend_noise(small, 0.5, seeded(), Perlin()).shape == small.shape


def test_every_setting_of_perlin_changes_the_noise(flat: Tensor) -> None:
    usual = blend_noise(flat, 0.5, seeded(), Perlin())
    for other in (Perlin(down=3), Perlin(across=3), Perlin(octaves=2), Perlin(persistence=0.9)):
        assert not torch.equal(blend_noise(flat, 0.5, seeded(), other), usual)
