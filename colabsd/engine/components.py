"""The parts of a Stable Diffusion model, loaded from its files. Knows nothing of drawing."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from colabsd.engine.clip import ClipTextEncoder, ProjectedClipTextEncoder
from colabsd.engine.encoders import PenultimateEncoder, PlainEncoder, TextEncoder
from colabsd.engine.model_parts import ModelParts, open_parts
from colabsd.engine.networks import (
    Decoding,
    Denoiser,
    Encoding,
    build_autoencoder,
    build_picture_encoder,
    build_unet,
)
from colabsd.engine.prediction import with_prediction_type
from colabsd.engine.residence import Residence
from colabsd.engine.weights import fill
from colabsd.errors import DamagedWeightsError
from colabsd.models.cards import Family, ModelCard
from colabsd.planning.plans import Execution
from colabsd.progress import Progress

DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
# A family's text encoders in the order in which the UNet wants them: part, network, how it is used.
TEXT_ENCODERS: Mapping[Family, tuple[tuple[str, Callable[..., Any], Callable[..., TextEncoder]], ...]] = {
    "sd1": (("text_encoder", ClipTextEncoder, PlainEncoder),),
    "sd2": (("text_encoder", ClipTextEncoder, PlainEncoder),),
    "sdxl": (
        ("text_encoder", ClipTextEncoder, PenultimateEncoder),
        ("text_encoder_2", ProjectedClipTextEncoder, PenultimateEncoder),
    ),
}

Place = dict[str, Any]
TEXT, UNET, VAE = "text", "unet", "vae"  # what takes turns on a device that is small


@dataclass(frozen=True)
class Components:
    """A model's parts on one device in one precision.

    `picture_encoder` loads the half of the autoencoder that looks at pictures; nobody needs it who draws from a
    sentence. `parts` is where they were read, for reading single weights again. `zeros_for_empty` says that the model
    was taught with zeros in place of an empty negative prompt. `residence` knows which parts are on the device.
    """

    unet: Denoiser
    vae: Decoding
    encoders: tuple[TextEncoder, ...]
    scheduler_config: Mapping[str, Any]
    dtype: torch.dtype
    device: str
    residence: Residence
    picture_encoder: Callable[[], Encoding] | None = None
    parts: ModelParts | None = None
    zeros_for_empty: bool = False


def load_components(
    card: ModelCard, execution: Execution, autoencoder: Path | None = None
) -> Generator[Progress, None, Components]:
    """Load the model whose folder or file the card names, with another autoencoder where one is given.

    Yields one Progress per part. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError,
    UnsupportedModelError.
    """
    parts = open_parts(card, autoencoder)
    device, dtype = execution.device, DTYPES[execution.precision]
    place: Place = {"dtype": dtype, "device": "cpu" if execution.offload else device}
    vae_place: Place = place | {"dtype": autoencoder_dtype(card.family, parts.config("vae"), dtype)}
    rows = TEXT_ENCODERS[card.family]
    total = len(rows) + 2
    encoders: list[TextEncoder] = []
    for index, (part, network, use) in enumerate(rows):
        yield Progress(stage="load", done=index, total=total)
        encoders.append(use(parts.tokenizer(part), _load_part(parts, part, network, place)))
    yield Progress(stage="load", done=len(rows), total=total)
    unet = _load_part(parts, "unet", build_unet, place)
    yield Progress(stage="load", done=len(rows) + 1, total=total)
    vae = _load_part(parts, "vae", build_autoencoder, vae_place)
    yield Progress(stage="load", done=total, total=total)
    networks = {TEXT: [encoder.model for encoder in encoders], UNET: [unet], VAE: [vae]}
    residence = Residence(networks, device, takes_turns=execution.offload)
    residence.bring(UNET)
    return Components(
        unet=unet,
        vae=vae,
        encoders=tuple(encoders),
        scheduler_config=with_prediction_type(parts.scheduler_config, unet, parts.config("unet"), device, dtype),
        dtype=dtype,
        device=device,
        residence=residence,
        picture_encoder=lambda: _load_part(parts, "vae", build_picture_encoder, vae_place | {"device": device}),
        parts=parts,
        zeros_for_empty=parts.zeros_for_empty,
    )


def autoencoder_dtype(family: Family, config: Mapping[str, Any], dtype: torch.dtype) -> torch.dtype:
    """The precision of the autoencoder: SDXL's overflows in fp16 unless its configuration says that it was mended."""
    overflows = family == "sdxl" and config.get("force_upcast", True)
    return torch.float32 if overflows and dtype == torch.float16 else dtype


def _load_part(parts: ModelParts, part: str, build: Callable[[Mapping[str, Any]], Any], place: Place) -> Any:
    config, tensors = parts.config(part), parts.tensors(part)
    try:
        return fill(lambda: build(config), tensors, **place)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=tensors.path, reason=f"{part}/config.json: {error!r}") from error
