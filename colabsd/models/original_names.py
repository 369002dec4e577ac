"""The names of tensors in single files (CompVis's layout, which A1111 and CivitAI use) and in diffusers' folders.

One table of pairs per network, made from how many levels and layers it has; each is a bijection, so that a name goes
there and back. Knows names only: no file, no tensor.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

Pair = tuple[str, str]

# What is inside a residual block: original, diffusers.
RESIDUAL: tuple[Pair, ...] = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)
UNET_ENDS: tuple[Pair, ...] = (
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("time_embed.cond_proj", "time_embedding.cond_proj"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
)
PICTURE_ATTENTION: tuple[Pair, ...] = (
    ("norm", "group_norm"),
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("proj_out", "to_out.0"),
)
OPEN_CLIP_ENDS: tuple[Pair, ...] = (
    ("token_embedding", "embeddings.token_embedding"),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("ln_final", "final_layer_norm"),
    ("text_projection", "text_projection.weight"),
)
OPEN_CLIP_LAYER: tuple[Pair, ...] = (
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("attn.out_proj", "self_attn.out_proj"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
)
FUSED = ("q_proj", "k_proj", "v_proj")  # in this order in OpenCLIP's attn.in_proj_weight and in_proj_bias


class NameTable:
    """Pairs of prefixes, original and diffusers, that translate whole names in either direction."""

    def __init__(self, pairs: Collection[Pair]) -> None:
        self.forward = dict(pairs)
        self.backward = {new: old for old, new in pairs}
        assert len(self.forward) == len(self.backward) == len(pairs), "a name table is a bijection"

    def to_diffusers(self, name: str) -> str | None:
        """The name in diffusers' layout; None when the table has no such module."""
        return _translate(name, self.forward)

    def to_original(self, name: str) -> str | None:
        """The name in the original layout; None when the table has no such module."""
        return _translate(name, self.backward)


def _translate(name: str, table: Mapping[str, str]) -> str | None:
    """The name with its longest known beginning replaced; beginnings end at dots."""
    head, tail = name, ""
    while head:
        if head in table:
            return table[head] + tail
        head, dot, last = head.rpartition(".")
        tail = dot + last + tail
    return None


@dataclass(frozen=True)
class UNetStructure:
    """What a UNet's names tell: levels of resolution, residual blocks per level, levels that attend to the sentence."""

    levels: int
    layers: int
    crossed: frozenset[int]

    @cached_property
    def names(self) -> NameTable:
        """The table of this UNet's modules."""
        return NameTable([*UNET_ENDS, *self._down(), *self._middle(), *self._up()])

    def _down(self) -> Iterator[Pair]:
        """`input_blocks` counts through all levels: the first convolution, then each level's blocks and its halving."""
        for level in range(self.levels):
            first = 1 + level * (self.layers + 1)
            for layer in range(self.layers):
                yield from _residual(f"input_blocks.{first + layer}.0", f"down_blocks.{level}.resnets.{layer}")
                if level in self.crossed:
                    yield f"input_blocks.{first + layer}.1", f"down_blocks.{level}.attentions.{layer}"
            if level < self.levels - 1:
                halving = f"input_blocks.{first + self.layers}.0.op"
                yield halving, f"down_blocks.{level}.downsamplers.0.conv"

    def _middle(self) -> Iterator[Pair]:
        yield from _residual("middle_block.0", "mid_block.resnets.0")
        yield "middle_block.1", "mid_block.attentions.0"
        yield from _residual("middle_block.2", "mid_block.resnets.1")

    def _up(self) -> Iterator[Pair]:
        """`output_blocks` counts from the deepest level up; the doubling of size is in each level's last block."""
        for block in range(self.levels):
            level = self.levels - 1 - block
            first = block * (self.layers + 1)
            for layer in range(self.layers + 1):
                yield from _residual(f"output_blocks.{first + layer}.0", f"up_blocks.{block}.resnets.{layer}")
                if level in self.crossed:
                    yield f"output_blocks.{first + layer}.1", f"up_blocks.{block}.attentions.{layer}"
            if level > 0:
                place = 2 if level in self.crossed else 1
                doubling = f"output_blocks.{first + self.layers}.{place}.conv"
                yield doubling, f"up_blocks.{block}.upsamplers.0.conv"


def _residual(old: str, new: str) -> Iterator[Pair]:
    yield from ((f"{old}.{inner_old}", f"{new}.{inner_new}") for inner_old, inner_new in RESIDUAL)


