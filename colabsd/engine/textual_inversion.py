"""Textual inversions read for a model's text encoders. Knows nothing of prompts or folders."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from colabsd.engine.tensor_files import read_tensor
from colabsd.errors import DamagedEmbeddingError
from colabsd.models.embedding_files import EmbeddingFile, read_embedding_file
from colabsd.models.tensor_headers import TensorHeader


def read_inversion(path: Path, widths: Sequence[int]) -> tuple[Tensor, ...]:
    """A file's vectors (n, width), in fp32, one tensor for each of the model's text encoders of these widths.

    Raises: DamagedEmbeddingError when it is none or made for other encoders; MissingWeightsError, DamagedWeightsError,
    UnsafePickleError.
    """
    found = read_embedding_file(path)
    check_widths(found, widths)
    return tuple(read_vectors(found.header, name) for name in found.tensors)


def check_widths(file: EmbeddingFile, widths: Sequence[int]) -> None:
    """Raises: DamagedEmbeddingError when a file's vectors are not as wide as the encoders' words."""
    if file.widths != tuple(widths):
        made_for, width = (" + ".join(map(str, each)) for each in (file.widths, widths))
        name = file.path.stem
        raise DamagedEmbeddingError("error.embedding.width", path=file.path, name=name, made_for=made_for, width=width)


def read_vectors(header: TensorHeader, name: str) -> Tensor:
    """One tensor's vectors (n, width) in fp32. Raises: DamagedEmbeddingError for numbers that are none."""
    vectors = read_tensor(header.path, header.tensors[name]).float()
    if not bool(torch.isfinite(vectors).all()):
        raise DamagedEmbeddingError(path=header.path, found=f"{name}: NaN")
    return vectors.reshape(-1, vectors.shape[-1])
