"""What is done to a moved picture before it is drawn again, and what its colours are held to. Knows no files.

Order and meaning are Deforum's (the notebook's and its extension's for A1111): colours, grey, contrast, sharpening,
noise.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from colabsd.planning.video_plans import FramePlan, VideoPlan
from colabsd.video.colour import Histogram, grey, histogram_of, match_histogram, with_contrast
from colabsd.video.colour_spaces import Space
from colabsd.video.noise import Perlin, add_noise, blend_noise
from colabsd.video.sharpening import sharpened

OWN_SPACES: dict[str, Space] = {"RGB": "RGB", "HSV": "HSV", "LAB": "LAB", "Video Input": "LAB", "Image": "LAB"}


@dataclass(frozen=True)
class Coherence:
    """A plan's colours. `image` is the picture that they are held to, where one was given.

    References are histograms (3, 256), which is all that matching needs: a state keeps one.
    """

    plan: VideoPlan
    image: Tensor | None = None

    @property
    def space(self) -> Space | None:
        """The space that colours are matched in; None where they are not."""
        return OWN_SPACES.get(self.plan.colours.mode)

    def reference_at(self, frame: FramePlan, known: Histogram | None, film: Tensor | None) -> Histogram | None:
        """What a frame's colours are held to: the given picture's, the input film's, or what was known before."""
        if self.space is None:
            return None
        if self.plan.colours.mode == "Image" and self.image is not None:
            return known if known is not None else self._histogram(self.image)
        due = known is None or frame.index % self.plan.colours.every == 0
        if self.plan.colours.mode == "Video Input" and film is not None and due:
            return self._histogram(film)
        return known

    def after_move(self, moved: Tensor, known: Histogram | None) -> tuple[Tensor, Histogram | None]:
        """The moved picture in the reference's colours; the first one is the reference itself where that was asked."""
        if self.space is None:
            return moved, known
        if known is None:
            return moved, self._histogram(moved) if self._from_moved else None
        return self.matched(moved, known), known

    def after_drawing(
        self, frame: FramePlan, drawn: Tensor, known: Histogram | None
    ) -> tuple[Tensor, Histogram | None]:
        """The drawn picture in the reference's colours (not in the notebook's dialect), and the reference after it."""
        if self.space is None:
            return drawn, known
        legacy = self.plan.colours.legacy or self.plan.dialect == "notebook"
        if known is not None and not legacy:
            drawn = self.matched(drawn, known)
        if self._is_grey:
            drawn = grey(drawn).round()
        own = self.plan.colours.mode in ("RGB", "HSV", "LAB")
        renewed = own and self.plan.colours.legacy and frame.strength == 0
        if own and not self._from_moved and (known is None or renewed):
            known = self._histogram(drawn)
        return drawn, known

    def matched(self, picture: Tensor, reference: Histogram) -> Tensor:
        """The picture with the reference's histogram."""
        assert self.space is not None, "colours are matched in a space"
        if self._swapped:
            return match_histogram(picture.flip(1), reference, self.space).flip(1)
        return match_histogram(picture, reference, self.space)

    def prepared(self, picture: Tensor, frame: FramePlan, last_seed: int) -> Tensor:
        """Grey, contrast, sharpening and noise of a frame; `last_seed` is the seed of the frame drawn before it."""
        if self._is_grey:
            picture = grey(picture).round()
        picture = with_contrast(picture, frame.contrast, wraps="contrast_wraps" in self.plan.compat)
        picture = sharpened(picture, frame.kernel, frame.sigma, frame.amount, frame.threshold)
        kind = self.plan.noise
        if kind.kind == "gaussian":
            return add_noise(picture, frame.noise, _generator(last_seed))
        waves = Perlin(kind.perlin_w, kind.perlin_h, kind.octaves, kind.persistence)
        return blend_noise(picture, frame.noise, _generator(frame.seed), waves if kind.kind == "perlin" else None)

    @property
    def _is_grey(self) -> bool:
        return self.plan.colours.grayscale

    @property
    def _swapped(self) -> bool:
        return "swapped_channels" in self.plan.compat

    @property
    def _from_moved(self) -> bool:
        return "reference_warped" in self.plan.compat

    def _histogram(self, picture: Tensor) -> Histogram:
        assert self.space is not None, "asked for only where colours are matched"
        return histogram_of(picture.flip(1) if self._swapped else picture, self.space)


def as_tensor(reference: Histogram | None) -> Tensor | None:
    """A reference as a state keeps it."""
    return None if reference is None else torch.from_numpy(reference.copy())


def as_reference(kept: Tensor | None) -> Histogram | None:
    """A reference out of a state."""
    numbers: Any = None if kept is None else kept.long().numpy()
    reference: Histogram | None = numbers
    return reference


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
