"""CLIP's text encoder (Radford et al. 2021, arXiv:2103.00020) as plain torch modules. Knows nothing of words.

Why not the one of transformers: importing it takes longer than drawing a small picture, and its parameters' names
changed between versions. This one computes the same numbers and takes the parameters by either set of names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional


def _quick_gelu(hidden: Tensor) -> Tensor:
    """Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2: the sigmoid approximation that CLIP was trained with."""
    return hidden * torch.sigmoid(1.702 * hidden)


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "quick_gelu": _quick_gelu,
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "silu": functional.silu,
    "relu": functional.relu,
}

Anything = TypeVar("Anything")

PROJECTION = "text_projection."
PARTS = ("embeddings.", "encoder.", "final_layer_norm.", PROJECTION)


@dataclass(frozen=True)
class Insertion:
    """Vectors (n, width) that stand for tokens `position` … `position + n - 1` of row `row`: a textual inversion."""

    row: int
    position: int
    vectors: Tensor


class Table(nn.Embedding):
    """An embedding that is not initialised: without memory that would import torch's compiler, a second's work."""

    def reset_parameters(self) -> None:
        pass


class Embeddings(nn.Module):
    """Token and position embeddings: (n, tokens) ids -> (n, tokens, width); insertions replace token embeddings."""

    def __init__(self, vocabulary: int, positions: int, width: int) -> None:
        super().__init__()
        self.token_embedding = Table(vocabulary, width)
        self.position_embedding = Table(positions, width)

    def forward(self, ids: Tensor, insertions: Sequence[Insertion] = ()) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device).expand(1, -1)
        tokens: Tensor = self.token_embedding(ids)
        for one in insertions:
            tokens[one.row, one.position : one.position + len(one.vectors)] = one.vectors.to(tokens)
        hidden: Tensor = tokens + self.position_embedding(positions)
        return hidden


class Attention(nn.Module):
    """Self-attention with several heads; where it is causal, nothing sees what comes after it."""

    def __init__(self, width: int, heads: int, causal: bool = True) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        n, tokens, width = hidden.shape
        query, key, value = (
            project(hidden).view(n, tokens, self.heads, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal and tokens > 1)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(n, tokens, width))
        return out


class Perceptron(nn.Module):
    """The two linear layers behind each attention."""

    def __init__(self, width: int, inner: int, activation: str) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.activation(self.fc1(hidden)))
        return out


class Layer(nn.Module):
    """One transformer layer, normalised before each of its halves."""

    def __init__(
        self, width: int, inner: int, heads: int, activation: str, epsilon: float, causal: bool = True
    ) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads, causal)
        self.layer_norm1 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = Perceptron(width, inner, activation)
        self.layer_norm2 = nn.LayerNorm(width, eps=epsilon)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.self_attn(self.layer_norm1(hidden))
        out: Tensor = hidden + self.mlp(self.layer_norm2(hidden))
        return out


class Encoder(nn.Module):
    """The stack of layers; a module of its own so that parameters keep their names."""

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)


class ClipTextEncoder(nn.Module):
    """The text encoder that a text_encoder/config.json describes.

    Raises: KeyError or ValueError when the configuration lacks a size or names an unknown activation.
    """

    unused: tuple[str, ...] = (PROJECTION,)  # CLIP's files may have it, and most models do not use it

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        heads, activation = config["num_attention_heads"], config.get("hidden_act", "quick_gelu")
        epsilon = config.get("layer_norm_eps", 1e-5)
        self.embeddings = Embeddings(config["vocab_size"], config.get("max_position_embeddings", 77), width)
        self.encoder = Encoder(
            [Layer(width, inner, heads, activation, epsilon) for _ in range(config["num_hidden_layers"])]
        )
        self.final_layer_norm = nn.LayerNorm(width, eps=epsilon)

    def forward(self, ids: Tensor, clip_skip: int = 1, insertions: Sequence[Insertion] = ()) -> Tensor:
        """(n, tokens) ids -> (n, tokens, width), from the `clip_skip`-th layer from the end, normalised."""
        out: Tensor = self.final_layer_norm(self.states(ids, (clip_skip,), insertions)[0])
        return out

    def states(
        self, ids: Tensor, from_the_end: Sequence[int], insertions: Sequence[Insertion] = ()
    ) -> tuple[Tensor, ...]:
        """(n, tokens) ids -> what leaves the layers so far from the end (1: the last), in that order, unnormalised."""
        hidden = self.embeddings(ids, insertions)
        layers = list(self.encoder.layers)
        found = {len(layers) + 1: hidden}
        for index, layer in enumerate(layers[: len(layers) - min(from_the_end) + 1]):
            hidden = layer(hidden)
            found[len(layers) - index] = hidden
        return tuple(found[distance] for distance in from_the_end)


class ProjectedClipTextEncoder(ClipTextEncoder):
    """A text encoder with CLIP's projection into the space that sentences share with pictures."""

    unused = ()

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.text_projection = nn.Linear(config["hidden_size"], config["projection_dim"], bias=False)

    def pooled(self, last: Tensor, ends: Tensor) -> Tensor:
        """The last layer's states (n, tokens, width) at each sentence's end (n,) -> (n, projection)."""
        rows = torch.arange(len(last), device=last.device)
        out: Tensor = self.text_projection(self.final_layer_norm(last)[rows, ends])
        return out


def with_plain_names(tensors: Mapping[str, Anything]) -> dict[str, Anything]:
    """A text encoder's tensors under the names used here: without `text_model.` and without position ids.

    transformers below 5.6, and every older file, puts `text_model.` before each name; from 5.6 on it does not.
    """
    plain = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in plain.items() if name.startswith(PARTS) and "position_ids" not in name}
