"""The engine: a loaded model that draws batches. Knows nothing of settings as asked, files or widgets."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from colabsd.engine import latents as decoding
from colabsd.engine.components import Components, load_components
from colabsd.engine.conditioning import cut_of, encode
from colabsd.engine.denoise import Step, denoise, is_guided
from colabsd.engine.noise import initial_noise
from colabsd.engine.schedulers import Scheduler, build_scheduler
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution
from colabsd.progress import Progress
from colabsd.settings.samplers import find_sampler

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Drawn:
    """A finished picture: `position` is its place in the batch, `seconds` its share of the batch's time."""

    image: "Image"
    position: int
    seconds: float


def load_engine(card: ModelCard, execution: Execution) -> Generator[Progress, None, "Engine"]:
    """Load a model to draw with. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError."""
    components = yield from load_components(card, execution)
    return Engine(card, execution, components)


class Engine:
    """A model in memory, on one device, in one precision."""

    def __init__(self, card: ModelCard, execution: Execution, components: Components) -> None:
        self.card = card
        self.execution = execution
        self.components = components

    def cut_texts(self, drawing: Drawing) -> tuple[str, ...]:
        """The ends of the prompt and the negative prompt that do not fit into the text encoder."""
        ends = (cut_of(self.components, text) for text in (drawing.prompt, drawing.negative_prompt))
        return tuple(end for end in ends if end)

    @torch.inference_mode()
    def draw(self, drawings: Sequence[Drawing], *, previews: bool = False) -> Iterator[Progress | Drawn]:
        """Draw one batch: drawings that differ in their seeds only. Close the iterator to stop after any step.

        Yields a Progress after every model call (with a preview of the first picture if asked), then each picture.
        """
        assert len({drawing.recipe_key for drawing in drawings}) == 1, "a batch differs in its seeds only"
        started = time.perf_counter()
        latents = torch.empty(0)
        for step, scheduler in self.steps(drawings):
            latents = step.latents
            picture = self._preview(step, scheduler) if previews else None
            yield Progress(stage="denoise", done=step.index + 1, total=step.total, preview=picture)
        shared = (time.perf_counter() - started) / len(drawings)
        for position in range(len(drawings)):
            yield Progress(stage="decode", done=position, total=len(drawings))
            started = time.perf_counter()
            one = latents[position : position + 1].to(self.components.dtype)
            image = _image(decoding.decode(self.components.vae, one))
            yield Drawn(image, position, shared + time.perf_counter() - started)

    @torch.inference_mode()
    def steps(self, drawings: Sequence[Drawing]) -> Iterator[tuple[Step, Scheduler]]:
        """The steps of a batch with the scheduler that makes them; the last step's latents are the finished ones.

        Latents stay in fp32 whatever the model's precision, because samplers add up small differences.
        """
        parts, drawing = self.components, drawings[0]
        scheduler = build_scheduler(
            find_sampler(drawing.sampler),
            drawing.schedule,
            drawing.steps,
            parts.scheduler_config,
            eta=drawing.eta,
            seeds=[one.seed for one in drawings],
            device=parts.device,
        )
        shape = parts.unet.in_channels, drawing.height // self.card.factor, drawing.width // self.card.factor
        noise, source = initial_noise(drawings, shape)
        steps = denoise(
            self._predict,
            scheduler,
            noise.to(parts.device),
            source,
            parts.unet.prepare(self._embed(drawing, len(drawings))),
            guidance=drawing.guidance,
            eta=drawing.eta,
        )
        for step in steps:
            yield step, scheduler

    def _predict(self, latents: Tensor, timestep: Tensor, conditions: Any) -> Tensor:
        """The UNet's prediction in fp32."""
        return self.components.unet(latents.to(self.components.dtype), timestep, conditions).float()

    def _embed(self, drawing: Drawing, count: int) -> Tensor:
        """(count, 77, width), or (2 count, 77, width) with the negative prompt first where there is guidance."""
        texts = (drawing.negative_prompt, drawing.prompt) if is_guided(drawing.guidance) else (drawing.prompt,)
        encoded = [encode(self.components, text, drawing.clip_skip).embeddings for text in texts]
        return torch.cat([one.expand(count, -1, -1) for one in encoded])

    def _preview(self, step: Step, scheduler: Any) -> Any:
        denoised = step.denoised(scheduler.alphas_cumprod, scheduler.config.prediction_type)
        return decoding.preview(denoised[:1], self._preview_colours)

    @cached_property
    def _preview_colours(self) -> Tensor:
        parts = self.components
        return decoding.fit_preview(parts.vae, parts.device, parts.dtype)


def _image(pixels: Any) -> "Image":
    from PIL import Image

    return Image.fromarray(pixels)
