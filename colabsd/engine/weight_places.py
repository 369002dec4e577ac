"""Where the weights of a part come to lie: mapped from their file, or in memory that was filled from it once.

A file is mapped where nothing would be converted and nothing computes with the weights where they lie, or where they
lie as torch's own memory does: MKL adds up in another order elsewhere, and pixels must not depend on the place of a
tensor in its file. Mapped weights are private: what is written into them never reaches the file. Everything else is
read in pieces that stay in the processor's cache until they are converted, into memory that was never cleared.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from colabsd.engine.tensor_files import DTYPES, TAKES, PartTensors
from colabsd.errors import DamagedWeightsError
from colabsd.models.stored_tensors import StoredTensor
from colabsd.storage.mounts import is_remote

ALIGNMENT = 64  # bytes, as torch's own memory has it
PIECE_BYTES = 4 * 2**20  # of what a graphics card converts; measured: no slower than 1 to 32 MiB
PIECE_ELEMENTS = 2**15  # of what a processor converts: with more, torch's threads wait for each other at every piece
SPAN_ELEMENTS = 2**20  # what a thread of ours converts in one go
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
            with _Reader(file.fileno(), tensors.path) as reader:
                for name in read:
                    if tensors.stored(name).strides is not None or tensors.part[name].take not in PLAIN:
                        yield name, tensors[name].to(device, dtype)
                        continue
                    target = memory.of(tensors.part[name].shape)
                    reader.fill(target.view(-1), tensors.stored(name))
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


class _Reader:
    """Brings stored tensors from an open file into memory of any type, on any device."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self._pool = ThreadPoolExecutor(torch.get_num_threads())
        self._pinned: Tensor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def fill(self, target: Tensor, stored: StoredTensor) -> None:
        """Fill a flat tensor. Raises: DamagedWeightsError when the file ends before."""
        if target.device.type != "cpu":
            self._through_pinned_memory(target, stored)
        elif DTYPES[stored.dtype] == target.dtype:
            self._read(target.view(torch.uint8), stored, stored.start)
        else:
            starts = range(0, stored.elements, SPAN_ELEMENTS)
            for _ in self._pool.map(lambda first: self._convert(target, stored, first), starts):
                pass

    @torch.inference_mode()  # whoever loads may be in it, and it does not reach into other threads
    def _convert(self, target: Tensor, stored: StoredTensor, start: int) -> None:
        """The span of a tensor that begins at an element."""
        source = DTYPES[stored.dtype]
        scratch = torch.empty(PIECE_ELEMENTS, dtype=source)
        stop = min(start + SPAN_ELEMENTS, stored.elements)
        for first in range(start, stop, PIECE_ELEMENTS):
            piece = scratch[: min(PIECE_ELEMENTS, stop - first)]
            self._read(piece.view(torch.uint8), stored, stored.start + first * source.itemsize)
            target[first : first + len(piece)].copy_(piece)

    def _through_pinned_memory(self, target: Tensor, stored: StoredTensor) -> None:
        source = DTYPES[stored.dtype]
        if self._pinned is None:
            self._pinned = torch.empty(PIECE_BYTES, dtype=torch.uint8, pin_memory=target.device.type == "cuda")
        step = PIECE_BYTES // source.itemsize
        for first in range(0, stored.elements, step):
            piece = self._pinned[: min(step, stored.elements - first) * source.itemsize]
            self._read(piece, stored, stored.start + first * source.itemsize)
            target[first : first + step].copy_(piece.view(source))

    def _read(self, target: Tensor, stored: StoredTensor, start: int) -> None:
        """Fill bytes from a place in the file."""
        view = target.numpy().data
        while len(view):
            read = os.preadv(self._descriptor, [view], start)
            if not read:
                reason = f"{start - stored.start:,} of {stored.span:,} bytes at {stored.start:,}"
                raise DamagedWeightsError(path=self._path, reason=reason)
            view, start = view[read:], start + read
