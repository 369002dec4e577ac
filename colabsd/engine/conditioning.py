"""From sentences to what steers the UNet. Knows nothing of noise or pictures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from colabsd.engine.components import Components


@dataclass(frozen=True)
class Encoded:
    """A sentence for the UNet: `embeddings` (1, tokens, width), and the end of the sentence that did not fit."""

    embeddings: Tensor
    cut: str = ""


def encode(components: Components, text: str, clip_skip: int) -> Encoded:
    """Encode one sentence into one chunk of the text encoder's length (77 tokens).

    `clip_skip` counts as A1111 does: 1 takes the last layer, 2 the one before it, normalised in either case; it is
    diffusers' `clip_skip` + 1. Unlike diffusers' pipeline, which skips for the prompt only, negative prompts go through
    here too, as they do in A1111.
    """
    tokenizer = components.tokenizer
    ids = tokenizer.ids(text)
    batch = torch.tensor([tokenizer.padded(ids)], device=components.device)
    return Encoded(components.text_encoder(batch, clip_skip), tokenizer.text(ids[tokenizer.length - 2 :]))


def cut_of(components: Components, text: str) -> str:
    """The end of a sentence that does not fit into one chunk; empty when all of it does."""
    tokenizer = components.tokenizer
    return tokenizer.text(tokenizer.ids(text)[tokenizer.length - 2 :])
