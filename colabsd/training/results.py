"""What a training made, in memory: pairs of matrices, vectors of new words, whole networks. Knows no files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor

Module: TypeAlias = tuple[str, str]
"""A layer: its part by diffusers' name (unet, text_encoder, text_encoder_2), and its own name there without `.weight`;
text encoders' without `text_model.`."""


@dataclass(frozen=True)
class LoraPair:
    """What a LoRA adds to one layer: alpha / rank · up · down.

    `down` is (rank, inputs), or (rank, inputs, height, width) for a convolution, and `up` (outputs, rank), or
    (outputs, rank, 1, 1).
    """

    down: Tensor
    up: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def delta(self) -> Tensor:
        """What is added to the weight, in fp32 and in its shape."""
        product = self.up.float().flatten(1) @ self.down.float().flatten(1)
        return product.reshape(self.up.shape[0], *self.down.shape[1:]) * self.scale


@dataclass(frozen=True)
class Trained:
    """Everything that one training made; what its method does not make is empty.

    `lora` is by layer. `words` are vectors (n, width) of new words, one tensor for each text encoder of the model.
    `networks` are all tensors of parts that were trained whole, by the names that our networks have for them.
    """

    lora: Mapping[Module, LoraPair] = field(default_factory=dict)
    words: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
