"""A film's camera tried on a picture of a grid: no model, no file, what is seen at some of its frames."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from colabsd.geometry import Size
from colabsd.planning.video_plans import VideoPlan
from colabsd.video.moving import Mover

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST_SIDE = 192
LINES = 8
FAR, NEAR = 2.0, 1.0
BALL = 0.5  # of the shorter side


class Ball:
    """Depth of a ball before a wall, so that a move in space shows what comes before what."""

    def of(self, picture: Tensor) -> Tensor:
        """(H, W) in units of the camera's steps: 2 is the wall, 1 the ball's foremost point."""
        height, width = picture.shape[-2:]
        y, x = np.mgrid[:height, :width]
        radius = BALL * min(width, height) / 2
        away = ((x - width / 2 + 0.5) ** 2 + (y - height / 2 + 0.5) ** 2) / radius**2
        ball = np.sqrt(np.clip(1 - away, 0, 1))
        return torch.from_numpy((FAR - (FAR - NEAR) * ball).astype(np.float32)).to(picture.device)


def frames_shown(frames: int, most: int) -> tuple[int, ...]:
    """At most so many frames, from the first to the last, evenly."""
    count = min(most, frames)
    return tuple(round(place * (frames - 1) / max(1, count - 1)) for place in range(count))


def preview_camera(plan: VideoPlan, shown: Sequence[int]) -> list["Image"]:
    """A grid as it is seen at the frames `shown`, in order, small. It is moved from frame to frame, as a film is."""
    from PIL import Image

    small = _small(plan)
    mover = Mover(small, Ball())
    picture = _grid(small.size)
    images: dict[int, Image.Image] = {}
    for index in range(max(shown) + 1):
        frame = small.frames[index]
        picture = picture if index == 0 else mover.move(picture, frame).picture.clamp(0, 255)
        if index in shown:
            pixels = picture[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
            images[index] = Image.fromarray(pixels)
    return [images[index] for index in shown]


def _small(plan: VideoPlan) -> VideoPlan:
    """The plan at preview size: pixels of its translations shrink with it in the plane, space has none."""
    scale = min(1.0, LONGEST_SIDE / max(plan.width, plan.height))
    pixels = scale if plan.mode == "2D" else 1.0
    columns = dict(plan.frames.columns)
    for name in ("camera.translation_x", "camera.translation_y"):
        if name in columns:
            column = columns[name]
            columns[name] = dataclasses.replace(column, values=tuple(value * pixels for value in column.values))
    frames = dataclasses.replace(plan.frames, columns=columns)
    return dataclasses.replace(
        plan, width=max(2, round(plan.width * scale)), height=max(2, round(plan.height * scale)), frames=frames
    )


def _grid(size: Size) -> Tensor:
    """(1, 3, H, W): lines on a slope of colours, so that one sees where each part went."""
    y, x = np.mgrid[: size.height, : size.width]
    across, down = x / max(1, size.width - 1), y / max(1, size.height - 1)
    picture = np.stack([90 + 150 * across, 150 + 60 * down, 235 - 150 * across], axis=0)
    step = min(size.width, size.height) / LINES
    lines = (x % step < 1.5) | (y % step < 1.5)
    radius = np.hypot(x - size.width / 2 + 0.5, y - size.height / 2 + 0.5)
    ring = np.abs(radius - BALL * min(size.width, size.height) / 2) < 1.5
    picture[:, lines] = 255
    picture[:, ring] = 30
    return torch.from_numpy(picture.astype(np.float32))[None]
