"""Stable Diffusion's UNet (Rombach et al. 2022, arXiv:2112.10752), for inference, with diffusers' parameter names.

It covers Stable Diffusion 1, 2 and XL (Podell et al. 2023, arXiv:2307.01952). Why not diffusers' class: importing it
takes longer than drawing a small picture (it brings every other model of the library, transformers and torch's compiler
along), and it projects the sentence anew at every step. This one computes the same numbers. What it does not know,
`engine/networks.py` leaves to diffusers' class.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.layers import Downsample, KeysValues, ResidualBlock, Upsample
from colabsd.engine.unet_blocks import Block, SpatialTransformer, TransformerBlock
from colabsd.engine.unet_embeddings import Added, TimeEmbedding, build_added_embedding, guidance_waves, time_waves

NOTHING = Added()


@dataclass(frozen=True)
class Conditions:
    """What stays the same at every step, one row per row of the latents.

    Keys and values of each cross-attention in order; what is added to the time embedding; a guidance, projected.
    """

    attended: tuple[KeysValues, ...]
    time: Tensor | None
    guidance: Tensor | None = None


class UNet(nn.Module):
    """The UNet that a unet/config.json describes, as `networks.knows_unet` accepts it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        channels = list(config["block_out_channels"])
        time, context = 4 * channels[0], config.get("cross_attention_dim", 1280)
        groups, epsilon = config.get("norm_num_groups", 32), config.get("norm_eps", 1e-5)
        self.in_channels: int = config.get("in_channels", 4)
        self.out_channels: int = config.get("out_channels", 4)
        self.guidance_width: int | None = config.get("time_cond_proj_dim")
        self.waves, self.flip = channels[0], config.get("flip_sin_to_cos", True)
        self.freq_shift = config.get("freq_shift", 0)
        self.conv_in = nn.Conv2d(self.in_channels, channels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(channels[0], time, self.guidance_width)
        self.add_embedding = build_added_embedding(config, context, time)
        make = _BlockMaker(config, channels, time, context)
        self.down_blocks = nn.ModuleList(make.down(level) for level in range(len(channels)))
        self.mid_block = make.middle()
        self.up_blocks = nn.ModuleList(make.up(level) for level in reversed(range(len(channels))))
        self.conv_norm_out = nn.GroupNorm(groups, channels[0], epsilon)
        self.conv_out = nn.Conv2d(channels[0], self.out_channels, 3, padding=1)

    def prepare(self, embeddings: Tensor, added: Added = NOTHING) -> Conditions:
        """What stays the same at every step of sentences' embeddings (n, tokens, width)."""
        crosses = [module.attn2 for module in self.modules() if isinstance(module, TransformerBlock)]
        time = None if self.add_embedding is None else self.add_embedding(embeddings, added)
        guidance = None
        if self.time_embedding.cond_proj is not None and self.guidance_width and added.guidance is not None:
            waves = guidance_waves(added.guidance, len(embeddings), self.guidance_width, embeddings.device)
            guidance = self.time_embedding.cond_proj(waves.to(embeddings.dtype))
        return Conditions(tuple(cross.keys_values(embeddings) for cross in crosses), time, guidance)

    def forward(self, latents: Tensor, timestep: Tensor, conditions: Conditions) -> Tensor:
        """(n, in_channels, h, w), latents of variance 1 first -> the prediction (n, out_channels, h, w)."""
        return self.predict(latents, timestep, conditions)[0]

    def predict(
        self, latents: Tensor, timestep: Tensor, conditions: Conditions, inner: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The prediction, and what enters the last level from within; where that is given, only the outermost works."""
        waves = time_waves(timestep.expand(len(latents)), self.waves, self.flip, self.freq_shift)
        time = self.time_embedding(waves.to(latents.dtype), conditions.guidance)
        time = functional.silu(time if conditions.time is None else time + conditions.time)
        pairs = iter(conditions.attended)
        first, *further = self._blocks(self.down_blocks)
        *before, last = self._blocks(self.up_blocks)
        hidden = self.conv_in(latents)
        skips = [hidden]
        hidden = first.down(hidden, time, pairs, skips)
        if inner is None:
            for block in further:
                hidden = block.down(hidden, time, pairs, skips)
            hidden = self.mid_block.middle(hidden, time, pairs)
            for block in before:
                hidden = block.up(hidden, time, pairs, skips)
        else:
            hidden, skips = inner, skips[: len(last.resnets)]
            pairs = iter(conditions.attended[len(conditions.attended) - last.crosses :])
        inner = hidden
        hidden = last.up(hidden, time, pairs, skips)
        result: Tensor = self.conv_out(functional.silu(self.conv_norm_out(hidden)))
        return result, inner

    @staticmethod
    def _blocks(blocks: nn.ModuleList) -> Iterator[Block]:
        for block in blocks:
            assert isinstance(block, Block)
            yield block


class _BlockMaker:
    """Makes the levels of a UNet, each with the channels that its neighbours have."""

    def __init__(self, config: Mapping[str, Any], channels: list[int], time: int, context: int) -> None:
        self.channels, self.time, self.context = channels, time, context
        self.layers = config.get("layers_per_block", 2)
        self.groups, self.epsilon = config.get("norm_num_groups", 32), config.get("norm_eps", 1e-5)
        self.scale_shift = config.get("resnet_time_scale_shift", "default") == "scale_shift"
        self.linear = config.get("use_linear_projection", False)
        # The number of heads: the name is diffusers' old mistake.
        self.heads = self._per_level(config.get("attention_head_dim", 8))
        self.depths = self._per_level(config.get("transformer_layers_per_block", 1))
        self.down_types, self.up_types = config["down_block_types"], list(reversed(config["up_block_types"]))

    def _per_level(self, value: int | list[int]) -> list[int]:
        return [value] * len(self.channels) if isinstance(value, int) else list(value)

    def resnet(self, channels_in: int, channels: int) -> ResidualBlock:
        return ResidualBlock(channels_in, channels, self.groups, self.epsilon, self.time, self.scale_shift)

    def attention(self, level: int) -> SpatialTransformer:
        channels, heads, depth = self.channels[level], self.heads[level], self.depths[level]
        return SpatialTransformer(channels, heads, self.context, self.groups, self.linear, depth)

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
