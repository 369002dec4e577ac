"""LoRA files: which tensors change which weights of a model, in every layout that is about. Reads headers only.

Their modules' names are read in `lora_names.py`, what their tensors are to a module in `lora_kinds.py`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from colabsd.errors import DamagedLoraError, LoraMismatchError
from colabsd.models.cards import Family
from colabsd.models.lora_kinds import OTHER_KINDS, Kind, KindRow, magnitude_axis, role_of, row_of
from colabsd.models.lora_names import Shapes, module_finder
from colabsd.models.stored_tensors import Shape
from colabsd.models.tensor_headers import TensorHeader, read_header

CONTEXTS: Mapping[int, Family] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
FAMILY_NAMES: Mapping[Family, str] = {"sd1": "Stable Diffusion 1", "sd2": "Stable Diffusion 2", "sdxl": "SDXL"}


SCALARS = ("alpha", "on_input")
MAGNITUDES = ("magnitude", "row_magnitude")


@dataclass(frozen=True, slots=True)
class LoraModule:
    """What a LoRA, or another adapter of a known `kind`, does to one weight.

    `part` and `weight` are diffusers' names; `tensors` are names in the file by their roles. What the kind's formula
    makes of them is added times alpha / `rank`, where there is both: `alpha` is a number where the file's metadata has
    one, None where it is in the tensor `alpha_in` or, without such, equal to the rank. With `magnitude` (a tensor, and
    the weight's axis that it is along) the sum is scaled as DoRA does.
    """

    part: str
    weight: str
    kind: Kind
    tensors: Mapping[str, str]
    rank: int
    alpha_in: str | None = None
    alpha: float | None = None
    magnitude: tuple[str, int] | None = None


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
            row = row_of(roles)
            if row is not None and module.endswith(("attn2_to_k", "attn2.to_k", "attn2.processor.to_k")):
                return CONTEXTS.get(row.width(self.shapes(roles)))
        return None

    def shapes(self, roles: Mapping[str, str]) -> dict[str, Shape]:
        """The shapes of a module's tensors by their roles."""
        return {role: self.header.tensors[name].shape for role, name in roles.items()}


def read_lora_file(path: Path) -> LoraFile:
    """A LoRA file's modules. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError; DamagedLoraError
    when it is none, or of a kind whose formula is not known here.
    """
    header = read_header(path)
    other = next((kind for part, kind in OTHER_KINDS.items() if any(part in name for name in header.tensors)), None)
    if other is not None:
        raise DamagedLoraError("error.lora.kind", path=path, kind=other)
    modules: dict[str, dict[str, str]] = {}
    embeddings = {name: name for name, text in header.metadata.items() if text == "<embed>" and name in header.tensors}
    for name in header.tensors:
        found = role_of(name)
        if found is not None:
            modules.setdefault(found[0], {})[found[1]] = name
        elif name not in embeddings:
            raise DamagedLoraError("error.lora.none", path=path, name=name)
    if not modules:
        raise DamagedLoraError("error.lora.none", path=path, name="–")
    for module, roles in modules.items():
        if roles.keys() == {"factor"}:  # a weight, as whole models have them
            raise DamagedLoraError("error.lora.none", path=path, name=roles["factor"])
        if row_of(roles) is None:
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
    return tuple(
        placed
        for module, roles in lora.modules.items()
        for placed in _placed(lora, module, roles, find(module), shapes, alphas)
    )


def _context(unet: Shapes) -> int:
    return next((shape[1] for name, shape in unet.items() if name.endswith("attn2.to_k.weight")), 0)


def _placed(
    lora: LoraFile,
    module: str,
    roles: Mapping[str, str],
    place: tuple[str, str] | None,
    shapes: Mapping[str, Shapes],
    alphas: "_Alphas",
) -> Iterator[LoraModule]:
    """What a module changes: a weight, and the bias beside it where it says something of that."""
    wanted = shapes.get(place[0], {}).get(place[1]) if place else None
    row = row_of(roles)
    assert row is not None, "looked at when the file was read"
    if place is None or wanted is None:
        raise LoraMismatchError("error.lora.module", name=lora.name, module=module)
    part, weight = place
    stored = lora.shapes(roles)
    magnitude = _magnitude(roles, stored, wanted)
    if not _fits(row, stored, wanted) or (magnitude is None and _has_magnitude(roles)):
        _refuse(lora, module, stored, wanted)
    rank = row.rank(stored)
    alpha = None if "alpha" in roles else alphas.of(part, weight, rank)
    scale: dict[str, Any] = {"rank": rank, "alpha_in": roles.get("alpha"), "alpha": alpha}
    if row.kind != "difference" or "difference" in roles:
        yield LoraModule(part, weight, row.kind, roles, magnitude=magnitude, **scale)
    for role in ("bias", "up_bias"):
        if role in roles:
            bias = f"{weight.removesuffix('weight')}bias"
            if shapes[part].get(bias) != stored[role]:
                _refuse(lora, module, stored, shapes[part].get(bias, ()))
            scale = scale if role == "up_bias" else {"rank": 0}
            yield LoraModule(part, bias, "difference", {"difference": roles[role]}, **scale)


def _fits(row: KindRow, stored: Mapping[str, Shape], wanted: Shape) -> bool:
    return all(stored.get(name, ()) in ((), (1,)) for name in SCALARS) and row.fits(stored, wanted)


def _has_magnitude(roles: Mapping[str, str]) -> bool:
    return any(role in roles for role in MAGNITUDES)


def _magnitude(roles: Mapping[str, str], stored: Mapping[str, Shape], wanted: Shape) -> tuple[str, int] | None:
    """The tensor of DoRA's magnitudes, and the axis that they are along."""
    for role in MAGNITUDES:
        axis = magnitude_axis(role, stored[role], wanted) if role in roles else None
        if axis is not None:
            return roles[role], axis
    return None


def _refuse(lora: LoraFile, module: str, stored: Mapping[str, Shape], wanted: Shape) -> NoReturn:
    shown = " · ".join("×".join(map(str, shape)) for role, shape in sorted(stored.items()) if role not in SCALARS)
    facts = {"name": lora.name, "module": module, "shape": shown, "wanted": "×".join(map(str, wanted))}
    raise LoraMismatchError("error.lora.shape", **facts)


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
        dora = any(name.rpartition(".")[2] == "use_dora" and value for name, value in self.settings.items())
        if dora and not any(_has_magnitude(roles) for roles in lora.modules.values()):
            raise DamagedLoraError("error.lora.half", path=lora.path, name="lora_magnitude_vector")

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
