"""Tensors as the bytes of a safetensors file: for equal tensors and texts equal bytes. Knows no files."""

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.tensor_files import DTYPES

NAMES = {dtype: name for name, dtype in DTYPES.items()}
ALIGNMENT = 8  # of the header, as safetensors wants it


def to_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The file's bytes. (The library of that name writes the texts in another order each time.)

    Large types stand first, so that every tensor lies where its type may lie; then names in order.
    """
    header: dict[str, Any] = {"__metadata__": {name: metadata[name] for name in sorted(metadata)}}
    pieces: list[bytes] = []
    end = 0
    for name in _ordered(tensors):
        piece = _bytes_of(tensors[name])
        begin, end = end, end + len(piece)
        shape = list(tensors[name].shape)
        header[name] = {"dtype": NAMES[tensors[name].dtype], "shape": shape, "data_offsets": [begin, end]}
        pieces.append(piece)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return b"".join((struct.pack("<Q", len(text)), text, *pieces))


def content_digest(tensors: Mapping[str, Tensor]) -> str:
    """The sha256 of all that stands behind the header: what A1111 and others know a LoRA by (`sshs_model_hash`)."""
    digest = hashlib.sha256()
    for name in _ordered(tensors):
        digest.update(_bytes_of(tensors[name]))
    return digest.hexdigest()


def _ordered(tensors: Mapping[str, Tensor]) -> list[str]:
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def _bytes_of(tensor: Tensor) -> bytes:
    return bytes(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
