"""Stable Diffusion 1's UNet (Rombach et al. 2022, arXiv:2112.10752), for inference, with diffusers' parameter names.

Why not diffusers' class: importing it takes longer than drawing a small picture (it brings every other model of the
library, transformers and torch's compiler along), and it projects the sentence anew at every step. This one computes
the same numbers. What it does not know, `engine/networks.py` leaves to diffusers' class.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.layers import Attention, Downsample, KeysValues, ResidualBlock, Upsample

Pairs = Iterator[KeysValues]
MAX_PERIOD = 10_000


@dataclass(frozen=True)
class Conditions:
    """A sentence prepared for every step: keys and values of each cross-attention in order, and its time embedding."""

    attended: tuple[KeysValues, ...]
    time: Tensor | None


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
    """A transformer over the places of a picture; its projections are 1x1 convolutions or linear layers."""

    def __init__(self, channels: int, heads: int, context: int, groups: int, linear: bool) -> None:
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(groups, channels, 1e-6)
        self.proj_in = nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, heads, context)])
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


class TimeEmbedding(nn.Module):
    """Two linear layers over the sines and cosines of a timestep."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, inner), nn.Linear(inner, inner)

    def forward(self, waves: Tensor) -> Tensor:
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
    """What a sentence adds to the time embedding."""

    def __init__(self, context: int, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.pool = nn.LayerNorm(context), AttentionPooling(context, heads)
        self.proj, self.norm2 = nn.Linear(context, width), nn.LayerNorm(width)

    def forward(self, embeddings: Tensor) -> Tensor:
        result: Tensor = self.norm2(self.proj(self.pool(self.norm1(embeddings))))
        return result


class UNet(nn.Module):
    """The UNet that a unet/config.json describes, as `networks.knows_unet` accepts it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = list(config["block_out_channels"])
        time, context = 4 * channels[0], config.get("cross_attention_dim", 1280)
        groups, epsilon = config.get("norm_num_groups", 32), config.get("norm_eps", 1e-5)
        self.in_channels = config.get("in_channels", 4)
        self.waves, self.flip = channels[0], config.get("flip_sin_to_cos", True)
        self.freq_shift = config.get("freq_shift", 0)
        self.conv_in = nn.Conv2d(self.in_channels, channels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(channels[0], time)
        self.add_embedding: TextTimeEmbedding | None = None
        if config.get("addition_embed_type") == "text":
            self.add_embedding = TextTimeEmbedding(context, time, config.get("addition_embed_type_num_heads", 64))
        make = _BlockMaker(config, channels, time, context)
        self.down_blocks = nn.ModuleList(make.down(level) for level in range(len(channels)))
        self.mid_block = make.middle()
        self.up_blocks = nn.ModuleList(make.up(level) for level in reversed(range(len(channels))))
        self.conv_norm_out = nn.GroupNorm(groups, channels[0], epsilon)
        self.conv_out = nn.Conv2d(channels[0], config.get("out_channels", 4), 3, padding=1)

    def prepare(self, embeddings: Tensor) -> Conditions:
        """What stays the same at every step of a sentence's embeddings (n, tokens, width)."""
        crosses = [module.attn2 for module in self.modules() if isinstance(module, TransformerBlock)]
        added = None if self.add_embedding is None else self.add_embedding(embeddings)
        return Conditions(tuple(cross.keys_values(embeddings) for cross in crosses), added)

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Conditions) -> Tensor:
        """(n, 4, h, w) latents of variance 1 at one timestep -> the prediction, of the same shape."""
        time = self.time_embedding(self._time_waves(timestep.expand(len(latents))).to(latents.dtype))
        time = functional.silu(time if conditions.time is None else time + conditions.time)
        pairs = iter(conditions.attended)
        hidden = self.conv_in(latents)
        skips = [hidden]
        for block in self._blocks(self.down_blocks):
            hidden = block.down(hidden, time, pairs, skips)
        hidden = self.mid_block.middle(hidden, time, pairs)
        for block in self._blocks(self.up_blocks):
            hidden = block.up(hidden, time, pairs, skips)
        result: Tensor = self.conv_out(functional.silu(self.conv_norm_out(hidden)))
        return result

    @staticmethod
    def _blocks(blocks: nn.ModuleList) -> Iterator[Block]:
        for block in blocks:
            assert isinstance(block, Block)
            yield block

    def _time_waves(self, timesteps: Tensor) -> Tensor:
        """Sines and cosines of timesteps (Ho et al. 2020): (n,) -> (n, first level's channels), in fp32."""
        half = self.waves // 2
        exponent = -math.log(MAX_PERIOD) * torch.arange(half, dtype=torch.float32, device=timesteps.device)
        angles = timesteps[:, None].float() * torch.exp(exponent / (half - self.freq_shift))[None, :]
        waves = (torch.cos(angles), torch.sin(angles)) if self.flip else (torch.sin(angles), torch.cos(angles))
        return torch.cat(waves, dim=-1)


class _BlockMaker:
    """Makes the levels of a UNet, each with the channels that its neighbours have."""

    def __init__(self, config: Mapping[str, Any], channels: list[int], time: int, context: int) -> None:
        self.channels, self.time, self.context = channels, time, context
        self.layers = config.get("layers_per_block", 2)
        self.groups, self.epsilon = config.get("norm_num_groups", 32), config.get("norm_eps", 1e-5)
        self.scale_shift = config.get("resnet_time_scale_shift", "default") == "scale_shift"
        self.linear = config.get("use_linear_projection", False)
        heads = config.get("attention_head_dim", 8)  # the number of heads: the name is diffusers' old mistake
        self.heads = [heads] * len(channels) if isinstance(heads, int) else list(heads)
        self.down_types, self.up_types = config["down_block_types"], list(reversed(config["up_block_types"]))

    def resnet(self, channels_in: int, channels: int) -> ResidualBlock:
        return ResidualBlock(channels_in, channels, self.groups, self.epsilon, self.time, self.scale_shift)

    def attention(self, level: int) -> SpatialTransformer:
        return SpatialTransformer(self.channels[level], self.heads[level], self.context, self.groups, self.linear)

    def down(self, level: int) -> Block:
        channels, before = self.channels[level], self.channels[max(level - 1, 0)]
        resnets = [self.resnet(channels if index else before, channels) for index in range(self.layers)]
        crossed = self.down_types[level] == "CrossAttnDownBlock2D"
        block = Block(resnets, [self.attention(level) for _ in range(self.layers if crossed else 0)])
        if level < len(self.channels) - 1:
            block.downsamplers = nn.ModuleList([Downsample(channels)])
        return block

    def middle(self) -> Block:
        channels = self.channels[-1]
        return Block([self.resnet(channels, channels) for _ in range(2)], [self.attention(len(self.channels) - 1)])

    def up(self, level: int) -> Block:
        channels, last = self.channels[level], self.layers
        below = self.channels[min(level + 1, len(self.channels) - 1)]
        skipped = [channels] * last + [self.channels[max(level - 1, 0)]]
        resnets = [self.resnet((channels if i else below) + skipped[i], channels) for i in range(last + 1)]
        crossed = self.up_types[level] == "CrossAttnUpBlock2D"
        block = Block(resnets, [self.attention(level) for _ in range(last + 1 if crossed else 0)])
        if level > 0:
            block.upsamplers = nn.ModuleList([Upsample(channels)])
        return block
