"""Textual inversion files: which words call them, and where their vectors are. Reads headers only.

Gal et al. 2022, arXiv:2208.01618. Layouts: A1111's (`string_to_param`, or one tensor `emb_params`), SDXL's (`clip_l`,
`clip_g`), and diffusers' learned_embeds (one tensor, named as the word that calls it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colabsd.errors import DamagedEmbeddingError
from colabsd.models.stored_tensors import Shape
from colabsd.models.tensor_headers import TensorHeader, read_header

A1111 = "string_to_param."
SDXL = ("clip_l", "clip_g")
NAMELESS = ("emb_params", "*")  # what a file's only tensor is called where the file's own name calls it
MOST_VECTORS = 75


@dataclass(frozen=True)
class EmbeddingFile:
    """A textual inversion, looked into: its tensors for each of a model's text encoders, and the words that call it."""

    header: TensorHeader
    tensors: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.header.path

    @property
    def widths(self) -> tuple[int, ...]:
        """The width of its vectors, for each text encoder."""
        return tuple(self.header.tensors[name].shape[-1] for name in self.tensors)


def read_embedding_file(path: Path) -> EmbeddingFile:
    """A textual inversion file. Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError;
    DamagedEmbeddingError when it is none.
    """
    header = read_header(path)
    shapes = header.shapes
    tensors = _tensors(shapes)
    if not tensors or any(len(shapes[name]) not in (1, 2) or not all(shapes[name]) for name in tensors):
        found = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in list(shapes.items())[:3])
        raise DamagedEmbeddingError(path=path, found=found or "0 tensors")
    own = tensors[0].removeprefix(A1111)
    named = () if len(tensors) > 1 or own in NAMELESS else (own,)
    return EmbeddingFile(header, tensors, tuple(dict.fromkeys((path.stem, *named))))


def _tensors(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """The names of a file's vectors, in the order of text encoders; empty when they are no textual inversion's."""
    if set(SDXL) <= set(shapes):
        return SDXL
    inside = tuple(name for name in shapes if name.startswith(A1111))
    if len(inside) == 1:
        return inside
    return tuple(shapes) if len(shapes) == 1 else ()