def read_unet_structure(names: Collection[str]) -> UNetStructure | None:
    """The structure that original names (`input_blocks.1.0…`) tell; None when they are no such UNet's."""
    halvings = _numbers(r"input_blocks\.(\d+)\.0\.op\.", names)
    inputs = _numbers(r"input_blocks\.(\d+)\.0\.in_layers\.0\.", names)
    if not inputs:
        return None
    levels = len(halvings) + 1
    layers, rest = divmod(len(inputs), levels)
    if rest or len(_numbers(r"output_blocks\.(\d+)\.0\.in_layers\.0\.", names)) != levels * (layers + 1):
        return None
    attended = _numbers(r"input_blocks\.(\d+)\.1\.", names)
    return UNetStructure(levels, layers, frozenset((index - 1) // (layers + 1) for index in attended))


def read_diffusers_unet_structure(names: Collection[str]) -> UNetStructure | None:
    """The structure that diffusers' names (`down_blocks.0.resnets.0…`) tell; None when they are no such UNet's."""
    levels = _numbers(r"down_blocks\.(\d+)\.resnets\.", names)
    layers = _numbers(r"down_blocks\.0\.resnets\.(\d+)\.", names)
    if not levels or not layers:
        return None
    return UNetStructure(len(levels), len(layers), frozenset(_numbers(r"down_blocks\.(\d+)\.attentions\.", names)))


@dataclass(frozen=True)
class AutoencoderStructure:
    """What an autoencoder's names tell: levels of resolution, and the encoder's residual blocks per level."""

    levels: int
    layers: int

    @cached_property
    def names(self) -> NameTable:
        """The table of this autoencoder's modules."""
        return NameTable([*self._half("encoder", "down", self.layers), *self._half("decoder", "up", self.layers + 1)])

    def _half(self, half: str, way: str, layers: int) -> Iterator[Pair]:
        quant = "quant_conv" if half == "encoder" else "post_quant_conv"
        yield quant, quant
        for end in ("conv_in", "conv_out"):
            yield f"{half}.{end}", f"{half}.{end}"
        yield f"{half}.norm_out", f"{half}.conv_norm_out"
        for block in (1, 2):
            yield from _shortcut_block(f"{half}.mid.block_{block}", f"{half}.mid_block.resnets.{block - 1}")
        for old, new in PICTURE_ATTENTION:
            yield f"{half}.mid.attn_1.{old}", f"{half}.mid_block.attentions.0.{new}"
        change = "downsample" if way == "down" else "upsample"
        for block in range(self.levels):
            level = block if way == "down" else self.levels - 1 - block
            for layer in range(layers):
                old = f"{half}.{way}.{level}.block.{layer}"
                yield from _shortcut_block(old, f"{half}.{way}_blocks.{block}.resnets.{layer}")
            if block < self.levels - 1:
                yield f"{half}.{way}.{level}.{change}.conv", f"{half}.{way}_blocks.{block}.{change}rs.0.conv"


def _shortcut_block(old: str, new: str) -> Iterator[Pair]:
    """A residual block of the autoencoder: only its shortcut has another name."""
    for name in ("norm1", "conv1", "norm2", "conv2"):
        yield f"{old}.{name}", f"{new}.{name}"
    yield f"{old}.nin_shortcut", f"{new}.conv_shortcut"


def read_autoencoder_structure(names: Collection[str]) -> AutoencoderStructure | None:
    """The structure that original names (`decoder.up.0.block.0…`) tell; None when they are no such autoencoder's."""
    levels = _numbers(r"decoder\.up\.(\d+)\.block\.", names)
    layers = _numbers(r"decoder\.up\.0\.block\.(\d+)\.", names)
    return AutoencoderStructure(len(levels), len(layers) - 1) if levels and layers else None


def read_diffusers_autoencoder_structure(names: Collection[str]) -> AutoencoderStructure | None:
    """The structure that diffusers' names (`decoder.up_blocks.0.resnets.0…`) tell; None when there is none."""
    levels = _numbers(r"decoder\.up_blocks\.(\d+)\.resnets\.", names)
    layers = _numbers(r"decoder\.up_blocks\.0\.resnets\.(\d+)\.", names)
    return AutoencoderStructure(len(levels), len(layers) - 1) if levels and layers else None


@dataclass(frozen=True)
class OpenClipStructure:
    """OpenCLIP's text encoder: how many layers. Its queries, keys and values are fused, see `FUSED`."""

    layers: int

    @cached_property
    def names(self) -> NameTable:
        """The table of this text encoder's modules, without the fused ones."""
        pairs = [*OPEN_CLIP_ENDS]
        for layer in range(self.layers):
            old, new = f"transformer.resblocks.{layer}", f"encoder.layers.{layer}"
            pairs += [(f"{old}.{inner_old}", f"{new}.{inner_new}") for inner_old, inner_new in OPEN_CLIP_LAYER]
        return NameTable(pairs)

    def fused(self) -> Iterator[tuple[str, tuple[str, str, str]]]:
        """Each fused tensor with the three that it becomes, in order."""
        for layer in range(self.layers):
            for kind in ("weight", "bias"):
                attention = f"encoder.layers.{layer}.self_attn"
                query, key, value = (f"{attention}.{projection}.{kind}" for projection in FUSED)
                yield f"transformer.resblocks.{layer}.attn.in_proj_{kind}", (query, key, value)


def read_open_clip_structure(names: Collection[str]) -> OpenClipStructure | None:
    """The structure that original names (`transformer.resblocks.0…`) tell; None when they are no OpenCLIP's."""
    layers = _numbers(r"transformer\.resblocks\.(\d+)\.", names)
    return OpenClipStructure(len(layers)) if layers else None


def read_diffusers_text_structure(names: Collection[str]) -> OpenClipStructure | None:
    """The structure that transformers' names (`encoder.layers.0…`) tell; None when they are no text encoder's."""
    layers = _numbers(r"encoder\.layers\.(\d+)\.", names)
    return OpenClipStructure(len(layers)) if layers else None


def _numbers(pattern: str, names: Collection[str]) -> set[int]:
    """The numbers that a pattern finds at the beginning of names."""
    matches = (re.match(pattern, name) for name in names)
    return {int(match[1]) for match in matches if match}
