"""One frame's camera, applied to a picture as a film's plan says: in the plane or in space, with its borders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from colabsd.planning.video_plans import FramePlan, VideoPlan
from colabsd.video.camera import Matrix, matrix_2d
from colabsd.video.depth import Depth, Plane
from colabsd.video.holes import holes
from colabsd.video.warp import Border, Sampling, grid_2d, grid_3d, warp, whole_levels

BORDERS: Mapping[str, Border] = {
    "replicate": "replicate",
    "wrap": "wrap",
    "reflect": "reflect",
    "inpaint": "replicate",
    "border": "replicate",
    "reflection": "reflect",
    "zeros": "zeros",
}
DRAWN = "inpaint"
SAMPLINGS: Mapping[str, Sampling] = {"bicubic": "bicubic", "bilinear": "bilinear", "nearest": "nearest"}


class Moved(NamedTuple):
    """A moved picture, and what in it is to be drawn, (1, 1, H, W) of 0 and 1; None where nothing is."""

    picture: Tensor
    holes: Tensor | None


@dataclass(frozen=True)
class Mover:
    """Moves pictures (1, 3, H, W) from one frame to the next; `depth` is where their depth comes from in 3D."""

    plan: VideoPlan
    depth: Depth = field(default_factory=Plane)

    def depth_of(self, picture: Tensor) -> Tensor | None:
        """What `move` wants to know of a picture, or of another one of the same moment."""
        return self.depth.of(picture) if self.plan.mode == "3D" else None

    def move(self, picture: Tensor, frame: FramePlan, depth: Tensor | None = None) -> Moved:
        """The picture as it is seen after the camera's step to that frame; levels stay as fine as they come."""
        if self.plan.mode not in ("2D", "3D"):
            return Moved(picture, None)
        away: Tensor | None = None
        if self.plan.mode == "2D":
            grid, asked, sampling = self._grid(self.matrix(frame), picture), self.plan.moving.border, "bilinear"
        else:
            away = self.depth.of(picture) if depth is None else depth
            grid = grid_3d(frame.camera, away, aspect=1.0 if self.plan.dialect == "notebook" else None)
            asked, sampling = self.plan.moving.padding_mode, self.plan.moving.sampling_mode
        moved = warp(picture, grid, border=BORDERS[asked], sampling=SAMPLINGS[sampling])
        return Moved(moved, holes(grid, self.plan.size, away) if asked == DRAWN else None)

    def matrix(self, frame: FramePlan) -> Matrix:
        """A frame's step in the plane."""
        drops = "flip_drops_translation" in self.plan.compat
        return matrix_2d(frame.camera, self.plan.size, self.plan.dialect, flip_drops_translation=drops)

    def placed(self, picture: Tensor, matrix: Matrix) -> Tensor:
        """A picture under many steps at once, so that it is sampled only once (2D)."""
        return warp(picture, self._grid(matrix, picture), border=BORDERS[self.plan.moving.border])

    def whole(self, picture: Tensor, *, moved: bool = False) -> Tensor:
        """Whole levels, as the notebook cuts them and A1111 rounds them; what was `moved` is rounded, also in 3D."""
        cut = self.plan.dialect == "notebook" and not moved
        return whole_levels(picture, cut=cut or (self.plan.mode == "3D" and "darkening_3d" in self.plan.compat))

    def _grid(self, matrix: Matrix, picture: Tensor) -> Tensor:
        device: torch.device = picture.device
        return grid_2d(matrix, self.plan.size, device)
