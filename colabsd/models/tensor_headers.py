"""What is in a weight file, told by its header: names, shapes, types, places. Reads no tensor and runs nothing."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedWeightsError, MissingWeightsError, UnsupportedModelError
from colabsd.models.pickles import read_stored
from colabsd.models.stored_tensors import ITEM_BYTES, Shape, StoredTensor

PICKLED = (".ckpt", ".pt", ".pth", ".bin")
WEIGHT_FILES = (".safetensors", *PICKLED)
MAX_HEADER_BYTES = 100 * 2**20
WRAPPER = "state_dict."  # around the tensors of checkpoints that a trainer saved with its own state


@dataclass(frozen=True)
class TensorHeader:
    """What a weight file at `path` says of itself. `metadata` are the texts that a safetensors file can carry."""

    path: Path
    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The tensors' shapes by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}


def is_weight_file(path: Path) -> bool:
    """Whether a path names a file that could hold weights, by its ending."""
    return path.suffix.casefold() in WEIGHT_FILES and path.is_file()


def read_header(path: Path) -> TensorHeader:
    """Names, shapes, types and places of a file's tensors.

    Of a checkpoint that keeps them under `state_dict` only these, without that word. Raises: MissingWeightsError,
    DamagedWeightsError, UnsafePickleError, UnsupportedModelError when it is no weight file.
    """
    ending = path.suffix.casefold()
    if ending == ".safetensors":
        return _read_safetensors(path)
    if ending not in PICKLED:
        raise UnsupportedModelError("error.unsupported_file", path=path, endings=", ".join(WEIGHT_FILES))
    stored = read_stored(path)
    inner = {name.removeprefix(WRAPPER): tensor for name, tensor in stored.items() if name.startswith(WRAPPER)}
    return TensorHeader(path, inner or stored)


def _read_safetensors(path: Path) -> TensorHeader:
    """The header of a safetensors file: its length in 8 bytes, then JSON."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"a header of {length} bytes")
            header = _parsed(file.read(length))
        metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else {}
        tensors = {name: _stored(entry, 8 + length) for name, entry in header.items()}
        size = path.stat().st_size
        expected = max((tensor.start + tensor.span for tensor in tensors.values()), default=8 + length)
        if size != expected:
            raise ValueError(f"{size:,} bytes instead of {expected:,}")
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError, OverflowError) as error:
        reason = str(error) if type(error) is ValueError else repr(error)[:200]
        raise DamagedWeightsError(path=path, reason=reason) from error
    texts = metadata if isinstance(metadata, dict) else {}
    return TensorHeader(path, tensors, {str(name): str(text) for name, text in texts.items()})


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("a header of brackets in brackets") from None


def _stored(entry: Any, start: int) -> StoredTensor:
    """One entry of the header. Raises: ValueError, KeyError or TypeError when it contradicts itself."""
    first, end = entry["data_offsets"]
    tensor = StoredTensor(tuple(int(side) for side in entry["shape"]), str(entry["dtype"]), start + int(first))
    if tensor.dtype not in ITEM_BYTES:
        raise ValueError(f"numbers of the type {tensor.dtype}")
    if min((*tensor.shape, first), default=0) < 0 or tensor.span != end - first:
        raise ValueError("a tensor whose shape is not its length")
    return tensor
