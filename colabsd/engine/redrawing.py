"""From a picture to where the denoise loop begins, what the UNet is shown beside the latents, and what is put back.

Follows diffusers' pipelines for pictures, masks and instructions (the latents are equal at every step), except that
each picture of a batch draws its own noise for the encoder too, so that it comes out the same alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from colabsd.engine.networks import Encoding
from colabsd.engine.noise import NoiseSource, draw_noise, generators_of, initial_noise
from colabsd.engine.schedulers import Scheduler, leave_out
from colabsd.models.cards import Variant
from colabsd.planning.plans import Drawing
from colabsd.planning.redraw import drawn_steps

if TYPE_CHECKING:
    from PIL.Image import Image

Shape = tuple[int, int, int]
MASKED = 0.5  # the brightness from which a mask's pixel is drawn anew


@dataclass(frozen=True)
class Original:
    """What drawings are made from, at their size: a picture (RGB), and a mask (L; white is drawn anew) or none."""

    image: "Image"
    mask: "Image | None" = None


@dataclass(frozen=True)
class PutBack:
    """What stays as it was in latents that are drawn only where `mask` (1, 1, h, w) is 1: `latents` and their noise."""

    latents: Tensor
    noise: Tensor
    mask: Tensor

    def into(self, drawn: Tensor, scheduler: Scheduler, timestep: Tensor | None) -> Tensor:
        """The latents drawn, with the old ones where they stay, as noisy as they are at `timestep` (None: the end)."""
        kept = self.latents
        if timestep is not None:
            kept = scheduler.add_noise(self.latents, self.noise, timestep[None])
        return (1 - self.mask) * kept + self.mask * drawn


@dataclass(frozen=True)
class Start:
    """Where the loop begins: `latents` as noisy as they are at the first of `timesteps`, and where noise comes from.

    `shown` (n, c, h, w) is what the UNet sees beside the latents at every step.
    """

    latents: Tensor
    timesteps: Tensor
    source: NoiseSource
    shown: Tensor | None = None
    put_back: PutBack | None = None


def start_from_noise(drawings: Sequence[Drawing], scheduler: Scheduler, shape: Shape, device: str) -> Start:
    """The start of drawings that are made from sentences alone; `shape` is the latents', (4, h, w)."""
    noise, source = initial_noise(drawings, shape)
    return Start(noise.to(device) * scheduler.init_noise_sigma, scheduler.timesteps, source)


def start_from_picture(
    drawings: Sequence[Drawing],
    original: Original | None,
    scheduler: Scheduler,
    variant: Variant,
    encoder: Encoding,
    shape: Shape,
    device: str,
) -> Start:
    """The start of drawings that are made from a picture.

    A model that is shown masked pictures is shown a grey one, masked all over, where it draws from a sentence.
    """
    drawing = drawings[0]
    picture = torch.zeros(1, 3, drawing.height, drawing.width, device=device)
    mask = None
    if original is not None:
        picture = picture_tensor(original.image, device)
        mask = None if original.mask is None else mask_tensor(original.mask, device)
    if variant == "inpaint" and mask is None:
        mask = torch.ones_like(picture[:, :1])
    beginning = _Beginning(drawings, scheduler, encoder, shape)
    return beginning.edited(picture) if variant == "edit" else beginning.redrawn(picture, mask, variant)


class _Beginning:
    """Makes a start, drawing noise in diffusers' order: the picture's, the latents', the masked picture's."""

    def __init__(self, drawings: Sequence[Drawing], scheduler: Scheduler, encoder: Encoding, shape: Shape) -> None:
        self.drawings, self.scheduler, self.encoder, self.shape = drawings, scheduler, encoder, shape
        self.generators = generators_of(drawings)

    def redrawn(self, picture: Tensor, mask: Tensor | None, variant: Variant) -> Start:
        """Diffusion that begins in the middle (Meng et al. 2021, arXiv:2108.01073), where there is a mask only there.

        With a mask and all of the strength it begins with noise alone.
        """
        drawing = self.drawings[0]
        _, skipped = drawn_steps(drawing.steps, drawing.strength, drawing.exact_steps)
        timesteps = leave_out(self.scheduler, skipped)
        from_noise = mask is not None and drawing.strength == 1
        needed = not from_noise or variant == "text"
        latents = self._encoded(picture) if needed else torch.empty(0)
        if mask is not None:
            latents = latents.contiguous()  # the layout of what the UNet gets decides how it adds up; so has diffusers
        noise, source = initial_noise(self.drawings, self.shape, self.generators)
        noise = noise.to(picture.device) * drawing.noise_multiplier  # A1111's; 1 changes no bit
        if from_noise:
            begun = noise * self.scheduler.init_noise_sigma
        else:
            begun = self.scheduler.add_noise(latents, noise, timesteps[:1].repeat(len(noise)))
        if mask is None:
            return Start(begun, timesteps, source)
        small = small_mask(mask, self.shape)
        if variant == "text":
            self._encoders_noise()  # for the masked picture, which nobody is shown: so that further noise is diffusers'
            return Start(begun, timesteps, source, put_back=PutBack(latents, noise, small))
        masked = self._encoded(picture * (mask < MASKED))
        shown = torch.cat([small.expand(len(noise), -1, -1, -1), masked], dim=1)
        return Start(begun, timesteps, source, shown)

    def edited(self, picture: Tensor) -> Start:
        """Noise, with the picture's likeliest latents, not scaled, beside it (Brooks et al. 2022, arXiv:2211.09800)."""
        noise, source = initial_noise(self.drawings, self.shape, self.generators)
        shown = self.encoder.encode(picture).mean.float().expand(len(noise), -1, -1, -1)
        begun = noise.to(picture.device) * self.scheduler.init_noise_sigma
        return Start(begun, self.scheduler.timesteps, source, shown)

    def _encoded(self, picture: Tensor) -> Tensor:
        """Latents of a picture, each drawing's own, in fp32: (n, 4, h, w)."""
        latents = self.encoder.encode(picture).latents(self._encoders_noise())
        return latents.float().expand(len(self.drawings), -1, -1, -1)

    def _encoders_noise(self) -> Tensor | None:
        """The noise that picks latents among those that a picture may have; where noise is Philox's, the likeliest.

        Programs that draw noise by Philox take the encoder's from elsewhere: a seed's first noise is the latents'.
        """
        if self.drawings[0].noise == "nv":
            return None
        return draw_noise(self.drawings, self.generators, self.shape)


def picture_tensor(image: "Image", device: str | torch.device) -> Tensor:
    """An RGB picture as (1, 3, H, W) in [-1, 1], fp32."""
    return 2 * (_pixels(image)[None] / 255).permute(0, 3, 1, 2).to(device) - 1


def mask_tensor(mask: "Image", device: str | torch.device) -> Tensor:
    """A mask as (1, 1, H, W), 1 where it is to be drawn anew, else 0."""
    return (_pixels(mask) / 255 >= MASKED).float()[None, None].to(device)


def small_mask(mask: Tensor, shape: Shape) -> Tensor:
    """A mask at the latents' size: the first pixel of each block, as diffusers does."""
    return functional.interpolate(mask, size=shape[1:])


def _pixels(image: "Image") -> Tensor:
    import numpy as np

    array: Any = np.array(image)
    return torch.from_numpy(array).float()
