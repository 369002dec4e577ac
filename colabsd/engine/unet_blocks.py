"""The levels of a Stable Diffusion UNet: residual blocks with transformers over the places behind them."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.layers import Attention, KeysValues, ResidualBlock

Pairs = Iterator[KeysValues]


class GatedLinear(nn.Module):
    """GEGLU (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden, gate = self.proj(hidden).chunk(2, dim=-1)
        return hidden * functional.gelu(gate)


class FeedForward(nn.Module):
    """The two linear layers behind the attentions; index 1 is the dropout of training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([GatedLinear(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.net[2](self.net[0](hidden))
        return result


class TransformerBlock(nn.Module):
    """Self-attention, attention to the sentence, feed-forward, each on normalised input with a shortcut."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, heads, context)
        self.norm3, self.ff = nn.LayerNorm(width), FeedForward(width)

    def forward(self, hidden: Tensor, attended: KeysValues) -> Tensor:
        hidden = self.attn1(self.norm1(hidden)) + hidden
        hidden = self.attn2(self.norm2(hidden), attended) + hidden
        result: Tensor = self.ff(self.norm3(hidden)) + hidden
        return result


class SpatialTransformer(nn.Module):
    """A transformer over the places of a picture, `depth` blocks; its projections are 1x1 convolutions or linear."""

    def __init__(self, channels: int, heads: int, context: int, groups: int, linear: bool, depth: int = 1) -> None:
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(groups, channels, 1e-6)
        self.proj_in = nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList(TransformerBlock(channels, heads, context) for _ in range(depth))
        self.proj_out = nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)

    def forward(self, picture: Tensor, pairs: Pairs) -> Tensor:
        n, channels, height, width = picture.shape
        hidden = self.norm(picture)
        if not self.linear:
            hidden = self.proj_in(hidden)
        hidden = hidden.permute(0, 2, 3, 1).reshape(n, height * width, channels)
        if self.linear:
            hidden = self.proj_in(hidden)
        for block in self.transformer_blocks:
            hidden = block(hidden, next(pairs))
        if self.linear:
            hidden = self.proj_out(hidden)
        hidden = hidden.reshape(n, height, width, channels).permute(0, 3, 1, 2).contiguous()
        if not self.linear:
            hidden = self.proj_out(hidden)
        result: Tensor = hidden + picture
        return result


class Block(nn.Module):
    """One level of the UNet: residual blocks, transformers behind them where there is attention, a change of size."""

    def __init__(self, resnets: list[ResidualBlock], attentions: list[SpatialTransformer]) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        self.attentions = nn.ModuleList(attentions)
        self.downsamplers: nn.ModuleList | None = None
        self.upsamplers: nn.ModuleList | None = None

    @property
    def crosses(self) -> int:
        """How many attentions to the sentence there are."""
        return sum(isinstance(module, TransformerBlock) for module in self.modules())

    def down(self, hidden: Tensor, time: Tensor, pairs: Pairs, skips: list[Tensor]) -> Tensor:
        """Appends what the way up needs to `skips`."""
        for index, resnet in enumerate(self.resnets):
            hidden = resnet(hidden, time)
            if len(self.attentions):
                hidden = self.attentions[index](hidden, pairs)
            skips.append(hidden)
        if self.downsamplers is not None:
            hidden = self.downsamplers[0](hidden)
            skips.append(hidden)
        return hidden

    def middle(self, hidden: Tensor, time: Tensor, pairs: Pairs) -> Tensor:
        hidden = self.resnets[0](hidden, time)
        for index, attention in enumerate(self.attentions):
            hidden = self.resnets[index + 1](attention(hidden, pairs), time)
        return hidden

    def up(self, hidden: Tensor, time: Tensor, pairs: Pairs, skips: list[Tensor]) -> Tensor:
        """Takes what the way down appended from the end of `skips`."""
        for index, resnet in enumerate(self.resnets):
            hidden = resnet(torch.cat([hidden, skips.pop()], dim=1), time)
            if len(self.attentions):
                hidden = self.attentions[index](hidden, pairs)
        if self.upsamplers is not None:
            hidden = self.upsamplers[0](hidden)
        return hidden
