"""What a move reveals: pixels that come in at the sides, and those that stood behind something. Knows no frames.

The sides can be filled by the warp itself (the outermost pixels, the other side, a mirror); what is to be drawn instead
is a mask, (1, 1, H, W) of 0 and 1, for the model to draw anew.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.redrawing import Original
from colabsd.geometry import Size
from colabsd.planning.plans import Drawing
from colabsd.progress import Progress
from colabsd.recipes.originals import put_together
from colabsd.video.warp import grid_of_flow, seen_from_outside, warp

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = 255
FARTHER = 0.1
"""Where a pixel that was near now shows what lies farther away by more than this part, something came out."""
STILL_PX = 0.5


def holes(grid: Tensor, size: Size, depth: Tensor | None = None, *, grow: int = 2) -> Tensor:
    """(1, 1, H, W): where a grid looks beyond a picture of that size, and what a picture of that `depth` (H, W) reveals
    behind things that moved away, `grow` pixels wider.
    """
    mask = seen_from_outside(grid, size)
    if depth is not None:
        mask = torch.maximum(mask, revealed(grid, depth))
    return functional.max_pool2d(mask, 2 * grow + 1, stride=1, padding=grow) if grow else mask


def revealed(grid: Tensor, depth: Tensor) -> Tensor:
    """(1, 1, H, W): what came out from behind something nearer.

    A grid in space moves each pixel by its own depth. Where a near thing has left, the grid still moves by its depth
    and so shows a piece of what is behind from somewhere else: the depth there is another.
    """
    there = warp(depth[None, None], grid)
    moved = (grid - grid_of_flow(grid.new_zeros(*depth.shape, 2))).abs().amax(dim=-1)[:, None] > STILL_PX
    return ((there / depth > 1 + FARTHER) & moved).float()


def draw_into(
    engine: Engine, drawing: Drawing, picture: Tensor, mask: Tensor, *, previews: bool = False
) -> Iterator[Progress | Tensor]:
    """Draw what is masked anew, with the drawing's sentence, strength and seed; the rest stays to the pixel.

    Yields Progress, then the picture (1, 3, H, W) in whole levels on its device; at once as it is if nothing is masked.
    `drawing` has the picture's size, and a strength near 1 where the holes are to be forgotten.
    """
    if not bool(mask.any()):
        yield picture
        return
    image = to_image(picture)
    drawn_from = Original(image, _mask_image(_by_blocks(mask, engine.card.factor)))
    seam = Original(image, _mask_image(mask))
    for event in engine.draw([replace(drawing, enlargements=())], drawn_from, previews=previews):
        if isinstance(event, Drawn):
            yield from_image(put_together(seam, event.image, drawing.mask_blur)).to(picture.device)
        else:
            yield event


def to_image(picture: Tensor) -> "Image":
    """The picture in PIL's RGB, rounded."""
    from PIL import Image

    return Image.fromarray(picture[0].clamp(0, WHITE).round().byte().permute(1, 2, 0).cpu().numpy())


def from_image(image: "Image") -> Tensor:
    """(1, 3, H, W) fp32 in levels."""
    import numpy as np

    pixels: Any = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().contiguous()


def _by_blocks(mask: Tensor, factor: int) -> Tensor:
    """The mask with whole blocks of `factor` pixels wherever a part is masked: a latent is drawn or it is not."""
    height, width = mask.shape[-2:]
    whole = (
        functional.max_pool2d(mask, factor, ceil_mode=True).repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    )
    return whole[..., :height, :width]


def _mask_image(mask: Tensor) -> "Image":
    from PIL import Image

    return Image.fromarray((mask[0, 0] * WHITE).round().byte().cpu().numpy())
