"""Single files (`.safetensors`, `.ckpt`, `.pt`) as models: their family, parts, and where each tensor of those is.

Reads headers only. Names on the outside are diffusers'; how a tensor of the file becomes one of theirs is told here,
and done in `engine/tensor_files.py`.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from colabsd.errors import DamagedWeightsError, UnsupportedModelError
from colabsd.models.cards import Family
from colabsd.models.families import Traits, traits_of_shapes, what_else
from colabsd.models.network_configs import (
    OPEN_CLIP_LAYERS_OF_SD2,
    SCHEDULERS,
    autoencoder_config,
    text_encoder_config,
    unet_config,
)
from colabsd.models.original_names import (
    NameTable,
    read_autoencoder_structure,
    read_open_clip_structure,
    read_unet_structure,
)
from colabsd.models.stored_tensors import Shape
from colabsd.models.tensor_headers import TensorHeader, read_header

UNET = "model.diffusion_model."
AUTOENCODER = "first_stage_model."
# Where text encoders are: the family that has one there, diffusers' name of the part, whether it is OpenCLIP's layout.
TEXT_ENCODERS: tuple[tuple[str, Family, str, bool], ...] = (
    ("cond_stage_model.transformer.", "sd1", "text_encoder", False),
    ("cond_stage_model.model.", "sd2", "text_encoder", True),
    ("conditioner.embedders.0.transformer.", "sdxl", "text_encoder", False),
    ("conditioner.embedders.1.model.", "sdxl", "text_encoder_2", True),
)
PARTS: Mapping[Family, tuple[str, ...]] = {
    "sd1": ("unet", "text_encoder", "vae"),
    "sd2": ("unet", "text_encoder", "vae"),
    "sdxl": ("unet", "text_encoder", "text_encoder_2", "vae"),
}
DESCRIPTION = "colabsd.model"  # where our own exports keep the configurations that other readers have to guess
V_PREDICTION, ZERO_TERMINAL = "v_pred", "ztsnr"  # empty tensors by which some SDXL files say how they were trained
DEFAULTS = ("sampler", "schedule", "steps", "guidance")
POSITIONS = "position_ids"
OPEN_CLIP_PADDING = "!"
USUAL_LEVELS = (128, 256, 512, 512)  # of an autoencoder, where a file has none

Take = Literal["whole", "matrix", "turned", "first", "second", "third"]
"""How a tensor is had from one of the file's: as it is, a 1 × 1 convolution as a matrix, transposed, a third of it."""
THIRDS: tuple[Take, Take, Take] = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class Taken:
    """One tensor of a part: `source` is its name in the file, `shape` is what comes out."""

    source: str
    take: Take
    shape: Shape


Part = Mapping[str, Taken]


@dataclass(frozen=True)
class SingleFile:
    """A model in one file: by diffusers' name of each part, its tensors and its configuration.

    `description` is what a file that we wrote says of itself: the parts' configurations, the schedule of noise, the
    tokenizers' merges where they are not CLIP's, their padding, how it is drawn with, and whether zeros stand for an
    empty negative prompt.
    """

    header: TensorHeader
    traits: Traits
    parts: Mapping[str, Part]
    configs: Mapping[str, Mapping[str, Any]]
    description: Mapping[str, Any]

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def family(self) -> Family:
        return self.traits.family

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that the family needs and the file has not."""
        return tuple(part for part in PARTS[self.family] if part not in self.parts)

    @property
    def scheduler_config(self) -> dict[str, Any]:
        """The family's schedule of noise, with what the file says of its training."""
        if "scheduler" in self.description:
            return dict(self.description["scheduler"])
        config = dict(SCHEDULERS[self.family])
        stated = self.header.metadata.get("modelspec.prediction_type", "")
        if V_PREDICTION in self.header.tensors or stated.casefold() in ("v", "v_prediction"):
            config["prediction_type"] = "v_prediction"
        elif stated.casefold() in ("epsilon", "eps"):
            config["prediction_type"] = "epsilon"
        if ZERO_TERMINAL in self.header.tensors:
            config["rescale_betas_zero_snr"] = True
        return config

    @property
    def merges(self) -> Sequence[str] | None:
        """The tokenizer's merges, where they are not CLIP's."""
        merges = self.description.get("merges")
        return merges.split("\n") if merges else None

    @property
    def padding(self) -> Mapping[str, str]:
        """The token that fills up what a text encoder reads, where it is not the end token again."""
        rows = [(name, open_clip) for _, family, name, open_clip in TEXT_ENCODERS if family == self.family]
        return {
            **{name: OPEN_CLIP_PADDING for name, open_clip in rows if open_clip},
            **self.description.get("padding", {}),
        }

    @property
    def zeros_for_empty(self) -> bool:
        """Whether zeros stand for an empty negative prompt; of SDXL's files only those that we wrote can tell."""
        return bool(self.description.get("zeros_for_empty", self.family == "sdxl"))

    @property
    def parameters(self) -> Mapping[str, int]:
        """How many numbers each part has."""
        return {part: sum(math.prod(taken.shape) for taken in tensors.values()) for part, tensors in self.parts.items()}


