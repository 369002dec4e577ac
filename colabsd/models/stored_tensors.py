"""Where a tensor lies in a weight file: its shape, its type and the place of its bytes. Reads nothing itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]

# Bytes per element, by the names that safetensors gives to types.
ITEM_BYTES: Mapping[str, int] = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file: `start` is the place of its first element in bytes from the file's beginning.

    `strides` are in elements; None means rows one after the other, as safetensors always has them.
    """

    shape: Shape
    dtype: str
    start: int
    strides: Shape | None = None

    @property
    def elements(self) -> int:
        """How many numbers the tensor has."""
        return math.prod(self.shape)

    @property
    def span(self) -> int:
        """Bytes from its first element to the end of its last."""
        if self.strides is None:
            return self.elements * ITEM_BYTES[self.dtype]
        if not self.elements:
            return 0
        last = sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))
        return (last + 1) * ITEM_BYTES[self.dtype]
