"""LoRAs merged into a loaded model's weights, and taken out again. Knows nothing of prompts or folders.

A weight becomes W + strength · alpha / rank · up @ down, or what the formula of another kind says (`lora_formulas.py`),
computed in fp32 and rounded once to the model's precision; what several add is added up, each seen from the model's own
weight. Merging costs nothing while drawing, needs no other library, and is exact: what leaves is
read again from the model's file, so that the weights are bit for bit what they were, and no second copy of them waits
in memory meanwhile.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from colabsd.engine.lora_formulas import FORMULAS, with_magnitude
from colabsd.engine.model_parts import ModelParts
from colabsd.engine.tensor_files import PartTensors, read_tensor
from colabsd.errors import DamagedLoraError
from colabsd.models.cards import Family
from colabsd.models.lora_files import LoraFile, LoraModule, place_lora, read_lora_file
from colabsd.planning.plans import LoraUse
from colabsd.progress import Progress

REPORTED = 32  # weights between two reports
NOT_OF_FORMULAS = ("alpha", "magnitude", "row_magnitude", "up_bias", "bias")

Place = tuple[str, str]
"""A weight: its part, and its name there."""


@dataclass(frozen=True)
class Change:
    """What one LoRA does to one weight, at its strength."""

    lora: LoraFile
    module: LoraModule
    strength: float
    ranks: int | None

    def delta(self, weight: Tensor) -> Tensor:
        """What is added to the weight, both in fp32. Raises: DamagedLoraError for numbers that are none."""
        module, device = self.module, str(weight.device)
        tensors = {
            role: self._read(name, device) for role, name in module.tensors.items() if role not in NOT_OF_FORMULAS
        }
        product = FORMULAS[module.kind](tensors, weight, self.ranks).reshape(weight.shape)
        alpha = module.alpha
        if module.alpha_in is not None:
            alpha = float(self._read(module.alpha_in, "cpu"))
        scale = 1.0 if alpha is None or not module.rank else alpha / module.rank
        if module.magnitude is None:
            return product * (self.strength * scale)
        magnitude, axis = module.magnitude
        return with_magnitude(weight, product * scale, self._read(magnitude, device), axis) * self.strength

    def _read(self, name: str, device: str) -> Tensor:
        tensor = read_tensor(self.lora.path, self.lora.header.tensors[name]).to(device, torch.float32)
        if not bool(torch.isfinite(tensor).all()):
            raise DamagedLoraError("error.lora.numbers", path=self.lora.path, name=name)
        return tensor


class LoraMerge:
    """Which LoRAs are in a model's weights now. One per loaded model; `networks` are its parts' modules."""

    def __init__(self, parts: ModelParts, networks: Mapping[str, nn.Module], family: Family, device: str) -> None:
        self.parts = parts
        self.networks = networks
        self.family = family
        self.device = device
        self._merged: tuple[LoraUse, ...] | None = ()  # None: interrupted half-way
        self._changed: frozenset[Place] = frozenset()

    def use(self, loras: Sequence[tuple[LoraUse, Path]]) -> Generator[Progress, None, bool]:
        """Have exactly these LoRAs in the weights; whether anything changed. Yields Progress in weights.

        All are looked at before the first weight changes. When it is interrupted, the next call puts things right.
        Raises: DamagedLoraError, LoraMismatchError, and the errors of reading files.
        """
        wanted = tuple(use for use, _ in loras)
        if wanted == self._merged:
            return False
        tensors = {part: self.parts.tensors(part) for part in self.networks}
        changes = self._changes(loras, tensors)
        places = sorted(self._changed | set(changes))
        self._merged, self._changed = None, frozenset(places)
        for index, place in enumerate(places):
            if index % REPORTED == 0:
                yield Progress(stage="load", done=index, total=len(places))
            self._write(place, tensors, changes.get(place, []))
        self._merged, self._changed = wanted, frozenset(changes)
        return bool(places)

    def _changes(
        self, loras: Sequence[tuple[LoraUse, Path]], tensors: Mapping[str, PartTensors]
    ) -> dict[Place, list[Change]]:
        """What the LoRAs do, by weight."""
        shapes = {part: found.shapes for part, found in tensors.items()}
        changes: dict[Place, list[Change]] = {}
        for use, path in loras:
            lora = read_lora_file(path)
            for module in place_lora(lora, shapes, self.family):
                strength = use.unet if module.part == "unet" else use.text_encoder
                if strength:
                    change = Change(lora, module, strength, use.ranks)
                    changes.setdefault((module.part, module.weight), []).append(change)
        return changes

    @torch.no_grad()
    def _write(self, place: Place, tensors: Mapping[str, PartTensors], changes: Sequence[Change]) -> None:
        """One weight: as the file has it, and what the LoRAs add."""
        part, name = place
        network = self.networks[part]
        parameter = getattr(network, "model", network).get_parameter(name)
        weight = tensors[part][name].to(self.device)
        if changes:
            exact = weight.float()
            weight = exact + sum(change.delta(exact) for change in changes)
        parameter.copy_(weight.to(parameter.dtype))
