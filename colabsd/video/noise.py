"""Noise that is laid over a frame before it is drawn anew: the notebook's, which adds, and A1111's, which blends.

Two programs, one setting, two meanings: the same amount does not look the same. Behaviour is that of Deforum's notebook
and of its extension for A1111. A picture is (1, C, H, W) fp32 in levels 0 to 255. Chance is a generator on the
processor, so that a frame's noise does not depend on the device.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

HALF_RANGE = 127.5
"""Levels that are 1 in pictures of -1 to 1."""
WHITE = 255
BLOCK = 64  # A1111 draws its noise in multiples of this, then takes the nearest


@dataclass(frozen=True)
class Perlin:
    """The waves of Perlin's noise (Perlin 1985): how many cells down and across in the first octave, how many octaves,
    and how much of its strength each keeps of the one before. `down` is what Deforum calls `perlin_w`."""

    down: float = 8
    across: float = 8
    octaves: int = 4
    persistence: float = 0.5


def add_noise(picture: Tensor, amount: float, generator: Generator) -> Tensor:
    """The notebook's: normal noise of `amount` (1 is half the range) is added. Levels may go beyond 0 to 255."""
    if amount == 0:
        return picture
    noise = torch.randn(picture.shape, generator=generator)
    return picture + noise.to(picture.device) * (amount * HALF_RANGE)


def blend_noise(picture: Tensor, amount: float, generator: Generator, perlin: Perlin | None = None) -> Tensor:
    """A1111's: `amount` (0 to 1) of the picture is replaced by grey noise, even or in Perlin's waves. Whole levels."""
    if amount == 0:
        return picture
    channels, height, width = picture.shape[1:]
    rows, columns = max(height // BLOCK, 1) * BLOCK, max(width // BLOCK, 1) * BLOCK
    noise = torch.randn(channels, rows, columns, generator=generator)
    if perlin is not None:
        noise = noise * (perlin_waves(rows, columns, perlin, generator) + 1) / 2
    if (rows, columns) != (height, width):
        noise = functional.interpolate(noise[None], (height, width), mode="nearest")[0]
    levels = ((noise / 2 + 0.5).clamp(0, 1) * WHITE).floor().to(picture.device)
    return (picture * (1 - amount) + levels * amount).clamp(0, WHITE).round()


def perlin_waves(rows: int, columns: int, perlin: Perlin, generator: Generator) -> Tensor:
    """(rows, columns), about -1 to 1: octaves of gradient noise, each twice as fine as the one before."""
    waves = torch.zeros(rows, columns)
    for octave in range(perlin.octaves):
        fineness = 2.0**octave
        waves += perlin.persistence**octave * _gradient_noise(
            (rows, columns), (perlin.down * fineness, perlin.across * fineness), generator
        )
    return waves


def _gradient_noise(shape: tuple[int, int], cells: tuple[float, float], generator: Generator) -> Tensor:
    """One octave: at each corner of a cell a slope of random direction, between them blended as Perlin 2002 does."""
    angles = torch.rand(math.ceil(cells[0]) + 1, math.ceil(cells[1]) + 1, generator=generator) * (2 * math.pi)
    slopes = torch.stack([angles.cos(), angles.sin()], dim=-1)
    places = [torch.arange(length) * (count / length) for length, count in zip(shape, cells, strict=True)]
    corners = [place.long() for place in places]
    parts = [place - corner for place, corner in zip(places, corners, strict=True)]
    down, across = parts[0][:, None], parts[1][None, :]

    def rise(below: int, right: int) -> Tensor:
        slope = slopes[corners[0] + below][:, corners[1] + right]
        return slope[..., 0] * (down - below) + slope[..., 1] * (across - right)

    fades = [6 * part**5 - 15 * part**4 + 10 * part**3 for part in (down, across)]
    above = torch.lerp(rise(0, 0), rise(1, 0), fades[0].expand(shape))
    beside = torch.lerp(rise(0, 1), rise(1, 1), fades[0].expand(shape))
    return math.sqrt(2) * torch.lerp(above, beside, fades[1].expand(shape))
