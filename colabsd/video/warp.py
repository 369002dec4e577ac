"""Pictures moved over a grid of places: by the camera in 2D and 3D, and by optical flow. Knows no files and no models.

A picture is (1, C, H, W) fp32 on any device; of RGB in levels 0 to 255. A grid is (1, H, W, 2): for each pixel of the
result the place in the source, x and y in pixels, whose centres are whole numbers. Everything happens on the picture's
device, in one sampling, so that nothing is blurred twice.
"""

from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colabsd.geometry import Size
from colabsd.planning.video_plans import CameraValues
from colabsd.video.camera import Matrix, rotation_3d, translation_3d

Border = Literal["replicate", "wrap", "reflect", "zeros"]
"""What is seen beyond the edges: the outermost pixels, the other side, a mirror at the edge, or black."""
Sampling = Literal["bilinear", "bicubic", "nearest"]
Device: TypeAlias = torch.device | str
PADDINGS: dict[Border, str] = {"replicate": "border", "reflect": "reflection", "zeros": "zeros", "wrap": "zeros"}
REACH = 2
"""Pixels beyond a place that bicubic sampling looks at."""
NEAREST_DEPTH = 0.01
"""What has come nearer to the camera than this, or is behind it, is seen as if it were as near."""
WHITE = 255


def grid_2d(matrix: Matrix, size: Size, device: Device = "cpu") -> Tensor:
    """Where a picture moved by `matrix` (source to target, as of `matrix_2d`) is to be sampled."""
    back = np.linalg.inv(matrix)
    x = torch.arange(size.width, dtype=torch.float64, device=device)[None, :]
    y = torch.arange(size.height, dtype=torch.float64, device=device)[:, None]
    grid = _empty_grid(size.height, size.width, device)
    flat = bool((back[2, :2] == 0).all())
    depth = None if flat else x * back[2, 0] + (y * back[2, 1] + back[2, 2])
    for axis in (0, 1):
        a, b, c = back[axis] / back[2, 2] if flat else back[axis]
        place = (x * a).float() + (y * b + c).float() if depth is None else (x * a + (y * b + c)) / depth
        grid[0, ..., axis] = place
    return grid


def grid_3d(camera: CameraValues, depth: Tensor, *, aspect: float | None = None) -> Tensor:
    """Where a picture whose pixels lie `depth` (H, W) > 0 away is to be sampled when the camera has moved.

    A pixel is the point p = (x, y, z), x and y from -1 to 1, z its depth; moved it is q = p R + T, and what it shows
    has moved by s (q_x / q_z - x / z) across, s = 1 / tan(fov / 2) (over `aspect`; None is the camera's own), and the
    same down, in halves of the picture. The camera's near and far planes do not enter. After Deforum's notebook, which
    counts x and y from corner to corner and samples from centre to centre; so do we.
    """
    height, width = depth.shape
    aspect = camera.aspect_ratio if aspect is None else aspect
    lens = 1 / float(np.tan(np.radians(camera.fov) / 2))
    turn = torch.from_numpy(rotation_3d(camera)).to(depth)
    step = translation_3d(camera).tolist()
    x = torch.linspace(-1, 1, width).to(depth)[None, :]
    y = torch.linspace(-1, 1, height).to(depth)[:, None]
    moved = [(x * turn[0, axis] + (y * turn[1, axis] + step[axis])).addcmul_(depth, turn[2, axis]) for axis in range(3)]
    away = moved[2].clamp_(min=NEAREST_DEPTH)
    grid = _empty_grid(height, width, depth.device)
    places = torch.arange(width, device=depth.device)[None, :], torch.arange(height, device=depth.device)[:, None]
    for axis, (at_rest, seen, reach) in enumerate(
        zip(places, (x, y), (lens / aspect * width / 2, lens * height / 2), strict=True)
    ):
        place = torch.addcdiv(at_rest.to(depth), moved[axis], away, value=-reach)
        grid[0, ..., axis] = place.addcdiv_(seen, depth, value=reach)
    return grid


def grid_of_flow(flow: Tensor, share: float = 1.0) -> Tensor:
    """Where a picture is to be sampled so that it looks `share` of the way along: `flow` (H, W, 2) in pixels is how far
    what is seen at a pixel of the *result* has come, as optical flow from the result to the source says it negatively.
    """
    height, width, _ = flow.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, device=flow.device), torch.arange(width, device=flow.device), indexing="ij"
    )
    return (torch.stack([columns, rows], dim=-1) - flow * share)[None].float()


def warp(picture: Tensor, grid: Tensor, *, border: Border = "replicate", sampling: Sampling = "bilinear") -> Tensor:
    """The picture as it is seen over the grid: (1, C, grid's H, grid's W) fp32.

    Bilinear equals OpenCV 5 within a level. Bicubic (Keys 1981, a = -0.75) may go beyond the levels there were.
    """
    if border == "wrap":
        picture, grid = _wrapped(picture, grid)
    height, width = picture.shape[-2:]
    scale = torch.tensor([2 / width, 2 / height], device=grid.device)
    centred = (grid * scale).add_(scale / 2 - 1)
    found: Tensor = functional.grid_sample(
        picture, centred, mode=sampling, padding_mode=PADDINGS[border], align_corners=False
    )
    return found


def seen_from_outside(grid: Tensor, size: Size) -> Tensor:
    """(1, 1, H, W) of 0 and 1: where a grid looks beyond the edges of a picture of that size."""
    x, y = grid[..., 0], grid[..., 1]
    outside = (x < -0.5) | (x > size.width - 0.5) | (y < -0.5) | (y > size.height - 0.5)
    return outside[:, None].float()


def whole_levels(picture: Tensor, *, cut: bool = False) -> Tensor:
    """The picture in whole levels 0 to 255, still fp32: rounded, or cut off as Deforum does, which darkens."""
    levels = picture.clamp(0, WHITE)
    return levels.floor() if cut else levels.round()


def _empty_grid(height: int, width: int, device: Device) -> Tensor:
    """A grid to be filled, all x before all y in memory: so it is filled and sampled over a fifth faster."""
    return torch.empty(1, 2, height, width, device=device).permute(0, 2, 3, 1)


def _wrapped(picture: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """The picture with some of the other side around it, and the grid turned over into it."""
    height, width = picture.shape[-2:]
    rows = torch.arange(-REACH, height + REACH, device=picture.device) % height
    columns = torch.arange(-REACH, width + REACH, device=picture.device) % width
    size = torch.tensor([width, height], device=grid.device, dtype=grid.dtype)
    return picture[..., rows, :][..., columns], grid.remainder(size) + REACH
