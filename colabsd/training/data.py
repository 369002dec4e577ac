"""What is learnt from, as the loop wants it: latents' posteriors and sentences, computed once. Knows no steps."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.geometry import Size
from colabsd.progress import Progress
from colabsd.training.base import Base, Sentences
from colabsd.training.latents import Pictured, encode_all, lies_channels_last, picture_tensor

if TYPE_CHECKING:
    from PIL.Image import Image


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
class EncodedAnew:
    """Pictures (n, 3, H, W) that are encoded at every step, together: alone their numbers would differ by rounding."""

    vae: Any
    pixels: Tensor

    @torch.no_grad()
    def posterior(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of those rows."""
        found = self.vae.encode(self.pixels[rows]).latent_dist
        return found.mean, found.std


@dataclass(frozen=True)
class Prepared:
    """Examples in memory: posteriors' mean and std (n, 4, h, w), photos before class pictures, not yet scaled.

    `sentence_rows` says for each which row of `ids` (and of `sentences`, where these were read once) is its own.
    `channels_last` is how the autoencoder gives the latents of several pictures.
    `masks` (photos, 1, h, w) are None where nothing is masked. `sizes` (n, 6) is what SDXL is told.
    """

    photos: int
    mean: Tensor
    std: Tensor
    scaling: float
    ids: tuple[Tensor, ...]
    sentence_rows: tuple[int, ...]
    sentences: Sentences | None
    masks: Tensor | None
    sizes: Tensor | None
    channels_last: bool = False
    encoded_anew: "EncodedAnew | None" = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return self.mean.shape[2], self.mean.shape[3]

    def latents(self, rows: Sequence[int], noise: Tensor) -> Tensor:
        """A sample of the posteriors of those rows, as the UNet knows latents."""
        chosen = list(rows)
        mean, std = (
            (self.mean[chosen], self.std[chosen]) if self.encoded_anew is None else self.encoded_anew.posterior(chosen)
        )
        sample: Tensor = mean + std * noise
        if self.channels_last and len(chosen) > 1:
            sample = sample.contiguous(memory_format=torch.channels_last)
        return sample * self.scaling


def prepare_examples(
    base: Base,
    examples: Examples,
    resolution: int,
    *,
    read_once: bool,
    masked: bool = False,
    anew: bool = False,
    cache: Path | None = None,
) -> Generator[Progress, None, Prepared]:
    """Encode every picture and, with `read_once`, every sentence; then let go of the networks that are done with.

    With `anew` pictures and sentences are encoded at every step all the same, as the reference does. `cache` is a
    folder on this machine's disk. Yields a Progress per picture. Raises: NotAPictureError, StorageError.
    """
    side, factor = Size(resolution, resolution), base.card.factor
    pictures = [Pictured(example.key, example.image) for example in examples.all]
    mean, std = yield from encode_all(base, pictures, side, cache)
    scaling, channels_last = float(base.vae.config.scaling_factor), lies_channels_last(base, side)
    encoded_anew = None
    if anew:
        encoded_anew = EncodedAnew(base.vae, torch.cat([picture_tensor(one.image(side)) for one in examples.all]))
    else:
        base.free_autoencoder()
    ids = base.token_ids(examples.sentences)
    rows = {sentence: row for row, sentence in enumerate(examples.sentences)}
    sentences = None
    if read_once and not anew:
        with torch.no_grad():
            sentences = _read_each(base, ids)
        base.free_encoders()
    return Prepared(
        photos=len(examples.photos),
        mean=mean,
        std=std,
        scaling=scaling,
        ids=ids,
        sentence_rows=tuple(rows[example.sentence] for example in examples.all),
        sentences=sentences,
        masks=_masks(examples.photos, side, factor, base.device) if masked else None,
        sizes=_told_sizes(len(examples.all), resolution, base.device) if base.family == "sdxl" else None,
        channels_last=channels_last,
        encoded_anew=encoded_anew,
    )


def _read_each(base: Base, ids: Sequence[Tensor]) -> Sentences:
    """The sentences one by one, so that a sentence's numbers do not depend on the others."""
    found = [base.read([part[row : row + 1] for part in ids]) for row in range(len(ids[0]))]
    pooled = [one.pooled for one in found if one.pooled is not None]
    return Sentences(torch.cat([one.embeddings for one in found]), torch.cat(pooled) if pooled else None)


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


def added_conditions(sentences: Sentences, sizes: Tensor | None) -> dict[str, Any]:
    """What SDXL's UNet is told besides: `added_cond_kwargs` of diffusers' class; {} for other families."""
    if sentences.pooled is None or sizes is None:
        return {}
    told = {"text_embeds": sentences.pooled, "time_ids": sizes.to(sentences.pooled.dtype)}
    return {"added_cond_kwargs": told}
