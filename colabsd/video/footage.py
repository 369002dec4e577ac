"""Pictures and films that come into a film: read as they are needed, one or two frames at a time, and put together.

Frame i of the film sees input frame first + i x nth. A film that is too short holds its last frame.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from colabsd.planning.video_plans import Footage, FramePlan, VideoPlan
from colabsd.recipes.originals import fit, read_brought
from colabsd.video.encode import Pixels
from colabsd.video.flow import METHODS, Method, believable, carried, optical_flow
from colabsd.video.holes import from_image
from colabsd.video.input_video import InputFrame, look_at_video, read_frames

MIDDLE = 127.5


@dataclass
class FilmReader:
    """The frames of one input film by the numbers of the film's own frames, as (1, 3, H, W)."""

    path: Path
    plan: VideoPlan
    _frames: Iterator[InputFrame] | None = None
    _held: dict[int, Tensor] = field(default_factory=dict)
    _at: int = -1
    _fps: float | None = None

    def at(self, index: int) -> Tensor:
        """What is seen at a frame. Going back begins anew. Raises: UnreadableVideoError."""
        if index in self._held:
            return self._held[index]
        if self._frames is None or index < self._at:
            self._open()
        assert self._frames is not None, "it was opened"
        while self._at < index:
            frame = next(self._frames, None)
            self._at += 1
            picture = self._held[self._at - 1] if frame is None else to_picture(frame.pixels)
            self._held = {self._at - 1: self._held[self._at - 1]} if self._at - 1 in self._held else {}
            self._held[self._at] = picture
        return self._held[index]

    def close(self) -> None:
        """Let go of the file."""
        if self._frames is not None:
            self._frames.close()  # type: ignore[attr-defined]
        self._frames = None

    def _open(self) -> None:
        self.close()
        footage = self.plan.footage
        self._fps = look_at_video(self.path).fps if self._fps is None else self._fps
        self._held, self._at = {}, -1
        self._frames = read_frames(
            self.path, self.plan.size, every=footage.nth, first=footage.first, last=footage.last, fps=self._fps
        )


class InputFootage:
    """All that comes into one film. `locate` says where a file of the plan lies on this machine."""

    def __init__(self, plan: VideoPlan, locate: Callable[[str], Path] = Path) -> None:
        footage = plan.footage
        self.plan = plan
        self._film = FilmReader(locate(footage.film), plan) if footage.film else None
        self._masks = FilmReader(locate(footage.mask_film), plan) if footage.mask_film else None
        self._mask = _still(locate(footage.mask), plan) if footage.mask else None
        self.init_image = _still(locate(footage.init_image), plan) if footage.init_image else None
        self.colours = _still(locate(plan.colours.image), plan) if plan.colours.image else None

    def film_at(self, index: int) -> Tensor | None:
        """The input film's frame; None without one."""
        return None if self._film is None else self._film.at(index)

    def mask_at(self, index: int) -> Tensor | None:
        """(1, 1, H, W) of 0 and 1: what is drawn anew at a frame; None for all of it."""
        picture = self._masks.at(index) if self._masks is not None else self._mask
        if picture is None:
            return None
        mask = (picture.mean(dim=1, keepdim=True) >= MIDDLE).float()
        turned = self.plan.footage.invert_mask != ("mask_white_kept" in self.plan.compat)
        return 1 - mask if turned else mask

    def close(self) -> None:
        """Let go of all files."""
        for reader in (self._film, self._masks):
            if reader is not None:
                reader.close()

    def carried_along(self, picture: Tensor, frame: FramePlan) -> tuple[Tensor, Tensor | None]:
        """The picture of the frame before, moved as the input film moves to this frame; and where that can be
        believed, (1, 1, H, W) of 0 and 1. As it is where no motion is asked for.
        """
        if self._film is None or self.plan.footage.motion == "None" or frame.index == 0:
            return picture, None
        now, before = self._film.at(frame.index), self._film.at(frame.index - 1)
        method = flow_method(self.plan.footage)
        back, ahead = optical_flow(now, before, method), optical_flow(before, now, method)
        return carried(picture, -back, frame.hybrid_flow_factor), believable(back, ahead)

    def composed(self, picture: Tensor, frame: FramePlan, believed: Tensor | None = None) -> Tensor:
        """The picture with the input film's frame laid over it by the frame's share; all of it where the motion could
        not be believed.
        """
        film = self.film_at(frame.index)
        if film is None:
            return picture
        share: float | Tensor = frame.hybrid_alpha
        if believed is not None:
            share = 1 - (1 - frame.hybrid_alpha) * believed
        return picture + (film - picture) * share


def to_picture(pixels: Pixels) -> Tensor:
    """A frame's pixels (H, W, 3) as (1, 3, H, W) in levels."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float().contiguous()


def to_pixels(picture: Tensor) -> Pixels:
    """A picture in whole levels as pixels (H, W, 3)."""
    pixels: Pixels = picture[0].clamp(0, 255).byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def flow_method(footage: Footage) -> Method:
    """The flow that was asked for; RAFT's weights are nobody's here, and the finest without weights stands for it."""
    return next((name for name in METHODS if name == footage.flow), "DIS Fine")


def _still(path: Path, plan: VideoPlan) -> Tensor:
    """A picture file at the film's size. Raises: NotAPictureError."""
    return from_image(fit(read_brought(path), plan.size, 1).image)
