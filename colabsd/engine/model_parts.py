"""Where a model's parts come from: a diffusers folder or a single file, with another autoencoder if one was asked for.

Tells configurations, tokenizers and tensors by diffusers' names, whatever the files call them. Builds no network.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from colabsd.engine.clip import with_plain_names
from colabsd.engine.tensor_files import PartTensors
from colabsd.engine.tokenizer import END, ClipTokenizer, build_tokenizer, clip_merges, load_tokenizer
from colabsd.errors import MissingWeightsError, UnsupportedModelError
from colabsd.models.cards import Family, ModelCard
from colabsd.models.folders import read_config, weight_file
from colabsd.models.single_files import SingleFile, Taken, read_autoencoder_file, read_single_file
from colabsd.models.tensor_headers import read_header

# Autoencoders saved before diffusers 0.15, Stable Diffusion 1.5's among them, name their attention's layers otherwise.
OLD_ATTENTION = re.compile(r"(\.attentions\.\d+\.)(query|key|value|proj_attn)\.")
NEW_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
CLIP_WORDS = 49_408
INDEX = "model_index.json"

Anything = TypeVar("Anything")


class ModelParts(Protocol):
    """A model as files hold it. `part` is diffusers' name: unet, vae, text_encoder, text_encoder_2.

    Every method raises MissingWeightsError, DamagedWeightsError or UnsafePickleError where the files are not whole.
    """

    def config(self, part: str) -> Mapping[str, Any]:
        """What the part's config.json says or would say."""
        ...

    def tensors(self, part: str) -> PartTensors:
        """The part's tensors by diffusers' names; text encoders' without `text_model.`."""
        ...

    def tokenizer(self, part: str) -> ClipTokenizer:
        """The tokenizer of a text encoder."""
        ...

    def merges(self) -> Sequence[str]:
        """The merges of the tokenizers' vocabulary, as `build_tokenizer` takes them."""
        ...

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        """The schedule of noise that the model was trained with."""
        ...

    @property
    def zeros_for_empty(self) -> bool:
        """Whether zeros stand for an empty negative prompt."""
        ...


@dataclass(frozen=True)
class FolderParts:
    """The parts in a diffusers folder."""

    folder: Path

    def config(self, part: str) -> Mapping[str, Any]:
        return read_config(self.folder, f"{part}/config.json")

    def tensors(self, part: str) -> PartTensors:
        header = read_header(weight_file(self.folder, part))
        stored = {name: Taken(name, "whole", tensor.shape) for name, tensor in header.tensors.items()}
        if part.startswith("text_encoder"):
            stored = with_plain_names(stored)
        return PartTensors(header, with_new_attention_names(stored) if part == "vae" else stored)

    def tokenizer(self, part: str) -> ClipTokenizer:
        return load_tokenizer(self.folder, part.replace("text_encoder", "tokenizer"))

    def merges(self) -> Sequence[str]:
        path = self.folder / "tokenizer" / "merges.txt"
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            raise MissingWeightsError(path=path) from None
        return [line for line in lines if line and not line.startswith("#version")]

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        return read_config(self.folder, "scheduler/scheduler_config.json")

    @property
    def zeros_for_empty(self) -> bool:
        if not (self.folder / INDEX).is_file():
            return False
        return bool(read_config(self.folder, INDEX).get("force_zeros_for_empty_prompt", False))


@dataclass(frozen=True)
class FileParts:
    """The parts in a single file."""

    file: SingleFile

    def config(self, part: str) -> Mapping[str, Any]:
        self._require(part)
        return self.file.configs[part]

    def tensors(self, part: str) -> PartTensors:
        self._require(part)
        return PartTensors(self.file.header, self.file.parts[part])

    def tokenizer(self, part: str) -> ClipTokenizer:
        config, path = self.config(part), self.file.path
        if self.file.merges is None and config["vocab_size"] != CLIP_WORDS:
            raise UnsupportedModelError("error.single_file.words", path=path, words=config["vocab_size"])
        return build_tokenizer(self.merges(), self.file.padding.get(part, END), path)

    def merges(self) -> Sequence[str]:
        return clip_merges() if self.file.merges is None else self.file.merges

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        return self.file.scheduler_config

    @property
    def zeros_for_empty(self) -> bool:
        return self.file.zeros_for_empty

    def _require(self, part: str) -> None:
        if part not in self.file.parts:
            key = "error.single_file.no_vae" if part == "vae" else "error.single_file.no_part"
            raise MissingWeightsError(key, path=self.file.path, part=part)


@dataclass(frozen=True)
class AutoencoderParts:
    """An autoencoder from a file or folder of its own, for a model of `family`; knows no other part."""

    path: Path
    family: Family

    @cached_property
    def _read(self) -> tuple[PartTensors, Mapping[str, Any]]:
        folder = next((one for one in (self.path / "vae", self.path) if (one / "config.json").is_file()), None)
        if folder is not None:
            parts = FolderParts(folder.parent)
            header = read_header(weight_file(folder.parent, folder.name))
            stored = {name: Taken(name, "whole", tensor.shape) for name, tensor in header.tensors.items()}
            return PartTensors(header, with_new_attention_names(stored)), parts.config(folder.name)
        header, part, config = read_autoencoder_file(self.path, self.family)
        return PartTensors(header, with_new_attention_names(part)), config

    def config(self) -> Mapping[str, Any]:
        return self._read[1]

    def tensors(self) -> PartTensors:
        return self._read[0]


@dataclass(frozen=True)
class WithAutoencoder:
    """A model with another autoencoder."""

    parts: ModelParts
    autoencoder: AutoencoderParts

    def config(self, part: str) -> Mapping[str, Any]:
        return self.autoencoder.config() if part == "vae" else self.parts.config(part)

    def tensors(self, part: str) -> PartTensors:
        return self.autoencoder.tensors() if part == "vae" else self.parts.tensors(part)

    def tokenizer(self, part: str) -> ClipTokenizer:
        return self.parts.tokenizer(part)

    def merges(self) -> Sequence[str]:
        return self.parts.merges()

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        return self.parts.scheduler_config

    @property
    def zeros_for_empty(self) -> bool:
        return self.parts.zeros_for_empty


def open_parts(card: ModelCard, autoencoder: Path | None = None) -> ModelParts:
    """The parts of a model whose files are here, with the autoencoder of another file or folder where one is given.

    Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError, UnsupportedModelError.
    """
    parts: ModelParts
    if card.folder is not None:
        parts = FolderParts(card.folder)
    elif card.file is not None:
        parts = FileParts(read_single_file(card.file))
    else:
        raise MissingWeightsError(path=card.source)
    return parts if autoencoder is None else WithAutoencoder(parts, AutoencoderParts(autoencoder, card.family))


def with_new_attention_names(tensors: Mapping[str, Anything]) -> dict[str, Anything]:
    """An autoencoder's tensors with the names that its attention's layers have today."""
    return {
        OLD_ATTENTION.sub(lambda found: f"{found[1]}{NEW_ATTENTION[found[2]]}.", name): tensor
        for name, tensor in tensors.items()
    }
