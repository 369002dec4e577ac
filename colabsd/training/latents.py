"""Pictures as the autoencoder sees them, computed once and kept. Knows nothing of what they show.

A picture's posterior (mean and standard deviation, not a sample) is kept by the digests of the picture, the size and
the autoencoder's files. So another photo, crop, size or autoencoder is never taken for it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.progress import Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish
from colabsd.training.base import Base

if TYPE_CHECKING:
    from PIL.Image import Image

SCRATCH = ".unfinished"


@dataclass(frozen=True)
class Pictured:
    """A picture to encode: the digest of its source, and how to have it at a size."""

    key: str
    image: "Callable[[Size], Image]"


def encode_all(
    base: Base, pictures: Sequence[Pictured], size: Size, cache: Path | None
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Mean and standard deviation (n, 4, h, w) of all pictures, on the base's device, in fp32.

    Yields a Progress per picture that is not in the cache. Raises: NotAPictureError, StorageError.
    """
    keys = [key_of({"picture": one.key, "size": str(size), "vae": base.vae_key}) for one in pictures]
    known = _cached(cache)
    found = {key: known[key] for key in keys if key in known}
    fresh: dict[str, Tensor] = {}
    for number, (key, picture) in enumerate(zip(keys, pictures, strict=True)):
        if key not in found:
            yield Progress(stage="encode", done=number, total=len(keys))
            found[key] = fresh[key] = encode_picture(base, picture.image(size)).cpu()
    yield Progress(stage="encode", done=len(keys), total=len(keys))
    if cache is not None and fresh:
        _keep(cache, fresh)
    both = torch.stack([found[key] for key in keys]).to(base.device)
    return both[:, 0], both[:, 1]


@torch.no_grad()
def encode_picture(base: Base, image: "Image") -> Tensor:
    """A picture's posterior as (2, 4, h, w): mean and standard deviation, in fp32."""
    posterior = base.vae.encode(picture_tensor(image).to(base.device, base.vae.dtype)).latent_dist
    return torch.cat([posterior.mean, posterior.std]).float()


@torch.no_grad()
def lies_channels_last(base: Base, size: Size) -> bool:
    """Whether latents of several pictures come out of the autoencoder with their channels last in memory."""
    pictures = torch.zeros((2, 3, size.height, size.width), device=base.device, dtype=base.vae.dtype)
    mean: Tensor = base.vae.encode(pictures).latent_dist.mean
    return mean.stride()[1] == 1


def picture_tensor(image: "Image") -> Tensor:
    """(1, 3, H, W) in [-1, 1], computed as torchvision's ToTensor and Normalize(0.5, 0.5) do."""
    import numpy

    values = torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
    return values.to(torch.float32).div(255).sub(0.5).div(0.5)[None]


def _cached(cache: Path | None) -> Mapping[str, Tensor]:
    """What is kept; a file that cannot be read is passed over, because everything in it can be computed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    for path in sorted(cache.glob("latents-*.safetensors")) if cache is not None and cache.is_dir() else ():
        try:
            found |= load_file(path)
        except (OSError, SafetensorError):
            continue
    return found


def _keep(cache: Path, fresh: Mapping[str, Tensor]) -> None:
    """What was computed becomes one file, named by what is in it."""
    from safetensors.torch import save

    with storage_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    name = f"latents-{key_of(sorted(fresh))[:16]}.safetensors"
    with storage_errors(cache):
        (cache / name).unlink(missing_ok=True)  # one that could not be read
    publish(save(dict(fresh)), cache, [name], cache / SCRATCH)
