"""What is learnt from, as the loop wants it: latents' posteriors and sentences, computed once. Knows no steps.

A photo's posterior (mean and standard deviation, not a sample) is kept on the disk by the digests of the photo, the
size and the autoencoder's files. So another photo, crop, size or autoencoder is never taken for it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.errors import DamagedWeightsError, StorageError
from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.progress import Progress
from colabsd.training.base import Base, Sentences
from colabsd.training.tensor_store import read_tensors, write_tensors

if TYPE_CHECKING:
    from PIL.Image import Image

CACHE = "latents.safetensors"


@dataclass(frozen=True)
class Example:
    """A picture to learn from. `key` is the digest of its pixels' source: its file, its crop.

    `image` gives it at a size in RGB, upright; `mask` what of it counts, in greys (white counts), or is None.
    """

    key: str
    image: Callable[[Size], "Image"]
    sentence: str
    mask: Callable[[Size], "Image"] | None = None


@dataclass(frozen=True)
class Examples:
    """Everything that is learnt from: photos, and class pictures where the class is to stay what it was."""

    photos: tuple[Example, ...]
    classes: tuple[Example, ...] = ()

    @property
    def all(self) -> tuple[Example, ...]:
        return (*self.photos, *self.classes)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences that occur, in order, each once."""
        return tuple(dict.fromkeys(example.sentence for example in self.all))


@dataclass(frozen=True)
class Prepared:
    """Examples in memory: posteriors' mean and std (n, 4, h, w), photos before class pictures, already scaled or not.

    `sentence_rows` says for each which row of `ids` (and of `sentences`, where these were read once) is its own.
    `masks` (photos, 1, h, w) are None where nothing is masked. `sizes` (n, 6) is what SDXL is told.
    """

    mean: Tensor
    std: Tensor
    scaling: float
    ids: tuple[Tensor, ...]
    sentence_rows: tuple[int, ...]
    sentences: Sentences | None
    masks: Tensor | None
    sizes: Tensor | None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return self.mean.shape[2], self.mean.shape[3]

    def latents(self, rows: Sequence[int], noise: Tensor) -> Tensor:
        """A sample of the posteriors of those rows, as the UNet knows latents."""
        chosen = list(rows)
        sample: Tensor = self.mean[chosen] + self.std[chosen] * noise
        return sample * self.scaling


def prepare_examples(
    base: Base, examples: Examples, resolution: int, *, read_once: bool, masked: bool = False, cache: Path | None = None
) -> Generator[Progress, None, Prepared]:
    """Encode every picture and, with `read_once`, every sentence; then let go of the networks that are done with.

    `cache` is a folder on this machine's disk. Yields a Progress per picture. Raises: NotAPictureError, StorageError.
    """
    side, factor = Size(resolution, resolution), base.card.factor
    mean, std = yield from _posteriors(base, examples, side, cache)
    scaling = float(base.vae.config.scaling_factor)
    base.free_autoencoder()
    ids = base.token_ids(examples.sentences)
    rows = {sentence: row for row, sentence in enumerate(examples.sentences)}
    sentences = None
    if read_once:
        with torch.no_grad():
            sentences = _read_each(base, ids)
        base.free_encoders()
    return Prepared(
        mean=mean,
        std=std,
        scaling=scaling,
        ids=ids,
        sentence_rows=tuple(rows[example.sentence] for example in examples.all),
        sentences=sentences,
        masks=_masks(examples.photos, side, factor, base.device) if masked else None,
        sizes=_told_sizes(len(examples.all), resolution, base.device) if base.family == "sdxl" else None,
    )


def _read_each(base: Base, ids: Sequence[Tensor]) -> Sentences:
    """The sentences one by one, so that a sentence's numbers do not depend on the others."""
    found = [base.read([part[row : row + 1] for part in ids]) for row in range(len(ids[0]))]
    pooled = [one.pooled for one in found if one.pooled is not None]
    return Sentences(torch.cat([one.embeddings for one in found]), torch.cat(pooled) if pooled else None)


def _posteriors(
    base: Base, examples: Examples, size: Size, cache: Path | None
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Mean and standard deviation (n, 4, h, w) of all examples, on the base's device, in fp32."""
    keys = [key_of({"picture": one.key, "size": str(size), "vae": base.vae_key}) for one in examples.all]
    known = _cached(cache)
    found, total = {key: known[key] for key in keys if key in known}, len(keys)
    for number, (key, example) in enumerate(zip(keys, examples.all, strict=True)):
        if key not in found:
            yield Progress(stage="encode", done=number, total=total)
            found[key] = encode_picture(base, example.image(size)).cpu()
    yield Progress(stage="encode", done=total, total=total)
    if cache is not None and not set(found) <= set(known):
        _keep(cache, found)
    both = torch.stack([found[key] for key in keys]).to(base.device)
    return both[:, 0], both[:, 1]


@torch.no_grad()
def encode_picture(base: Base, image: "Image") -> Tensor:
    """A picture's posterior as (2, 4, h, w): mean and standard deviation, in fp32."""
    posterior = base.vae.encode(picture_tensor(image).to(base.device, base.vae.dtype)).latent_dist
    return torch.cat([posterior.mean, posterior.std]).float()


def picture_tensor(image: "Image") -> Tensor:
    """(1, 3, H, W) in [-1, 1], computed as torchvision's ToTensor and Normalize(0.5, 0.5) do."""
    import numpy

    values = torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
    return values.to(torch.float32).div(255).sub(0.5).div(0.5)[None]


def _masks(photos: Sequence[Example], size: Size, factor: int, device: str) -> Tensor:
    """(n, 1, h, w) in [0, 1]: the share of each latent's pixels that counts; all of a photo without a mask."""
    import numpy

    rows = []
    for photo in photos:
        if photo.mask is None:
            rows.append(torch.ones(1, 1, size.height // factor, size.width // factor))
            continue
        grey = torch.from_numpy(numpy.array(photo.mask(size).convert("L"))).float().div(255)
        rows.append(functional.avg_pool2d(grey[None, None], factor))
    return torch.cat(rows).to(device)


def _told_sizes(count: int, resolution: int, device: str) -> Tensor:
    """What SDXL is told of each example: its original size, no crop, its size (Podell et al. 2023)."""
    sides = [resolution, resolution, 0, 0, resolution, resolution]
    return torch.tensor([sides], dtype=torch.float32, device=device).expand(count, -1)


def _cached(cache: Path | None) -> Mapping[str, Tensor]:
    if cache is None or not (cache / CACHE).is_file():
        return {}
    try:
        tensors, _ = read_tensors(cache / CACHE)
    except (DamagedWeightsError, StorageError):  # it is a cache: what cannot be read is computed
        return {}
    return tensors


def _keep(cache: Path, tensors: Mapping[str, Tensor]) -> None:
    write_tensors(cache / CACHE, tensors, {}, replace=True)


def added_conditions(sentences: Sentences, sizes: Tensor | None) -> dict[str, Any]:
    """What SDXL's UNet is told besides: `added_cond_kwargs` of diffusers' class; {} for other families."""
    if sentences.pooled is None or sizes is None:
        return {}
    told = {"text_embeds": sentences.pooled, "time_ids": sizes.to(sentences.pooled.dtype)}
    return {"added_cond_kwargs": told}
