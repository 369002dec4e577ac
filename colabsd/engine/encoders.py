"""What the engine asks of a text encoder, and the simplest one. Knows nothing of prompts.

A model has one (Stable Diffusion 1 and 2) or several (SDXL has two): `Components.encoders`, in the order in which the
UNet wants their hidden states side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from colabsd.engine.clip import ClipTextEncoder, Insertion, ProjectedClipTextEncoder
from colabsd.engine.tokenizer import ClipTokenizer


class TextEncoder(Protocol):
    """A tokenizer and the network that reads its ids."""

    @property
    def tokenizer(self) -> ClipTokenizer: ...

    @property
    def model(self) -> ClipTextEncoder: ...

    def __call__(
        self, ids: Tensor, clip_skip: int, insertions: Sequence[Insertion] = ()
    ) -> tuple[Tensor, Tensor | None]:
        """(k, 77) ids, int64 -> hidden states (k, 77, width) and, where there is such a thing, pooled ones (k, p).

        `clip_skip` counts as A1111 does (1: the last layer); `insertions` are textual inversions' vectors.
        """
        ...


@dataclass(frozen=True)
class PlainEncoder:
    """CLIP's text encoder as Stable Diffusion 1 and 2 use it: normalised hidden states, nothing pooled."""

    tokenizer: ClipTokenizer
    model: ClipTextEncoder

    def __call__(
        self, ids: Tensor, clip_skip: int, insertions: Sequence[Insertion] = ()
    ) -> tuple[Tensor, Tensor | None]:
        return self.model(ids, clip_skip, insertions), None


@dataclass(frozen=True)
class PenultimateEncoder:
    """CLIP's text encoder as SDXL uses it: hidden states of the last layer but one, not normalised.

    Podell et al. 2023, arXiv:2307.01952, section 2.1. An encoder with a projection also gives the whole sentence's, at
    the first end token. `clip_skip` counts from there: 1 is the last layer but one, as in diffusers.
    """

    tokenizer: ClipTokenizer
    model: ClipTextEncoder

    def __call__(
        self, ids: Tensor, clip_skip: int, insertions: Sequence[Insertion] = ()
    ) -> tuple[Tensor, Tensor | None]:
        if not isinstance(self.model, ProjectedClipTextEncoder):
            return self.model.states(ids, (clip_skip + 1,), insertions)[0], None
        hidden, last = self.model.states(ids, (clip_skip + 1, 1), insertions)
        return hidden, self.model.pooled(last, (ids == self.tokenizer.end).int().argmax(dim=-1))
