"""LoRA files: which tensors change which weights of a model, in every layout that is about. Reads headers only.

Their names are read in `lora_names.py`; here is what their tensors are to a module, and whether they fit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedLoraError, LoraMismatchError
from colabsd.models.cards import Family
from colabsd.models.lora_names import Shapes, module_finder
from colabsd.models.stored_tensors import Shape
from colabsd.models.tensor_headers import TensorHeader, read_header

# Endings of tensors' names, and what such a tensor is to its module.
ROLES: tuple[tuple[str, str], ...] = (
    (".lora_down.weight", "down"),
    (".lora_up.weight", "up"),
    (".lora_mid.weight", "mid"),
    (".lora_linear_layer.down.weight", "down"),
    (".lora_linear_layer.up.weight", "up"),
    (".lora.down.weight", "down"),
    (".lora.up.weight", "up"),
    ("_lora.down.weight", "down"),
    ("_lora.up.weight", "up"),
    (".lora_A.weight", "down"),
    (".lora_B.weight", "up"),
    (".lora_A.default.weight", "down"),
    (".lora_B.default.weight", "up"),
    (":down", "down"),
    (":up", "up"),
    (".alpha", "alpha"),
)
# Parts of names of other kinds of adapter, which change weights by other formulas.
OTHER_KINDS: Mapping[str, str] = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_w1": "LoHa",
    "lokr_w1": "LoKr",
    "oft_": "OFT",
    ".on_input": "IA3",
    ".diff": "full difference",
    ".lora_B.bias": "LoRA with biases",
    "lora_transformer_": "LoRA of Flux or Stable Diffusion 3",
    "transformer.": "LoRA of Flux or Stable Diffusion 3",
}
CONTEXTS: Mapping[int, Family] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
FAMILY_NAMES: Mapping[Family, str] = {"sd1": "Stable Diffusion 1", "sd2": "Stable Diffusion 2", "sdxl": "SDXL"}


@dataclass(frozen=True, slots=True)
class LoraModule:
    """What a LoRA does to one weight: delta = alpha / rank · up @ down, with a convolution `mid` between in some.

    `part` and `weight` are diffusers' names; the others are names in the file. `alpha` is a number where the file's
    metadata has one, None where it is in the tensor `alpha_in` or, without such, equal to the rank.
    """

    part: str
    weight: str
    down: str
    up: str
    rank: int
    mid: str | None = None
    alpha_in: str | None = None
    alpha: float | None = None


@dataclass(frozen=True)
class LoraFile:
    """A LoRA file, looked into: by module, the names of its tensors by their roles.

    `embeddings` are textual inversions that came with it, by the words that call them.
    """

    header: TensorHeader
    modules: Mapping[str, Mapping[str, str]]
    embeddings: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def name(self) -> str:
        return self.header.path.stem

    @property
    def made_for(self) -> Family | None:
        """The family that it was made for, as far as its names and shapes tell."""
        if any(module.startswith(("lora_te2_", "text_encoder_2.")) for module in self.modules):
            return "sdxl"
        for module, roles in self.modules.items():
            if module.endswith(("attn2_to_k", "attn2.to_k", "attn2.processor.to_k")) and "down" in roles:
                return CONTEXTS.get(self.header.tensors[roles["down"]].shape[1])
        return None


def read_lora_file(path: Path) -> LoraFile:
    """A LoRA file's modules. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError; DamagedLoraError
    when it is none, or of a kind that changes weights by another formula.
    """
    header = read_header(path)
    other = next((kind for part, kind in OTHER_KINDS.items() if any(part in name for name in header.tensors)), None)
    if other is not None:
        raise DamagedLoraError("error.lora.kind", path=path, kind=other)
    modules: dict[str, dict[str, str]] = {}
    embeddings = {name: name for name, text in header.metadata.items() if text == "<embed>" and name in header.tensors}
    for name in header.tensors:
        ending, role = next(((ending, role) for ending, role in ROLES if name.endswith(ending)), ("", ""))
        if role:
            modules.setdefault(name.removesuffix(ending), {})[role] = name
        elif name not in embeddings:
            raise DamagedLoraError("error.lora.none", path=path, name=name)
    if not modules:
        raise DamagedLoraError("error.lora.none", path=path, name="–")
    for module, roles in modules.items():
        if "down" not in roles or "up" not in roles:
            raise DamagedLoraError("error.lora.half", path=path, name=module)
    return LoraFile(header, modules, embeddings)


def place_lora(lora: LoraFile, shapes: Mapping[str, Shapes], family: Family) -> tuple[LoraModule, ...]:
    """Where a LoRA's modules go in a model whose parts have these tensors, by diffusers' names.

    Raises: LoraMismatchError with the reason when any of them has no place there or another shape.
    """
    made_for = lora.made_for
    if made_for is not None and made_for != family and CONTEXTS.get(_context(shapes["unet"])) == family:
        raise LoraMismatchError(
            "error.lora.family", name=lora.name, made_for=FAMILY_NAMES[made_for], family=FAMILY_NAMES[family]
        )
    find = module_finder(shapes, lora.header.metadata)
    alphas = _Alphas(lora)
    return tuple(_placed(lora, module, roles, find(module), shapes, alphas) for module, roles in lora.modules.items())


def _context(unet: Shapes) -> int:
    return next((shape[1] for name, shape in unet.items() if name.endswith("attn2.to_k.weight")), 0)


def _placed(
    lora: LoraFile,
    module: str,
    roles: Mapping[str, str],
    place: tuple[str, str] | None,
    shapes: Mapping[str, Shapes],
    alphas: "_Alphas",
) -> LoraModule:
    wanted = shapes.get(place[0], {}).get(place[1]) if place else None
    if place is None or wanted is None:
        raise LoraMismatchError("error.lora.module", name=lora.name, module=module)
    stored = {role: lora.header.tensors[name].shape for role, name in roles.items()}
    rank = stored["down"][0] if stored["down"] else 0
    if not _fits(stored, wanted, rank):
        shape = " · ".join("×".join(map(str, stored[role])) for role in ("up", "mid", "down") if role in stored)
        raise LoraMismatchError(
            "error.lora.shape", name=lora.name, module=module, shape=shape, wanted="×".join(map(str, wanted))
        )
    part, weight = place
    alpha = None if "alpha" in roles else alphas.of(part, weight, rank)
    return LoraModule(part, weight, roles["down"], roles["up"], rank, roles.get("mid"), roles.get("alpha"), alpha)


def _fits(stored: Mapping[str, Shape], wanted: Shape, rank: int) -> bool:
    """Whether up · (mid ·) down has the shape of the weight."""
    down, up = stored["down"], stored["up"]
    if len(wanted) < 2 or len(down) < 2 or len(up) < 2 or up[:1] != wanted[:1] or down[1] != wanted[1]:
        return False
    if any(side != 1 for side in up[2:]) or stored.get("alpha", ()) not in ((), (1,)):
        return False
    if "mid" in stored:
        mid = stored["mid"]
        return mid[:2] == (up[1], rank) and mid[2:] == wanted[2:] and all(side == 1 for side in down[2:])
    # A linear layer's LoRA may be stored as a 1 × 1 convolution, and the other way round.
    return up[1] == rank and [side for side in down[2:] if side != 1] == [side for side in wanted[2:] if side != 1]


class _Alphas:
    """The scales that peft keeps in a file's metadata, by module; without any, alpha is the rank."""

    def __init__(self, lora: LoraFile) -> None:
        self.lora = lora
        try:
            self.settings: Any = json.loads(lora.header.metadata.get("lora_adapter_metadata", "{}"))
        except (ValueError, RecursionError):
            self.settings = None
        if not isinstance(self.settings, dict):
            raise DamagedLoraError("error.lora.none", path=lora.path, name="lora_adapter_metadata")
        if any(name.rpartition(".")[2] == "use_dora" and value for name, value in self.settings.items()):
            raise DamagedLoraError("error.lora.kind", path=lora.path, kind="DoRA")

    def of(self, part: str, weight: str, rank: int) -> float | None:
        """Alpha of one module. Patterns are endings of its name, as peft matches them."""
        module = weight.removesuffix(".weight")
        patterns = self.settings.get(f"{part}.alpha_pattern") or {}
        alpha = self.settings.get(f"{part}.lora_alpha")
        for pattern, value in patterns.items() if isinstance(patterns, dict) else ():
            if module == pattern or module.endswith(f".{pattern}"):
                alpha = value
                break
        if not isinstance(alpha, int | float) or isinstance(alpha, bool):
            return None
        return float(alpha) * (rank**0.5 if self.settings.get(f"{part}.use_rslora") else 1.0)