def read_single_file(path: Path) -> SingleFile:
    """A model's single file, looked into.

    Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError; UnsupportedModelError with what it is instead,
    when it is no Stable Diffusion model.
    """
    header = read_header(path)
    shapes = header.shapes
    traits = traits_of_shapes(shapes, path)
    family, description = traits.family, _description(header)
    parts: dict[str, Part] = {"unet": dict(_unet(path, shapes))}
    configs = {"unet": _described(path, unet_config, family, _shapes(parts["unet"]))}
    for beginning, belongs, name, open_clip in TEXT_ENCODERS:
        found = _below(beginning, shapes)
        if belongs == family and found:
            read = _open_clip if open_clip else _clip
            text = dict(read(beginning, found))
            if family != "sdxl":
                text.pop("text_projection.weight", None)
            parts[name] = text
            configs[name] = _described(path, text_encoder_config, open_clip, _shapes(text))
    autoencoder = dict(_autoencoder(AUTOENCODER, _below(AUTOENCODER, shapes)))
    if autoencoder:
        parts["vae"] = autoencoder
        configs["vae"] = _described(path, autoencoder_config, family, _shapes(autoencoder))
    described = description.get("configs", {})
    configs = {part: {**config, **described.get(part, {})} for part, config in configs.items()}
    return SingleFile(header, traits, parts, configs, description)


def _description(header: TensorHeader) -> dict[str, Any]:
    """What a file that we wrote says of itself; empty for others. Raises: DamagedWeightsError."""
    if DESCRIPTION not in header.metadata:
        return {}
    try:
        found = json.loads(header.metadata[DESCRIPTION])
        tables = (found["scheduler"], found["padding"], found["configs"], *found["configs"].values())
        whole = all(isinstance(table, dict) for table in tables) and isinstance(found.get("merges", ""), str)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedWeightsError(path=header.path, reason=f"{DESCRIPTION}: {error!r}") from error
    if not whole:
        raise DamagedWeightsError(path=header.path, reason=DESCRIPTION)
    return dict(found)


def read_autoencoder_file(path: Path, family: Family) -> tuple[TensorHeader, Part, Mapping[str, Any]]:
    """An autoencoder in a file of its own, by original names (with their usual beginning or without) or diffusers'.

    Raises: as `read_single_file`.
    """
    header = read_header(path)
    shapes = header.shapes
    if "decoder.up_blocks.0.resnets.0.conv1.weight" in shapes:
        part = {name: Taken(name, "whole", shape) for name, shape in shapes.items() if name.partition(".")[0] in ENDS}
    else:
        beginning = AUTOENCODER if any(name.startswith(AUTOENCODER) for name in shapes) else ""
        part = dict(_autoencoder(beginning, _below(beginning, shapes)))
    if not part:
        raise UnsupportedModelError("error.unsupported_vae", path=path, found=_sample(shapes))
    return header, part, _described(path, autoencoder_config, family, _shapes(part))


ENDS = ("encoder", "decoder", "quant_conv", "post_quant_conv")


def _sample(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(sorted(shapes)[:3])[:200] or "0 tensors"


def _below(beginning: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes whose names have that beginning, by the rest of their names."""
    return {name.removeprefix(beginning): shape for name, shape in shapes.items() if name.startswith(beginning)}


def _shapes(part: Part) -> dict[str, Shape]:
    return {name: taken.shape for name, taken in part.items()}


def _unet(path: Path, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Taken]]:
    found = _below(UNET, shapes)
    structure = read_unet_structure(found)
    if structure is None:
        raise UnsupportedModelError(path=path, found=what_else(shapes))
    for old, shape in found.items():
        # What has no other name keeps its own: an export of ours may have it, and elsewhere it is found out on loading.
        yield structure.names.to_diffusers(old) or old, Taken(UNET + old, "whole", shape)


def _autoencoder(beginning: str, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Taken]]:
    """The tensors of an autoencoder; matrices that the file keeps as 1 × 1 convolutions become matrices again."""
    structure = read_autoencoder_structure(shapes)
    for old, shape in shapes.items() if structure else ():
        new = structure.names.to_diffusers(old) if structure else None
        if new is not None:
            matrix = ".mid_block.attentions.0." in new and len(shape) == 4
            yield new, Taken(beginning + old, "matrix" if matrix else "whole", shape[:2] if matrix else shape)


def _clip(beginning: str, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Taken]]:
    """CLIP's own layout is transformers', with `text_model.` before each name or, by an exporter's mistake, without."""
    for name, shape in shapes.items():
        plain = name.removeprefix("text_model.")
        if POSITIONS not in plain and plain.startswith(("embeddings.", "encoder.", "final_layer_norm.")):
            yield plain, Taken(beginning + name, "whole", shape)


def _open_clip(beginning: str, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Taken]]:
    """OpenCLIP's layout: attention's queries, keys and values in one tensor; the projection turned."""
    structure = read_open_clip_structure(shapes)
    if structure is None:
        return
    unused = f"encoder.layers.{OPEN_CLIP_LAYERS_OF_SD2 - 1}." if structure.layers == OPEN_CLIP_LAYERS_OF_SD2 else None
    for old, new, take, shape in _open_clip_tensors(shapes, structure.names, dict(structure.fused())):
        if unused is None or not new.startswith(unused):
            yield new, Taken(beginning + old, take, shape)


def _open_clip_tensors(
    shapes: Mapping[str, Shape], names: NameTable, fused: Mapping[str, tuple[str, str, str]]
) -> Iterator[tuple[str, str, Take, Shape]]:
    for old, shape in shapes.items():
        if old in fused:
            third = (shape[0] // 3, *shape[1:])
            yield from ((old, new, take, third) for new, take in zip(fused[old], THIRDS, strict=True))
        elif (new := names.to_diffusers(old)) is not None:
            turned = new == "text_projection.weight"
            yield old, new, "turned" if turned else "whole", shape[::-1] if turned else shape


def _described(path: Path, describe: Callable[[Any, Any], dict[str, Any]], habit: object, shapes: object) -> Any:
    """A configuration from shapes. Raises: DamagedWeightsError when a tensor that tells a size is not there."""
    try:
        return describe(habit, shapes)
    except (KeyError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=path, reason=f"no tensor {error}") from error
