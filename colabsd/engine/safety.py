"""The safety checker that some models carry: which pictures it would rather not show. Changes none.

CLIP's picture encoder compared with the embeddings of 17 concepts, and of three more that make it stricter, by
thresholds that lie in its file (Rando et al. 2022, arXiv:2210.04610, section 2). Parts have the names of the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.clip import Encoder, Layer, Table
from colabsd.engine.tensor_files import PartTensors
from colabsd.engine.weights import fill
from colabsd.models.folders import CHECKER, read_config, weight_file
from colabsd.models.single_files import Taken
from colabsd.models.tensor_headers import read_header

if TYPE_CHECKING:
    from PIL.Image import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, by channel, and their deviation
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
STRICTER = 0.01  # how much nearer everything counts when a concept of special care was found
NESTED = "vision_model.vision_model."  # as transformers below 5.6 named it
CONCEPTS, SPECIAL = 17, 3


class PictureEmbeddings(nn.Module):
    """Pieces of a picture, one more that stands for the whole, and their places: (n, 3, s, s) -> (n, pieces, width)."""

    def __init__(self, width: int, side: int, piece: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.patch_embedding = nn.Conv2d(3, width, piece, stride=piece, bias=False)
        self.position_embedding = Table((side // piece) ** 2 + 1, width)

    def forward(self, pictures: Tensor) -> Tensor:
        pieces = self.patch_embedding(pictures).flatten(2).transpose(1, 2)
        whole = self.class_embedding.expand(len(pictures), 1, -1)
        result: Tensor = torch.cat([whole, pieces], dim=1) + self.position_embedding.weight
        return result


class ClipPictureEncoder(nn.Module):
    """CLIP's picture encoder (Radford et al. 2021): (n, 3, s, s) -> what stands for the whole, (n, width)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, inner = config.get("hidden_size", 1024), config.get("intermediate_size", 4096)
        heads, activation = config.get("num_attention_heads", 16), config.get("hidden_act", "quick_gelu")
        epsilon, layers = config.get("layer_norm_eps", 1e-5), config.get("num_hidden_layers", 24)
        self.embeddings = PictureEmbeddings(width, config.get("image_size", 224), config.get("patch_size", 14))
        self.pre_layrnorm = nn.LayerNorm(width, eps=epsilon)  # so is its name in every file
        self.encoder = Encoder([Layer(width, inner, heads, activation, epsilon, causal=False) for _ in range(layers)])
        self.post_layernorm = nn.LayerNorm(width, eps=epsilon)

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.pre_layrnorm(self.embeddings(pictures))
        for layer in self.encoder.layers:
            hidden = layer(hidden)
        result: Tensor = self.post_layernorm(hidden[:, 0])
        return result


class SafetyChecker(nn.Module):
    """The checker that a safety_checker/config.json describes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        vision = config.get("vision_config", {})
        width, space = vision.get("hidden_size", 1024), config.get("projection_dim", 768)
        self.side: int = vision.get("image_size", 224)
        self.vision_model = ClipPictureEncoder(vision)
        self.visual_projection = nn.Linear(width, space, bias=False)
        self.concept_embeds = nn.Parameter(torch.empty(CONCEPTS, space))
        self.special_care_embeds = nn.Parameter(torch.empty(SPECIAL, space))
        self.concept_embeds_weights = nn.Parameter(torch.empty(CONCEPTS))
        self.special_care_embeds_weights = nn.Parameter(torch.empty(SPECIAL))

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, s, s) normalised pictures -> by how much each is nearer to each concept than allowed, (n, 17)."""
        found = functional.normalize(self.visual_projection(self.vision_model(pictures)).float())
        special = self._nearness(found, self.special_care_embeds, self.special_care_embeds_weights)
        concepts = self._nearness(found, self.concept_embeds, self.concept_embeds_weights)
        return _rounded(concepts + STRICTER * (_rounded(special) > 0).any(dim=1, keepdim=True))

    def flags(self, image: "Image") -> bool:
        """Whether a picture (RGB) is one that the checker would rather not show."""
        place = self.concept_embeds
        return bool((self(prepared(image, self.side).to(place.device, place.dtype)) > 0).any())

    @staticmethod
    def _nearness(found: Tensor, embeddings: Tensor, thresholds: Tensor) -> Tensor:
        return found @ functional.normalize(embeddings.float()).T - thresholds.float()


def _rounded(scores: Tensor) -> Tensor:
    """To three digits, as its authors compare them."""
    return torch.round(scores, decimals=3)


def prepared(image: "Image", side: int) -> Tensor:
    """A picture as CLIP was shown pictures: the shorter side scaled to `side`, the middle cut out; (1, 3, s, s)."""
    import numpy as np
    from PIL import Image

    scale = side / min(image.size)
    width, height = (int(length * scale) for length in image.size)
    scaled = image.resize((max(width, side), max(height, side)), Image.Resampling.BICUBIC)
    left, top = (scaled.width - side) // 2, (scaled.height - side) // 2
    pixels = np.array(scaled.crop((left, top, left + side, top + side)), dtype=np.float32) / 255
    normalised = (torch.from_numpy(pixels) - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    return normalised.permute(2, 0, 1)[None]


def load_checker(folder: Path, dtype: torch.dtype, device: str) -> SafetyChecker:
    """The checker of a model's folder. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError."""
    header = read_header(weight_file(folder, CHECKER))
    plain = {name: name.replace(NESTED, "vision_model.") for name in header.tensors if "position_ids" not in name}
    taken = {inner: Taken(name, "whole", header.tensors[name].shape) for name, inner in plain.items()}
    config = read_config(folder, f"{CHECKER}/config.json")
    checker: SafetyChecker = fill(lambda: SafetyChecker(config), PartTensors(header, taken), dtype=dtype, device=device)
    return checker
