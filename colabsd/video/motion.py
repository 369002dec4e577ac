"""Films in which things move by themselves: AnimateDiff (Guo et al. 2023, arXiv:2307.04725) for Stable Diffusion 1.

All frames are one batch of the engine, so that every sampler, LoRA and preview works as for pictures; what is other is
the UNet, diffusers' UNetMotionModel, in which frames see each other, at most 16 at a time. Longer films are seen
through windows that overlap, whose predictions are averaged (Bar-Tal et al. 2023, arXiv:2302.08113). No camera.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from colabsd.engine.components import TEXT, UNET, VAE, load_components
from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.networks import DiffusersUNet
from colabsd.engine.residence import Residence
from colabsd.engine.unet import NOTHING
from colabsd.engine.unet_embeddings import Added
from colabsd.engine.weights import fill
from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution
from colabsd.progress import Progress

WINDOW = 16
"""Frames that see each other: what motion modules were trained with."""
OVERLAP = 4
NOISE_LEVELS = {"beta_schedule": "linear"}
"""Motion modules were trained with noise that grows evenly, unlike the models that they go into."""


class MovingUNet(nn.Module):
    """A UNet whose frames see each other, as a `Denoiser` of the engine.

    A batch is `frames` latents for each condition, those of the first condition first.
    """

    def __init__(self, model: Any, frames: int = WINDOW) -> None:
        super().__init__()
        self.model = model
        self.frames = frames
        self.in_channels: int = model.config.in_channels
        self.out_channels: int = model.config.out_channels
        self.guidance_width: int | None = None

    def prepare(self, embeddings: Tensor, added: Added = NOTHING) -> Tensor:
        """Sentences (conditions x frames, tokens, width), as diffusers' class takes them."""
        return embeddings

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Tensor) -> Tensor:
        """(conditions x frames, 4, h, w) -> the same: each window's prediction, averaged where windows overlap."""
        film = latents.view(-1, self.frames, *latents.shape[1:])
        told = conditions.view(-1, self.frames, *conditions.shape[1:])
        total, weights = torch.zeros_like(film), film.new_zeros(self.frames, 1, 1, 1)
        for window in windows(self.frames):
            seen = film[:, window].transpose(1, 2)
            found = self.model(seen, timestep, told[:, window].flatten(0, 1), return_dict=False)[0]
            share = film.new_tensor(window_weights(len(window)))[:, None, None, None]
            total[:, window] += found.transpose(1, 2) * share
            weights[window] += share
        mean: Tensor = (total / weights).flatten(0, 1)
        return mean


def windows(frames: int) -> list[list[int]]:
    """The frames of each window: 16 neighbours, at least 4 of which are in the next window too; together all."""
    if frames <= WINDOW:
        return [list(range(frames))]
    starts = [*range(0, frames - WINDOW, WINDOW - OVERLAP), frames - WINDOW]
    return [list(range(start, start + WINDOW)) for start in starts]


def window_weights(length: int) -> list[float]:
    """How much a window's prediction counts for each of its frames: least at its ends."""
    return [float(min(place + 1, length - place)) for place in range(length)]


def load_moving_engine(
    card: ModelCard, execution: Execution, adapter: Path, autoencoder: Path | None = None
) -> Generator[Progress, None, Engine]:
    """The engine of a model with the motion modules of a folder in its UNet.

    Raises: UnsupportedModelError unless the model is of Stable Diffusion 1 and draws from sentences, and as
    `load_engine`.
    """
    if card.family != "sd1" or card.variant != "text":
        raise UnsupportedModelError("error.motion.family", path=card.name, found=f"{card.family}, {card.variant}")
    components = yield from load_components(card, execution, autoencoder)
    assert components.parts is not None, "a model that was loaded has files"
    parts = components.parts
    plain = fill(
        lambda: DiffusersUNet(parts.config("unet")), parts.tensors("unet"), dtype=components.dtype, device="cpu"
    )
    unet = MovingUNet(_with_motion(plain.model, adapter)).eval().requires_grad_(False)
    vae: Any = components.vae
    networks: dict[str, list[nn.Module]] = {
        TEXT: [encoder.model for encoder in components.encoders],
        UNET: [unet],
        VAE: [vae],
    }
    residence = Residence(networks, components.device, takes_turns=execution.offload)
    if not execution.offload:
        unet.to(components.device)
    residence.bring(UNET)
    levels = {**components.scheduler_config, **NOISE_LEVELS}
    return Engine(card, execution, replace(components, unet=unet, residence=residence, scheduler_config=levels))


def animate(engine: Engine, drawing: Drawing, frames: int, *, previews: bool = False) -> Iterator[Progress | Drawn]:
    """Draw a film of so many frames from a drawing's sentence; frame i begins with the noise of seed + i.

    Yields Progress (with a preview of the first frame if asked), then each frame, `position` being its number.
    Closing the iterator stops after any step. `engine` comes from `load_moving_engine`.
    """
    unet = engine.components.unet
    assert isinstance(unet, MovingUNet), "a still engine draws no film"
    unet.frames = frames
    drawings = [replace(drawing, seed=drawing.seed + number) for number in range(frames)]
    yield from engine.draw(drawings, previews=previews)


def _with_motion(plain: Any, folder: Path) -> Any:
    """A UNet and the motion modules of a folder in one network. Raises: MissingWeightsError, DamagedWeightsError."""
    from diffusers import MotionAdapter, UNetMotionModel

    if not (folder / "config.json").is_file():
        raise MissingWeightsError(path=folder / "config.json")
    theirs: Any = MotionAdapter
    made: Any = UNetMotionModel
    try:
        adapter = theirs.from_pretrained(folder, torch_dtype=plain.dtype, local_files_only=True, use_safetensors=True)
        return made.from_unet2d(plain, adapter).to(plain.dtype)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DamagedWeightsError(path=folder, reason=str(error).strip().splitlines()[0]) from error
