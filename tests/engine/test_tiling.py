"""Decoding in tiles: every pixel once, no seams, close to the whole."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.tiling import decode_tiled, is_tiled

FACTOR = 4


def nearest(latents: Tensor) -> Tensor:
    """A decoder that looks at one latent at a time: tiles cannot matter to it."""
    return functional.interpolate(latents[:, :3], scale_factor=FACTOR, mode="nearest")


@pytest.mark.parametrize(("height", "width"), [(8, 8), (20, 20), (21, 33), (16, 90), (65, 17)])
def test_a_decoder_that_sees_no_neighbours_gives_the_whole_picture(height: int, width: int) -> None:
    latents = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(0))
    tiled = decode_tiled(nearest, latents, FACTOR, tile=16, overlap=4)
    # a weighted mean of equal numbers: rounding of fp32 only
    torch.testing.assert_close(tiled, nearest(latents), rtol=1e-5, atol=1e-6)


def test_no_tile_is_larger_than_asked() -> None:
    sizes = []

    def noted(latents: Tensor) -> Tensor:
        sizes.append(latents.shape[-2:])
        return nearest(latents)

    decode_tiled(noted, torch.zeros(1, 4, 50, 70), FACTOR, tile=16, overlap=4)
    assert set(sizes) == {(16, 16)}


def test_a_jump_between_tiles_is_faded_over_their_overlap() -> None:
    brightness = iter(range(100))

    def jumping(latents: Tensor) -> Tensor:
        return torch.full((1, 3, latents.shape[-2] * FACTOR, latents.shape[-1] * FACTOR), float(next(brightness)))

    row = decode_tiled(jumping, torch.zeros(1, 4, 16, 28), FACTOR, tile=16, overlap=4)[0, 0, 0]
    assert row[0] == 0 and row[-1] == 1
    assert (row.diff() >= 0).all() and float(row.diff().max()) < 0.1


def test_only_large_latents_are_tiled() -> None:
    assert not is_tiled(torch.zeros(1, 4, 64, 64)) and is_tiled(torch.zeros(1, 4, 64, 72))
