"""The parts of a Stable Diffusion 1.x model, loaded from a diffusers folder. Knows nothing of drawing."""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.clip import ClipTextEncoder, with_plain_names
from colabsd.engine.networks import Decoding, Denoiser, build_autoencoder, build_unet
from colabsd.engine.tokenizer import ClipTokenizer, load_tokenizer
from colabsd.engine.weights import fill
from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.models.cards import ModelCard
from colabsd.models.folders import read_config, weight_file
from colabsd.planning.plans import Execution
from colabsd.progress import Progress

DTYPES: Mapping[str, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
# Autoencoders saved before diffusers 0.15, Stable Diffusion 1.5's among them, name their attention's layers otherwise.
OLD_ATTENTION = re.compile(r"(\.attentions\.\d+\.)(query|key|value|proj_attn)\.")
NEW_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
PARTS = 3

Rename = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Components:
    """A model's parts on one device in one precision."""

    unet: Denoiser
    vae: Decoding
    text_encoder: ClipTextEncoder
    tokenizer: ClipTokenizer
    scheduler_config: Mapping[str, Any]
    dtype: torch.dtype
    device: str


def load_components(card: ModelCard, execution: Execution) -> Generator[Progress, None, Components]:
    """Load the model whose folder the card names. Yields one Progress per part.

    Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError.
    """
    folder = card.folder
    if folder is None:
        raise MissingWeightsError(path=card.source)
    place: dict[str, Any] = {"dtype": DTYPES[execution.precision], "device": execution.device}
    yield Progress(stage="load", done=0, total=PARTS)
    tokenizer = load_tokenizer(folder)
    text_encoder = _load_part(folder, "text_encoder", ClipTextEncoder, with_plain_names, place)
    yield Progress(stage="load", done=1, total=PARTS)
    unet = _load_part(folder, "unet", build_unet, dict, place)
    yield Progress(stage="load", done=2, total=PARTS)
    vae = _load_part(folder, "vae", build_autoencoder, _with_new_attention_names, place)
    yield Progress(stage="load", done=PARTS, total=PARTS)
    return Components(
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        scheduler_config=read_config(folder, "scheduler/scheduler_config.json"),
        **place,
    )


def _load_part(
    folder: Path, part: str, build: Callable[[Mapping[str, Any]], Any], rename: Rename, place: Mapping[str, Any]
) -> Any:
    config = read_config(folder, f"{part}/config.json")
    try:
        return fill(lambda: build(config), weight_file(folder, part), rename=rename, **place)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=folder / part / "config.json", reason=repr(error)) from error


def _with_new_attention_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        OLD_ATTENTION.sub(lambda found: f"{found[1]}{NEW_ATTENTION[found[2]]}.", name): tensor
        for name, tensor in tensors.items()
    }
