"""Large pictures decoded in overlapping tiles, so that the decoder needs the memory of one. Knows nothing of models."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from colabsd.planning.forecasts import TILE_LATENTS

OVERLAP = 16


def decode_tiled(
    decode: Callable[[Tensor], Tensor],
    latents: Tensor,
    factor: int,
    *,
    tile: int = TILE_LATENTS,
    overlap: int = OVERLAP,
) -> Tensor:
    """(1, 4, h, w) latents -> (1, 3, h · factor, w · factor) pixels in fp32.

    Neighbouring tiles share at least `overlap` latents, across which one fades into the other. Colours may shift a
    little between tiles, because each is normalised by its own statistics: the fade hides it, and the picture is close
    to the one decoded whole, not equal to it.
    """
    height, width = latents.shape[-2:]
    total = torch.zeros((1, 3, height * factor, width * factor), device=latents.device)
    weights = torch.zeros((1, 1, height * factor, width * factor), device=latents.device)
    for top, tall in _spans(height, tile, overlap):
        for left, wide in _spans(width, tile, overlap):
            part = decode(latents[..., top : top + tall, left : left + wide]).float()
            window = _window(tall * factor, top, top + tall < height, overlap * factor)[:, None] * _window(
                wide * factor, left, left + wide < width, overlap * factor
            )
            rows = slice(top * factor, (top + tall) * factor)
            columns = slice(left * factor, (left + wide) * factor)
            total[..., rows, columns] += part * window.to(part.device)
            weights[..., rows, columns] += window.to(part.device)
    return total / weights


def is_tiled(latents: Tensor, tile: int = TILE_LATENTS) -> bool:
    """Whether the latents are larger than one tile."""
    return max(latents.shape[-2:]) > tile


def _spans(length: int, tile: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Begin and length of the tiles along one side: evenly spread, all of one length."""
    if length <= tile:
        yield 0, length
        return
    count = math.ceil((length - overlap) / (tile - overlap))
    for place in range(count):
        yield round(place * (length - tile) / (count - 1)), tile


def _window(length: int, begin: int, goes_on: bool, fade: int) -> Tensor:
    """Weights along one side of a tile: rising where a neighbour is before it, falling where one follows."""
    window = torch.ones(length)
    ramp = (torch.arange(fade) + 1) / (fade + 1)
    if begin:
        window[:fade] *= ramp
    if goes_on:
        window[-fade:] *= ramp.flip(0)
    return window
