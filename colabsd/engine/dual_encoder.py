"""A small dual encoder as CLIP is one (Radford et al. 2021, arXiv:2103.00020): pictures and sentences in one space.

Plain torch modules; knows nothing of files, words or how it was trained.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class DualEncoderShape:
    """How large it is. Pictures come as (n, 3, side, side), sentences as at most `tokens` ids with `padding` behind.

    `channels` are those of the picture's levels: a quarter of the side, an eighth, a sixteenth.
    """

    side: int = 64
    channels: tuple[int, ...] = (64, 128, 192)
    stem: int = 32
    groups: int = 8
    vocabulary: int
    padding: int
    tokens: int = 40
    width: int = 128
    layers: int = 2
    heads: int = 4
    dimensions: int = 128


class Residual(nn.Module):
    """Two convolutions beside the identity (He et al. 2016, arXiv:1603.05027), halving the side where asked."""

    def __init__(self, channels: int, out: int, groups: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1)
        self.norm2 = nn.GroupNorm(groups, out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()
        self.stride = stride

    def forward(self, hidden: Tensor) -> Tensor:
        beside = functional.avg_pool2d(hidden, self.stride) if self.stride > 1 else hidden
        inner = self.conv1(functional.relu(self.norm1(hidden)))
        inner = self.conv2(functional.relu(self.norm2(inner)))
        result: Tensor = self.skip(beside) + inner
        return result


class PictureEncoder(nn.Module):
    """(n, 3, side, side) in [-1, 1] -> what the picture says, and what its subject looks like, each (n, dimensions)."""

    def __init__(self, shape: DualEncoderShape) -> None:
        super().__init__()
        first, last = shape.channels[0], shape.channels[-1]
        self.conv_in = nn.Conv2d(3, shape.stem, 5, 2, 2)
        self.conv_down = nn.Conv2d(shape.stem, first, 3, 2, 1)
        levels = zip((first, *shape.channels), shape.channels, strict=False)
        blocks = [
            Residual(before, after, shape.groups, 1 if level == 0 else 2)
            for level, (before, after) in enumerate(levels)
        ]
        self.blocks = nn.Sequential(*blocks, Residual(last, last, shape.groups, 1))
        self.norm = nn.GroupNorm(shape.groups, last)
        self.meaning = nn.Linear(2 * last, shape.dimensions)
        self.subject = nn.Linear(2 * last, shape.dimensions)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.conv_down(functional.relu(self.conv_in(pictures)))
        hidden = functional.relu(self.norm(self.blocks(hidden)))
        pooled = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], 1)
        return self.meaning(pooled), self.subject(pooled)


class TextLayer(nn.Module):
    """One transformer layer with the norms before (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        rows, length, width = hidden.shape
        parts = self.attention(self.norm1(hidden)).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = hidden + self.out(seen.transpose(1, 2).reshape(rows, length, width))
        result: Tensor = hidden + self.narrow(functional.gelu(self.wide(self.norm2(hidden))))
        return result


class SentenceEncoder(nn.Module):
    """(n, length) ids, one padding id behind the last word at least -> (n, dimensions)."""

    def __init__(self, shape: DualEncoderShape) -> None:
        super().__init__()
        self.padding = shape.padding
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position_embedding = nn.Parameter(torch.randn(shape.tokens, shape.width) * 0.02)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(TextLayer(shape.width, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.meaning = nn.Linear(shape.width, shape.dimensions)

    def forward(self, ids: Tensor) -> Tensor:
        # The first padding is the sentence's end and is read, so that the empty sentence has something to say.
        said = torch.cat([torch.ones_like(ids[:, :1], dtype=torch.bool), ids[:, :-1] != self.padding], 1)
        hidden = self.embedding(ids) + self.position_embedding[: ids.shape[1]]
        for layer in self.layers:
            hidden = layer(hidden, said[:, None, None, :])
        share = said[..., None].to(hidden.dtype)
        pooled = (self.norm(hidden) * share).sum(1) / share.sum(1)
        result: Tensor = self.meaning(pooled)
        return result


class DualEncoder(nn.Module):
    """Both encoders. What comes out of them is not of length 1 yet."""

    def __init__(self, shape: DualEncoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.pictures = PictureEncoder(shape)
        self.sentences = SentenceEncoder(shape)
