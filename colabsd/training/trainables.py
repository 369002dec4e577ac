"""What a training changes: the seam between methods and the loop. Knows nothing of photos, losses and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from colabsd.training.results import Trained

if TYPE_CHECKING:
    from colabsd.engine.components import Components


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters (fp32) with a learning rate of their own; `name` is for reports: unet, text_encoder, words."""

    name: str
    parameters: tuple[nn.Parameter, ...]
    rate: float
    weight_decay: float


class Trainable(Protocol):
    """One method on one loaded model. Making it has changed the base's networks so that their forward learns.

    The loop asks for `groups` once, calls `begin_step` before every step, and `state_dict` at checkpoints.
    """

    @property
    def groups(self) -> Sequence[ParameterGroup]:
        """All that can learn, at any step of the training; the order decides the optimizer's state."""
        ...

    @property
    def reads_sentences(self) -> bool:
        """Whether sentences must be read anew at every step, because the text encoder or its words change."""
        ...

    def begin_step(self, step: int) -> None:
        """Before step `step` (counted from 0): switch on and off what learns at it, by `requires_grad_`.

        Must depend on `step` alone, because a resumed training begins in the middle. What stops learning has no
        gradient, so the optimizer leaves it.
        """
        ...

    def end_step(self) -> None:
        """After the weights were changed: put right what the optimizer must not change."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that was learnt so far, in fp32, by names that stay."""
        ...

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` gave, in place. Raises: CheckpointError for other names or shapes."""
        ...

    def trained(self) -> Trained:
        """What came out so far, for export: copies on the CPU."""
        ...

    def adapted(self, components: "Components") -> "Components":
        """A loaded model's parts, drawing as things are now: the UNet that learns, encoders with what they learnt.

        `components` are the base model's own (see `drawing.drawing_parts`) and stay as they are.
        """
        ...
