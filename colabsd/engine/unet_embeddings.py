"""What a UNet is told besides the noisy latents: the time, and what a sentence, sizes or a guidance add to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.planning.plans import Drawing

MAX_PERIOD = 10_000


@dataclass(frozen=True)
class Added:
    """What some UNets want besides the sentences' embeddings (n, tokens, width).

    `pooled` (n, p) and `sizes` (n, 6: original height and width, the crop's top and left, target height and width) are
    SDXL's (Podell et al. 2023, arXiv:2307.01952, section 2.2). `guidance` is the weight that a model with a guidance
    embedding was distilled to follow (Meng et al. 2022, arXiv:2210.03142).
    """

    pooled: Tensor | None = None
    sizes: Tensor | None = None
    guidance: float | None = None


def sizes_of(drawing: Drawing, embeddings: Tensor) -> Tensor:
    """What is told of sizes: a picture's before it was scaled, what was cut off, and that it is to have.

    A row for each row of embeddings (n, tokens, width), as SDXL wants them (Podell et al. 2023, arXiv:2307.01952).
    """
    before = drawing.original_height or drawing.height, drawing.original_width or drawing.width
    sides = [*before, drawing.crop_top, drawing.crop_left, drawing.height, drawing.width]
    return torch.tensor([sides], dtype=embeddings.dtype, device=embeddings.device).expand(len(embeddings), -1)


def time_waves(timesteps: Tensor, width: int, flip: bool, shift: float) -> Tensor:
    """Sines and cosines of timesteps (Ho et al. 2020): (n,) -> (n, width), in fp32; `flip` puts cosines first."""
    half = width // 2
    exponent = -math.log(MAX_PERIOD) * torch.arange(half, dtype=torch.float32, device=timesteps.device)
    angles = timesteps[:, None].float() * torch.exp(exponent / (half - shift))[None, :]
    waves = (torch.cos(angles), torch.sin(angles)) if flip else (torch.sin(angles), torch.cos(angles))
    return torch.cat(waves, dim=-1)


def guidance_waves(guidance: float, count: int, width: int, device: torch.device) -> Tensor:
    """The embedding of a guidance weight as consistency models know it: (count, width) in fp32, computed on the CPU.

    Sines and cosines of 1000 (w - 1), as in the code of Kingma et al. 2021 (arXiv:2107.00630).
    """
    half = width // 2
    exponent = torch.arange(half, dtype=torch.float32) * -(torch.log(torch.tensor(float(MAX_PERIOD))) / (half - 1))
    weights = torch.tensor(guidance - 1).repeat(count) * 1000.0
    angles = weights[:, None] * torch.exp(exponent)[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1).to(device)


class TimeEmbedding(nn.Module):
    """Two linear layers over the waves of a timestep; a guidance's waves are projected and added before them."""

    def __init__(self, width: int, inner: int, guidance: int | None = None) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, inner), nn.Linear(inner, inner)
        self.cond_proj = nn.Linear(guidance, width, bias=False) if guidance else None

    def forward(self, waves: Tensor, guidance: Tensor | None = None) -> Tensor:
        """(n, width), and a guidance already projected (n, width) -> (n, inner)."""
        waves = waves if guidance is None else waves + guidance
        result: Tensor = self.linear_2(functional.silu(self.linear_1(waves)))
        return result


class AttentionPooling(nn.Module):
    """A sentence's embeddings pooled by attention from their mean (as DeepFloyd IF does)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.empty(1, width))
        self.k_proj, self.q_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))

    def forward(self, embeddings: Tensor) -> Tensor:
        """(n, tokens, width) -> (n, width)."""
        first = embeddings.mean(dim=1, keepdim=True) + self.positional_embedding.to(embeddings.dtype)
        tokens = torch.cat([first, embeddings], dim=1)
        scale = 1 / math.sqrt(math.sqrt(embeddings.shape[2] // self.heads))
        query, key = self._split(self.q_proj(first)) * scale, self._split(self.k_proj(tokens)) * scale
        weight = torch.einsum("bct,bcs->bts", query, key)
        weight = torch.softmax(weight.float(), dim=-1).type(weight.dtype)
        pooled = torch.einsum("bts,bcs->bct", weight, self._split(self.v_proj(tokens)))
        return pooled.reshape(len(embeddings), -1)

    def _split(self, projected: Tensor) -> Tensor:
        """(n, tokens, width) -> (n * heads, width / heads, tokens)."""
        n, tokens, width = projected.shape
        split = projected.view(n, tokens, self.heads, width // self.heads).transpose(1, 2)
        return split.reshape(n * self.heads, tokens, -1).transpose(1, 2)


class TextTimeEmbedding(nn.Module):
    """What a sentence's embeddings add to the time embedding."""

    def __init__(self, context: int, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.pool = nn.LayerNorm(context), AttentionPooling(context, heads)
        self.proj, self.norm2 = nn.Linear(context, width), nn.LayerNorm(width)

    def forward(self, embeddings: Tensor, added: Added) -> Tensor:
        result: Tensor = self.norm2(self.proj(self.pool(self.norm1(embeddings))))
        return result


class SizeEmbedding(TimeEmbedding):
    """What SDXL's pooled sentence and sizes add to the time embedding."""

    def __init__(self, width: int, inner: int, waves: int, flip: bool, shift: float) -> None:
        super().__init__(width, inner)
        self.waves, self.flip, self.shift = waves, flip, shift

    def forward(self, embeddings: Tensor, added: Any = None) -> Tensor:
        assert added.pooled is not None and added.sizes is not None, "SDXL is told pooled sentences and sizes"
        waves = time_waves(added.sizes.flatten(), self.waves, self.flip, self.shift).reshape(len(embeddings), -1)
        return super().forward(torch.cat([added.pooled, waves], dim=-1).to(embeddings.dtype))


def build_added_embedding(config: Mapping[str, Any], context: int, time: int) -> nn.Module | None:
    """What adds to the time embedding, as a unet/config.json says: nothing, a sentence, or SDXL's sizes."""
    kind = config.get("addition_embed_type")
    if kind == "text":
        return TextTimeEmbedding(context, time, config.get("addition_embed_type_num_heads", 64))
    if kind == "text_time":
        flip, shift = config.get("flip_sin_to_cos", True), config.get("freq_shift", 0)
        width = config["projection_class_embeddings_input_dim"]
        return SizeEmbedding(width, time, config["addition_time_embed_dim"], flip, shift)
    return None
