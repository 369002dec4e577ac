"""How far away what a picture shows is: by a model that estimates depth, a plane, or a map that is given.

Every source gives z (H, W) fp32 above 0 on the picture's device, near things 1 and far ones 2 where it is estimated.
A picture is (1, 3, H, W) fp32 in levels 0 to 255.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.planning.plans import Execution
from colabsd.progress import Progress

BINS = 1024
WHITE = 255
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INVERSE = ("depth_anything", "dpt")
"""Kinds of models whose numbers are large for what is near; those of others are distances."""
SIDE = 384


class Depth(Protocol):
    """Where the depth of a picture comes from."""

    def of(self, picture: Tensor) -> Tensor:
        """z (H, W) above 0 on the picture's device, of the picture's size."""


@dataclass(frozen=True)
class Plane:
    """Everything is equally far away."""

    distance: float = 1.0

    def of(self, picture: Tensor) -> Tensor:
        return torch.full(picture.shape[-2:], self.distance, device=picture.device)


@dataclass(frozen=True)
class Map:
    """A map that is given, (h, w) of any range and size: bright is near, or far with `bright_is_far`."""

    values: Tensor
    bright_is_far: bool = False

    def of(self, picture: Tensor) -> Tensor:
        values = _resized(self.values.to(picture.device).float(), picture)
        return distances(values, inverse=not self.bright_is_far)


class Estimated:
    """Depth by a model of transformers' kind AutoModelForDepthEstimation, in whatever precision it is."""

    def __init__(self, model: Any, facts: Mapping[str, Any]) -> None:
        """`facts` is its preprocessor_config.json."""
        self._model = model
        self._facts = facts
        kind, metric = model.config.model_type, getattr(model.config, "depth_estimation_type", "") == "metric"
        self._inverse = kind in INVERSE and not metric

    @torch.inference_mode()
    def of(self, picture: Tensor) -> Tensor:
        """Enlarged and normalised as the model wants it, and its answer brought to the picture's size."""
        mean, spread = (
            torch.tensor(self._facts.get(name) or usual, device=picture.device).view(1, 3, 1, 1)
            for name, usual in zip(("image_mean", "image_std"), IMAGENET, strict=True)
        )
        size = seen_size((picture.shape[-2], picture.shape[-1]), self._facts)
        seen = functional.interpolate(picture, size, mode="bicubic", antialias=True).round().clamp(0, WHITE)
        pixels = ((seen / WHITE - mean) / spread).to(self._model.dtype)
        found = self._model(pixel_values=pixels.to(self._model.device)).predicted_depth
        return distances(_resized(found.squeeze(0).float().to(picture.device), picture), inverse=self._inverse)


def load_depth(folder: Path, execution: Execution) -> Generator[Progress, None, Estimated]:
    """The model of a folder on the execution's device. Raises: MissingWeightsError, UnsupportedModelError for a folder
    that is no model of depth, DamagedWeightsError.
    """
    if not (folder / "config.json").is_file():
        raise MissingWeightsError(path=folder / "config.json")
    yield Progress(stage="load", done=0, total=1)
    from transformers import AutoConfig, AutoModelForDepthEstimation

    kind = _read_facts(folder / "config.json").get("model_type", "")
    try:
        known = type(AutoConfig.from_pretrained(folder)) in AutoModelForDepthEstimation._model_mapping
    except ValueError:
        known = False
    if not known:
        raise UnsupportedModelError("error.depth.kind", path=folder, found=kind)
    try:
        model = AutoModelForDepthEstimation.from_pretrained(folder, local_files_only=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise DamagedWeightsError(path=folder, reason=str(error).strip().splitlines()[0]) from error
    yield Progress(stage="load", done=1, total=1)
    return Estimated(model.eval().to(execution.device), _read_facts(folder / "preprocessor_config.json"))


def distances(values: Tensor, *, inverse: bool) -> Tensor:
    """(H, W) of any range -> z from 1 (near) to 2 (far), equalised; 1 everywhere if the values say nothing.

    `inverse`: large values are near, as in disparity.
    """
    if is_flat(values):
        return torch.ones_like(values)
    even = equalised(values)
    return 2 - even if inverse else 1 + even


def is_flat(values: Tensor) -> bool:
    """Whether there is no depth in it: all equal, or something that is not a number."""
    return not bool(torch.isfinite(values).all()) or bool(values.min() == values.max())


def equalised(values: Tensor) -> Tensor:
    """(H, W) -> about 0 to 1, each as common as the others: its histogram of 1024 bins, summed up and interpolated."""
    scaled = (values - values.min()) / (values.max() - values.min())
    counts = torch.histc(scaled, bins=BINS, min=0, max=1)
    summed = counts.cumsum(0) / counts.sum()
    place = (scaled * BINS).clamp(max=BINS - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=BINS - 1)
    return torch.lerp(summed[below], summed[above], place - below)


def seen_size(size: tuple[int, int], facts: Mapping[str, Any]) -> tuple[int, int]:
    """(height, width) that a picture has before such a model, as its preprocessor_config.json says.

    With `keep_aspect_ratio` it is scaled as little as possible; sides are multiples of `ensure_multiple_of`.
    """
    asked = facts.get("size") or {}
    if isinstance(asked, int):
        asked = {"height": asked, "width": asked}
    scales = [asked.get(name, SIDE) / side for name, side in zip(("height", "width"), size, strict=True)]
    if facts.get("keep_aspect_ratio"):
        scales = [min(scales[::-1], key=lambda scale: abs(1 - scale))] * 2
    multiple = facts.get("ensure_multiple_of") or 1
    sides = [max(multiple, round(scale * side / multiple) * multiple) for scale, side in zip(scales, size, strict=True)]
    return sides[0], sides[1]


def _resized(values: Tensor, picture: Tensor) -> Tensor:
    shape = picture.shape[-2:]
    if values.shape == shape:
        return values
    return functional.interpolate(values[None, None], shape, mode="bicubic", align_corners=False)[0, 0]


def _read_facts(path: Path) -> dict[str, Any]:
    """A JSON object; empty when the file is missing. Raises: DamagedWeightsError."""
    if not path.is_file():
        return {}
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedWeightsError(path=path, reason=str(error)) from error
    return facts
