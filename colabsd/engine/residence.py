"""Which parts of a model lie on the device: all of them, or only the one that is at work. Knows nothing of drawing.

Parts that wait are where they were loaded, in half precision mapped from their file: memory that the system can take
back. They are never copied back from the device, because nothing changes a weight there; who changes weights calls
`rest` before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

Carry = Callable[[Tensor, str], Tensor]


def carry(waiting: Tensor, device: str) -> Tensor:
    """The tensor on a device."""
    return waiting.to(device)


class Residence:
    """The parts of a model by name. With `takes_turns` at most one of them is on the device, else all are, always."""

    def __init__(
        self, parts: Mapping[str, Sequence[nn.Module]], device: str, *, takes_turns: bool, carry: Carry = carry
    ) -> None:
        self.parts = parts
        self.device = device
        self.takes_turns = takes_turns
        self.carry = carry
        self.present: str | None = None
        self._waiting: dict[str, list[Tensor]] = {}

    def bring(self, part: str) -> None:
        """Have a part on the device; what was there before goes."""
        if not self.takes_turns or self.present == part:
            return
        self.rest()
        with torch.inference_mode(False):
            tensors = list(_tensors(self.parts[part]))
            self._waiting[part] = [tensor.data for tensor in tensors]
            self.present = part
            for tensor in tensors:
                tensor.data = self.carry(tensor.data, self.device)

    def rest(self) -> None:
        """Have no part on the device."""
        if self.present is None:
            return
        with torch.inference_mode(False):
            tensors = _tensors(self.parts[self.present])
            for tensor, waiting in zip(tensors, self._waiting.pop(self.present), strict=True):
                tensor.data = waiting
        self.present = None

    def taking_turns(self) -> "Residence":
        """The same parts, from here on one after the other; they wait in the machine's memory."""
        if self.takes_turns:
            return self
        with torch.inference_mode(False):
            for tensor in chain.from_iterable(_tensors(modules) for modules in self.parts.values()):
                tensor.data = tensor.data.cpu()
        return Residence(self.parts, self.device, takes_turns=True, carry=self.carry)


def _tensors(modules: Sequence[nn.Module]) -> Iterator[Tensor]:
    for module in modules:
        yield from module.parameters()
        yield from module.buffers()
