"""Which family a model is of, by its UNet's configuration or its tensors' names and shapes, never by a file's name.

Pure functions over plain data: nothing is read here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colabsd.errors import UnsupportedModelError
from colabsd.models.cards import Family, FewSteps, Variant

VARIANTS: Mapping[int, Variant] = {4: "text", 9: "inpaint", 8: "edit"}  # by the channels that the UNet is shown
OTHER_CHANNELS = {5: "a model that is shown depths", 7: "a model that enlarges"}
# Networks told sizes or pictures as SDXL is told sizes, by the width of what they attend to.
OTHER_CONTEXTS = {1280: "SDXL's refiner", 1024: "Stable Diffusion 2 unCLIP"}
UNET_PREFIXES = ("model.diffusion_model.", "unet.", "")
# Names that only other kinds of file have, and what these are; the first that is found counts.
OTHER_NAMES = (
    ("double_blocks.", "Flux"),
    ("joint_blocks.", "Stable Diffusion 3"),
    ("lora_", "a LoRA"),
    ("control_model.", "a ControlNet"),
    ("controlnet_", "a ControlNet"),
    ("motion_modules.", "AnimateDiff"),
    ("emb_params", "a textual inversion"),
    ("string_to_param", "a textual inversion"),
    ("text_model.", "a text encoder"),
    ("post_quant_conv.", "an autoencoder"),
)


@dataclass(frozen=True)
class Traits:
    """What a UNet tells of its model. `guidance_embedding`: distilled to follow guidance in one pass (LCM)."""

    family: Family
    variant: Variant = "text"
    guidance_embedding: bool = False


@dataclass(frozen=True)
class Names:
    """What four parts of a UNet are called in a layout; the first is in every UNet of it, the others may be."""

    shown: str
    sizes: str
    guidance: str
    projection: str = "proj_in.weight"
    context: str = "attn2.to_k.weight"


LAYOUTS = (
    Names("input_blocks.0.0.weight", "label_emb.0.0.weight", "time_embed.cond_proj.weight"),
    Names("conv_in.weight", "add_embedding.linear_1.weight", "time_embedding.cond_proj.weight"),
)


@dataclass(frozen=True)
class Defaults:
    """How a family is drawn with when nobody says otherwise."""

    sampler: str = "Euler a"
    schedule: str = "Automatic"
    steps: int = 20
    guidance: float = 7.5
    few_steps: FewSteps | None = None


FAMILY_DEFAULTS: Mapping[Family, Defaults] = {
    "sd1": Defaults(),
    "sd2": Defaults(),
    "sdxl": Defaults(steps=25, guidance=6.0),
}
# Luo et al. 2023, arXiv:2310.04378: drawn in two to eight steps, distilled with guidance from 2 to 14.
CONSISTENCY_DEFAULTS = Defaults("LCM", "Automatic", 4, 8.0, FewSteps((2, 8), (2.0, 14.0), ("LCM",)))


def defaults_of(traits: Traits) -> Defaults:
    """The defaults of a model that has no card of its own."""
    return CONSISTENCY_DEFAULTS if traits.guidance_embedding else FAMILY_DEFAULTS[traits.family]


def traits_of_config(config: Mapping[str, Any], path: Path) -> Traits:
    """The traits that a unet/config.json tells; `path` is for the error's sentence. Raises: UnsupportedModelError."""
    kind, context = config.get("_class_name"), config.get("cross_attention_dim")
    if kind != "UNet2DConditionModel":
        raise UnsupportedModelError(path=path, found=str(kind))
    if config.get("class_embed_type") is not None:
        raise UnsupportedModelError(path=path, found=OTHER_CONTEXTS[1024])
    sized = config.get("addition_embed_type") == "text_time"
    linear = bool(config.get("use_linear_projection"))
    family = _family(sized, linear, context if isinstance(context, int) else 0, path)
    variant = _variant(config.get("in_channels", 4), path)
    return Traits(family, variant, config.get("time_cond_proj_dim") is not None)


def traits_of_shapes(shapes: Mapping[str, Sequence[int]], path: Path) -> Traits:
    """The traits that tensors' names and shapes tell, in the original layout or in diffusers'.

    The UNet's names may stand behind `model.diffusion_model.`, behind `unet.` or alone; other tensors do not matter.
    `path` is for the error's sentence. Raises: UnsupportedModelError with what the file seems to be.
    """
    for prefix in UNET_PREFIXES:
        for names in LAYOUTS:
            shown = shapes.get(prefix + names.shown)
            if shown is None or len(shown) != 4 or not _has_attention(shapes, prefix, names):
                continue
            linear = any(len(shape) == 2 for shape in _ending(shapes, prefix, names.projection))
            context = next((shape[1] for shape in _ending(shapes, prefix, names.context) if len(shape) == 2), 0)
            family = _family(prefix + names.sizes in shapes, linear, context, path)
            return Traits(family, _variant(shown[1], path), prefix + names.guidance in shapes)
    raise UnsupportedModelError(path=path, found=what_else(shapes))


def what_else(shapes: Mapping[str, Sequence[int]]) -> str:
    """What a file without a UNet seems to be, by its tensors' names."""
    return next((kind for part, kind in OTHER_NAMES if any(part in name for name in shapes)), "no UNet")


def _has_attention(shapes: Mapping[str, Sequence[int]], prefix: str, names: Names) -> bool:
    return any(True for _ in _ending(shapes, prefix, names.context))


def _ending(shapes: Mapping[str, Sequence[int]], prefix: str, ending: str) -> list[Sequence[int]]:
    return [shape for name, shape in shapes.items() if name.startswith(prefix) and name.endswith(ending)]


def _family(sized: bool, linear: bool, context: int, path: Path) -> Family:
    """Only SDXL is told sizes; Stable Diffusion 2 projects by linear layers where 1 has convolutions."""
    if sized and context in OTHER_CONTEXTS:
        raise UnsupportedModelError(path=path, found=OTHER_CONTEXTS[context])
    return "sdxl" if sized else "sd2" if linear else "sd1"


def _variant(channels: object, path: Path) -> Variant:
    if not isinstance(channels, int) or channels not in VARIANTS:
        known = OTHER_CHANNELS.get(channels) if isinstance(channels, int) else None
        raise UnsupportedModelError(path=path, found=known or f"in_channels {channels}")
    return VARIANTS[channels]
