"""Scorers: pictures and sentences as unit vectors whose cosines say how well one fits another. Draws nothing.

What is near what depends on the scorer: figures of two scorers are not comparable, so whoever tells a figure tells the
scorer's `name`.
"""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from colabsd.engine.dual_encoder import DualEncoder, DualEncoderShape
from colabsd.engine.tokenizer import load_tokenizer
from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.models.digests import digest_file

if TYPE_CHECKING:
    from PIL.Image import Image

Vectors: TypeAlias = NDArray[np.float32]
TOGETHER = 32  # pictures or sentences at a time
CARD = "card.json"
WEIGHTS = "model.safetensors"


class Scorer(Protocol):
    """Looks at pictures and reads sentences. All vectors are of length 1; those of one method compare with each other.

    `pictures` and `sentences` lie in one space: their cosines say how well a picture follows a sentence (CLIP-T).
    `subjects` are vectors of what is shown and how it looks, as far as the scorer can, whatever is behind it: their
    cosines say how alike two subjects are (CLIP-I, or DINO where that is there).
    """

    name: str

    def pictures(self, images: "Sequence[Image]") -> Vectors:
        """(n, d)."""
        ...

    def sentences(self, texts: Sequence[str]) -> Vectors:
        """(n, d), in the space of `pictures`."""
        ...

    def subjects(self, images: "Sequence[Image]") -> Vectors:
        """(n, e)."""
        ...


def likeness(first: Vectors, second: Vectors) -> float:
    """The mean cosine of all pairs of one of the first and one of the second (n, e), (m, e): DreamBooth's measure
    (Ruiz et al. 2023, arXiv:2208.12242, section 4.1), in [-1, 1]."""
    return float((first @ second.T).mean())


class DrawnWorldScorer:
    """The scorer that comes with colabsd, for the starter's world: drawings of some 700 things, on plain backgrounds.

    It knows nothing else: on photos its figures mean little.
    """

    name = "drawn-world"

    def __init__(self, folder: Path | None = None) -> None:
        """Load it, from another folder than its own where one is given.

        Raises: MissingWeightsError, DamagedWeightsError.
        """
        folder = scorer_folder() if folder is None else folder
        self.card = check_files(folder)
        try:
            shape = self.card["shape"]
            self.shape = DualEncoderShape(**shape | {"channels": tuple(shape["channels"])})
            self.model = _loaded(self.shape, folder)
            self.tokenizer = load_tokenizer(folder)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DamagedWeightsError(path=folder, reason=error) from error

    @torch.inference_mode()
    def pictures(self, images: "Sequence[Image]") -> Vectors:
        return _units([self.model.pictures(some)[0] for some in self._tensors(images)], self.shape.dimensions)

    @torch.inference_mode()
    def subjects(self, images: "Sequence[Image]") -> Vectors:
        return _units([self.model.pictures(some)[1] for some in self._tensors(images)], self.shape.dimensions)

    @torch.inference_mode()
    def sentences(self, texts: Sequence[str]) -> Vectors:
        rows = [self._ids(text) for text in texts]
        parts = [self.model.sentences(torch.tensor(some)) for some in _some(rows)]
        return _units(parts, self.shape.dimensions)

    def _ids(self, text: str) -> list[int]:
        """Start, as many ids as there is room for, the end, and the end again as padding."""
        shape, special = self.shape, self.tokenizer.special
        row = [special.start, *self.tokenizer.ids(text)[: shape.tokens - 2], special.end]
        return row + [shape.padding] * (shape.tokens - len(row))

    def _tensors(self, images: "Sequence[Image]") -> Iterator[Tensor]:
        for some in _some(images):
            yield torch.cat([picture_tensor(image, self.shape.side) for image in some])


def scorer_folder() -> Path:
    """The folder of the embedded scorer's files. Raises: MissingWeightsError when they were not installed."""
    folder = Path(str(files("colabsd.models").joinpath("scorer_files")))
    if not (folder / CARD).is_file():
        raise MissingWeightsError("error.weights.starter_missing", path=folder)
    return folder


def check_files(folder: Path) -> dict[str, Any]:
    """The scorer's card, after every file was compared with its digest. Raises: MissingWeightsError,
    DamagedWeightsError."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        digests = dict(card["files"])
    except FileNotFoundError:
        raise MissingWeightsError("error.weights.starter_missing", path=folder / CARD) from None
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedWeightsError("error.weights.starter_damaged", path=folder / CARD) from error
    for name, expected in digests.items():
        if not (folder / name).is_file():
            raise MissingWeightsError("error.weights.starter_missing", path=folder / name)
        if digest_file(folder / name) != expected:
            raise DamagedWeightsError("error.weights.starter_damaged", path=folder / name)
    return card


def picture_tensor(image: "Image", side: int) -> Tensor:
    """The middle square as (1, 3, side, side) in [-1, 1]."""
    pixels = np.asarray(_square(image, side)).copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div(127.5).sub(1)


def _square(image: "Image", side: int) -> "Image":
    from PIL.Image import Resampling

    image, shorter = image.convert("RGB"), min(image.size)
    left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
    return image.resize((side, side), Resampling.BILINEAR, box=(left, top, left + shorter, top + shorter))


def _loaded(shape: DualEncoderShape, folder: Path) -> DualEncoder:
    from safetensors.torch import load_file

    model = DualEncoder(shape)
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()})
    model.pictures.to(memory_format=torch.channels_last)
    return model.eval().requires_grad_(False)


def _some(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(things), TOGETHER):
        yield things[first : first + TOGETHER]


def _units(parts: Sequence[Tensor], dimensions: int) -> Vectors:
    if not parts:
        return np.zeros((0, dimensions), np.float32)
    units: Vectors = functional.normalize(torch.cat(list(parts)).float(), dim=1).cpu().numpy()
    return units
