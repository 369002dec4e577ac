"""Where the weights of a part come to lie: mapped from their file, or in memory that was filled from it once.

A file is mapped where nothing would be converted and nothing computes with the weights where they lie, or where they
lie as torch's own memory does: MKL adds up in another order elsewhere, and pixels must not depend on the place of a
tensor in its file. Mapped weights are private: what is written into them never reaches the file. Everything else is
read in pieces that stay in the processor's cache until they are converted, into memory that was never cleared.
"""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from colabsd.engine.tensor_files import DTYPES, TAKES, PartTensors
from colabsd.errors import DamagedWeightsError
from colabsd.models.stored_tensors import StoredTensor
from colabsd.storage.mounts import is_remote

ALIGNMENT = 64  # bytes, as torch's own memory has it
PIECE_BYTES = 4 * 2**20  # measured: no slower than 1 to 32 MiB
UNCOMPUTED = (torch.float16,)  # planning draws with it on graphics cards only; on a processor weights of it wait
PLAIN = ("whole", "matrix")  # takes that leave the bytes as they are


def place_tensors(
    tensors: PartTensors, names: Sequence[str], *, dtype: torch.dtype, device: str
) -> Iterator[tuple[str, Tensor]]:
    """The named tensors of a part on a device in a type, one after the other.

    Raises: DamagedWeightsError when the file cannot be read or ends too early.
    """
    mappable = [] if device != "cpu" else [name for name in names if _lies_well(tensors, name, dtype)]
    mapped = frozenset(() if is_remote(tensors.path) else mappable)
    read = [name for name in names if name not in mapped]
    try:
        with tensors.path.open("rb", buffering=0) as file:
            if mapped:
                # Not closed: the tensors keep it, and with it what is mapped, as long as they live.
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
                yield from ((name, _mapped(mapping, tensors, name)) for name in names if name in mapped)
            memory = _Memory(tensors, read, dtype, device)
            scratch = torch.empty(PIECE_BYTES, dtype=torch.uint8, pin_memory=device == "cuda") if read else None
            for name in read:
                if tensors.stored(name).strides is not None or tensors.part[name].take not in PLAIN:
                    yield name, tensors[name].to(device, dtype)
                    continue
                assert scratch is not None, "there is something to read"
                target = memory.of(tensors.part[name].shape)
                _read_into(file, tensors.path, tensors.stored(name), target.view(-1), scratch)
                yield name, target
    except OSError as error:
        raise DamagedWeightsError(path=tensors.path, reason=error) from error


def _lies_well(tensors: PartTensors, name: str, dtype: torch.dtype) -> bool:
    """Whether a tensor can be used where it lies in its file."""
    stored = tensors.stored(name)
    whole = stored.strides is None and tensors.part[name].take in PLAIN and stored.elements > 0
    alignment = dtype.itemsize if dtype in UNCOMPUTED else ALIGNMENT
    return whole and DTYPES[stored.dtype] == dtype and stored.start % alignment == 0


def _mapped(mapping: mmap.mmap, tensors: PartTensors, name: str) -> Tensor:
    stored = tensors.stored(name)
    flat = torch.frombuffer(mapping, dtype=DTYPES[stored.dtype], count=stored.elements, offset=stored.start)
    return TAKES[tensors.part[name].take](flat.view(stored.shape))


class _Memory:
    """Memory for tensors that are read: on a processor one block, of huge pages where the system has them."""

    def __init__(self, tensors: PartTensors, names: Sequence[str], dtype: torch.dtype, device: str) -> None:
        self.dtype, self.device = dtype, device
        self._used = 0
        plain = [tensors.part[name] for name in names if tensors.part[name].take in PLAIN]
        total = sum(_rounded(torch.Size(taken.shape).numel() * dtype.itemsize) for taken in plain)
        self._block: mmap.mmap | None = None
        if device == "cpu" and total:
            self._block = mmap.mmap(-1, total, access=mmap.ACCESS_COPY)
            if hasattr(mmap, "MADV_HUGEPAGE"):
                self._block.madvise(mmap.MADV_HUGEPAGE)

    def of(self, shape: Sequence[int]) -> Tensor:
        """The next piece, of a shape, uninitialised."""
        count = torch.Size(shape).numel()
        if self._block is None or not count:
            return torch.empty(tuple(shape), dtype=self.dtype, device=self.device)
        flat = torch.frombuffer(self._block, dtype=self.dtype, count=count, offset=self._used)
        self._used += _rounded(count * self.dtype.itemsize)
        return flat.view(tuple(shape))


def _rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _read_into(file: BinaryIO, path: Path, stored: StoredTensor, target: Tensor, scratch: Tensor) -> None:
    """One stored tensor into a flat one of any type on any device."""
    source = DTYPES[stored.dtype]
    file.seek(stored.start)
    if source == target.dtype and target.device.type == "cpu":
        _read(file, path, stored, target.view(torch.uint8))
        return
    step = len(scratch) // source.itemsize
    for first in range(0, stored.elements, step):
        piece = scratch[: min(step, stored.elements - first) * source.itemsize]
        _read(file, path, stored, piece)
        target[first : first + step].copy_(piece.view(source))


def _read(file: BinaryIO, path: Path, stored: StoredTensor, target: Tensor) -> None:
    """Fill bytes from where the file stands. Raises: DamagedWeightsError when it ends before."""
    view = target.numpy().data
    while len(view):
        read = file.readinto(view)  # type: ignore[attr-defined]  # a raw file, which may read less than was asked for
        if not read:
            reason = f"{len(target) - len(view):,} of {len(target):,} bytes at {stored.start:,}"
            raise DamagedWeightsError(path=path, reason=reason)
        view = view[read:]
