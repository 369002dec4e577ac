"""CLIP itself as a scorer (Radford et al. 2021, arXiv:2103.00020), through transformers; for photos.

Its name says which CLIP, because figures of two are not comparable.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.scorers import TOGETHER, DrawnWorldScorer, Scorer, Vectors
from colabsd.engine.tokenizer import END, build_tokenizer, clip_merges
from colabsd.errors import DamagedWeightsError
from colabsd.models.addons import CLIP_SCORER, find_addon
from colabsd.models.cache import WeightCache

if TYPE_CHECKING:
    from PIL.Image import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's own pictures, from its preprocessor's configuration
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class ClipScorer:
    """CLIP from a folder with config.json and model.safetensors. Its words are those of CLIP's own vocabulary."""

    def __init__(self, folder: Path, name: str, device: str = "cpu") -> None:
        """Raises: DamagedWeightsError."""
        from transformers import CLIPModel

        try:
            model = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise DamagedWeightsError(path=folder, reason=error) from error
        self.name, self.device = name, device
        self.model: Any = model.eval().to(device)
        self.side = int(self.model.config.vision_config.image_size)
        self.tokenizer = build_tokenizer(clip_merges(), END, folder)

    def pictures(self, images: "Sequence[Image]") -> Vectors:
        rows: list[Tensor] = []
        with torch.inference_mode():
            for some in _some(images):
                pixels = torch.cat([clip_tensor(image, self.side) for image in some]).to(self.device)
                pooled = self.model.vision_model(pixel_values=pixels).pooler_output
                rows.append(self.model.visual_projection(pooled))
        return self._units(rows)

    def subjects(self, images: "Sequence[Image]") -> Vectors:
        """What DreamBooth calls CLIP-I: CLIP has one vector for a picture."""
        return self.pictures(images)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        rows: list[Tensor] = []
        with torch.inference_mode():
            for some in _some(texts):
                ids = torch.tensor([self.tokenizer.padded(self.tokenizer.ids(text)) for text in some])
                pooled = self.model.text_model(input_ids=ids.to(self.device)).pooler_output
                rows.append(self.model.text_projection(pooled))
        return self._units(rows)

    def _units(self, rows: Sequence[Tensor]) -> Vectors:
        if not rows:
            return np.zeros((0, self.model.config.projection_dim), np.float32)
        units: Vectors = functional.normalize(torch.cat(list(rows)).float(), dim=1).cpu().numpy()
        return units


def clip_tensor(image: "Image", side: int) -> Tensor:
    """The picture as CLIP is shown it (1, 3, side, side): the shorter side scaled to `side`, its middle cut out."""
    from PIL.Image import Resampling

    image = image.convert("RGB")
    scale = side / min(image.size)
    image = image.resize(
        (max(side, round(image.width * scale)), max(side, round(image.height * scale))), Resampling.BICUBIC
    )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = np.asarray(image.crop((left, top, left + side, top + side)), np.float32) / 255
    standard = (pixels - np.asarray(MEAN, np.float32)) / np.asarray(DEVIATION, np.float32)
    return torch.from_numpy(standard).permute(2, 0, 1)[None]


def best_scorer(cache: WeightCache | None = None, device: str = "cpu") -> Scorer:
    """CLIP where the cache has it, else the scorer that comes along. Brings nothing.

    Raises: MissingWeightsError, DamagedWeightsError.
    """
    row = find_addon(CLIP_SCORER)
    assert row is not None, "the catalog has it"
    kept = cache.find(row.wanted) if cache is not None else None
    return DrawnWorldScorer() if kept is None else ClipScorer(kept.folder, row.name, device)


def _some(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(things), TOGETHER):
        yield things[first : first + TOGETHER]
