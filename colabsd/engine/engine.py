"""The engine: a loaded model that draws batches. Knows nothing of settings as asked, files or widgets."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from colabsd.engine import latents as decoding
from colabsd.engine.adaptation import Adaptation, FindsAdapters
from colabsd.engine.attention import use_attention
from colabsd.engine.components import TEXT, UNET, VAE, Components, load_components
from colabsd.engine.conditioning import Encoded
from colabsd.engine.denoise import Predict, Step, denoise
from colabsd.engine.feature_reuse import FeatureReuse
from colabsd.engine.guidance import EditingModel, GuidedModel, calls_between, is_guided
from colabsd.engine.networks import Encoding
from colabsd.engine.prompting import PromptReader, without_negative
from colabsd.engine.redrawing import Original, Start, start_from_noise, start_from_picture
from colabsd.engine.safety import SafetyChecker, load_checker
from colabsd.engine.schedulers import Scheduler, build_scheduler
from colabsd.engine.shortage import shortage_told
from colabsd.engine.tiling import decode_tiled, is_tiled
from colabsd.engine.unet import UNet as OwnUNet
from colabsd.engine.unet_embeddings import Added, sizes_of
from colabsd.errors import UsageError
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution
from colabsd.planning.redraw import drawn_steps
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


def load_engine(
    card: ModelCard, execution: Execution, autoencoder: Path | None = None
) -> Generator[Progress, None, "Engine"]:
    """Load a model to draw with, with the autoencoder of another file or folder where one is given.

    Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError, UnsupportedModelError.
    """
    components = yield from load_components(card, execution, autoencoder)
    return Engine(card, execution, components)


class Engine:
    """A model in memory, on one device, in one precision. `adapters` finds the LoRAs that drawings name; `checked_by`
    is where a safety checker is when none lies beside the model."""

    def __init__(self, card: ModelCard, execution: Execution, components: Components) -> None:
        self.card = card
        self.execution = execution
        self.components = components
        self.residence = components.residence
        self.reader = PromptReader(components.encoders, components.device, lambda: self.residence.bring(TEXT))
        self.adaptation = Adaptation(components, card.family, self.reader.forget)
        self.adapters: FindsAdapters | None = None
        self.checked_by: Path | None = None

    def tokenize(self, text: str) -> list[int]:
        """The token ids of a text, without start and end, however many they are."""
        return self.components.encoders[0].tokenizer.ids(text)

    @torch.inference_mode()
    def draw(
        self, drawings: Sequence[Drawing], original: Original | None = None, *, previews: bool = False
    ) -> Iterator[Progress | Drawn]:
        """Draw one batch: drawings that differ in their seeds only. Close the iterator to stop after any step.

        `original` is what they are made from, where that is more than sentences, at their size. Yields a Progress after
        every model call (with a preview of the first picture if asked), then each picture.
        """
        assert len({drawing.recipe_key for drawing in drawings}) == 1, "a batch differs in its seeds only"
        self.residence.rest()  # weights are changed where they wait
        yield from self.adaptation.use(drawings[0], self.adapters)
        started = time.perf_counter()
        latents = torch.empty(0)
        steps = self.steps(drawings, original)
        while True:
            with shortage_told():
                found = next(steps, None)
                picture = self._preview(*found) if previews and found else None
            if found is None:
                break
            step, _ = found
            latents = step.latents
            yield Progress(stage="denoise", done=step.index + 1, total=step.total, preview=picture)
        shared = (time.perf_counter() - started) / len(drawings)
        for position in range(len(drawings)):
            yield Progress(stage="decode", done=position, total=len(drawings))
            started = time.perf_counter()
            with shortage_told():
                image = _image(self._decode(latents[position : position + 1]))
            yield Drawn(image, position, shared + time.perf_counter() - started)

    @torch.inference_mode()
    def steps(self, drawings: Sequence[Drawing], original: Original | None = None) -> Iterator[tuple[Step, Scheduler]]:
        """The steps of a batch with the scheduler that makes them; the last step's latents are the finished ones.

        Latents stay in fp32 whatever the model's precision, because samplers add up small differences.
        """
        parts, drawing = self.components, drawings[0]
        self.residence.rest()
        for _ in self.adaptation.use(drawing, self.adapters):
            pass  # after `draw` there is nothing left to do
        for network in (parts.unet, parts.vae):
            use_attention(network, self.execution.attention)
        self.reader.inversions = self.adaptation.inversions
        scheduler = build_scheduler(
            find_sampler(drawing.sampler),
            drawing.schedule,
            drawn_steps(drawing.steps, drawing.strength, drawing.exact_steps)[0],
            parts.scheduler_config,
            eta=drawing.eta,
            seeds=[one.seed for one in drawings],
            device=parts.device,
        )
        start = self._start(drawings, original, scheduler)
        predict = self._guided(drawings, start, scheduler.order)
        for step in denoise(predict, scheduler, start, eta=drawing.eta):
            yield step, scheduler

    def _start(self, drawings: Sequence[Drawing], original: Original | None, scheduler: Scheduler) -> Start:
        parts, drawing, factor = self.components, drawings[0], self.card.factor
        shape = parts.unet.out_channels, drawing.height // factor, drawing.width // factor
        if original is None and self.card.variant == "text":
            return start_from_noise(drawings, scheduler, shape, parts.device)
        variant, encoder = self.card.variant, self._picture_encoder
        return start_from_picture(drawings, original, scheduler, variant, encoder, shape, parts.device)

    def _guided(self, drawings: Sequence[Drawing], start: Start, order: int) -> Predict:
        """What the loop asks for predictions: the UNet, steered by the prompts. Raises: UsageError."""
        parts, drawing = self.components, drawings[0]
        reuse = FeatureReuse(drawing.feature_reuse)
        if reuse.every > 1 and not isinstance(parts.unet, OwnUNet):
            raise UsageError("error.feature_reuse", model=self.card.name)
        # A model that was distilled to follow a guidance does so in one pass; a second would guide twice.
        guidance = 1.0 if parts.unet.guidance_width else drawing.guidance
        steering = self.reader.read(drawing, order, guided=is_guided(guidance))
        if parts.zeros_for_empty and not drawing.negative_prompt.strip():
            steering = without_negative(steering)
        prepare = partial(self._prepare, drawing, len(drawings))
        if self.card.variant == "edit":
            assert start.shown is not None, "planning asks for a picture"
            return EditingModel(
                partial(self._predict, None, reuse),
                prepare,
                steering,
                guidance,
                shown=start.shown,
                image_guidance=drawing.image_guidance,
            )
        guided = calls_between(drawing.guidance_start, drawing.guidance_stop, len(start.timesteps))
        return GuidedModel(partial(self._predict, start.shown, reuse), prepare, steering, guidance, guided)

    def _predict(
        self, shown: Tensor | None, reuse: FeatureReuse, latents: Tensor, timestep: Tensor, conditions: Any
    ) -> Tensor:
        """The UNet's prediction in fp32; `shown` is what it sees beside the latents, for each condition the same."""
        self.residence.bring(UNET)
        if shown is not None:
            latents = torch.cat([latents, shown.repeat(len(latents) // len(shown), 1, 1, 1)], dim=1)
        unet, latents = self.components.unet, latents.to(self.components.dtype)
        if reuse.every == 1 or not isinstance(unet, OwnUNet):
            return unet(latents, timestep, conditions).float()
        prediction, inner = unet.predict(latents, timestep, conditions, kept := reuse.find(timestep, conditions))
        if kept is None:
            reuse.keep(conditions, inner)
        return prediction.float()

    def _prepare(self, drawing: Drawing, count: int, together: Sequence[Encoded]) -> Any:
        """What the UNet wants of conditions that go through it together, each of them for `count` pictures."""
        self.residence.bring(UNET)
        embeddings = torch.cat([one.embeddings.expand(count, -1, -1) for one in together])
        pooled = [one.pooled.expand(count, -1) for one in together if one.pooled is not None]
        added = Added(
            pooled=torch.cat(pooled) if pooled else None,
            sizes=sizes_of(drawing, embeddings) if pooled else None,
            guidance=drawing.guidance if self.components.unet.guidance_width else None,
        )
        return self.components.unet.prepare(embeddings, added)

    @torch.inference_mode()
    def flags(self, image: "Image") -> bool:
        """Whether the model's own checker would rather not show a picture. Loads it when it is first asked."""
        return self._checker.flags(image)

    @cached_property
    def _checker(self) -> SafetyChecker:
        folder = self.checked_by or self.card.folder
        assert folder is not None, "a checker was brought where none lies beside the model"
        if self.execution.offload:  # there is no room for it on the device
            return load_checker(folder, torch.float32, "cpu")
        return load_checker(folder, self.components.dtype, self.components.device)

    @cached_property
    def _picture_encoder(self) -> Encoding:
        """The half of the autoencoder that looks at pictures, loaded when it is first needed."""
        assert self.components.picture_encoder is not None, "a model has both halves of its autoencoder"
        return self.components.picture_encoder()

    @property
    def loaded(self) -> tuple[str, str, str]:
        """What is in memory and where: the digest of the model's files, the device, the precision."""
        return self.card.sha256, self.execution.device, self.execution.precision

    def with_execution(self, execution: Execution) -> "Engine":
        """The same loaded model, run another way: device and precision stay what they are."""
        assert self.loaded[1:] == (execution.device, execution.precision), "weights are not loaded anew"
        residence = self.residence.taking_turns() if execution.offload else self.residence
        other = Engine(self.card, execution, replace(self.components, residence=residence))
        other.share_adaptation(self)
        return other

    def share_adaptation(self, first: "Engine") -> None:
        """Know what is merged into the weights that this engine has together with `first`, and where things are."""
        forget_there = first.adaptation.forget

        def forget() -> None:
            forget_there()
            self.reader.forget()

        self.adaptation, self.adapters, self.checked_by = first.adaptation, first.adapters, first.checked_by
        self.adaptation.forget = forget

    def _decode(self, latents: Tensor) -> Any:
        """One picture's latents (1, 4, h, w) as (H, W, 3) uint8, in tiles where that was planned and it is large."""
        self.residence.bring(VAE)
        vae, latents = self.components.vae, latents.to(self.components.dtype)
        if self.execution.tiling and is_tiled(latents):
            return decoding.to_pixels(decode_tiled(vae.decode, latents, self.card.factor))[0]
        return decoding.decode(vae, latents)

    def _preview(self, step: Step, scheduler: Any) -> Any:
        denoised = step.denoised(scheduler.alphas_cumprod, scheduler.config.prediction_type)
        return decoding.preview(denoised[:1], self._preview_colours)

    @cached_property
    def _preview_colours(self) -> Tensor:
        parts = self.components
        self.residence.bring(VAE)
        return decoding.fit_preview(parts.vae, parts.device, parts.dtype)


def _image(pixels: Any) -> "Image":
    from PIL import Image

    return Image.fromarray(pixels)
