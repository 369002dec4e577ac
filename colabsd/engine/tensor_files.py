"""Tensors read from a weight file one at a time, each into memory of its own; nothing is mapped, nothing is run."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from colabsd.errors import DamagedWeightsError
from colabsd.models.single_files import Part, Take
from colabsd.models.stored_tensors import Shape, StoredTensor
from colabsd.models.tensor_headers import TensorHeader

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
TAKES: Mapping[Take, Callable[[Tensor], Tensor]] = {
    "whole": lambda stored: stored,
    "matrix": lambda stored: stored[:, :, 0, 0],
    "turned": lambda stored: stored.t().contiguous(),
    "first": lambda stored: stored.chunk(3)[0].clone(),  # a copy, so that the other two thirds can go
    "second": lambda stored: stored.chunk(3)[1].clone(),
    "third": lambda stored: stored.chunk(3)[2].clone(),
}


def read_tensor(path: Path, stored: StoredTensor) -> Tensor:
    """One tensor of a file, in the file's own type. Raises: DamagedWeightsError when the file ends before it does."""
    buffer = torch.empty(stored.span, dtype=torch.uint8)
    try:
        with path.open("rb") as file:
            file.seek(stored.start)
            read = file.readinto(buffer.numpy().data) if stored.span else 0
    except OSError as error:
        raise DamagedWeightsError(path=path, reason=error) from error
    if read != stored.span:
        raise DamagedWeightsError(path=path, reason=f"{read:,} of {stored.span:,} bytes at {stored.start:,}")
    flat = buffer.view(DTYPES[stored.dtype])
    return flat.view(stored.shape) if stored.strides is None else flat.as_strided(stored.shape, stored.strides)


class PartTensors(Mapping[str, Tensor]):
    """The tensors of one part of a model by their names, each read from the file when it is asked for."""

    def __init__(self, header: TensorHeader, part: Part) -> None:
        self.header = header
        self.part = part

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of all tensors, without reading any."""
        return {name: taken.shape for name, taken in self.part.items()}

    def stored(self, name: str) -> StoredTensor:
        """Where in the file the tensor is that this one is or is taken from."""
        return self.header.tensors[self.part[name].source]

    def __getitem__(self, name: str) -> Tensor:
        return TAKES[self.part[name].take](read_tensor(self.path, self.stored(name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.part)

    def __len__(self) -> int:
        return len(self.part)
