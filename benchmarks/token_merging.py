"""Token merging (Bolya & Hoffman 2023, arXiv:2303.17604), to be measured only: it did not hold its promise here.

Before the self-attentions of the outermost level the places that are most alike are put together, half of them; behind
it each gets what its group was given.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from colabsd.engine.unet import UNet
from colabsd.engine.unet_blocks import TransformerBlock

MERGED = 0.5  # of all places


def groups_of(hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, places, width) -> indexes of the places that stay, of those that merge, and which of the kept they join.

    One place of each square of four may be joined; those of the others that are most like one of them merge.
    """
    n, places, _ = hidden.shape
    side = int(places**0.5)
    index = torch.arange(places).view(side, side)
    joined = index[::2, ::2].reshape(-1)
    others = index.reshape(-1)[~torch.isin(index.reshape(-1), joined)]
    unit = torch.nn.functional.normalize(hidden, dim=-1)
    likeness, partner = (unit[:, others] @ unit[:, joined].transpose(1, 2)).max(dim=-1)
    order = likeness.argsort(dim=-1, descending=True)
    count = int(places * MERGED)
    merging, staying = order[:, :count], order[:, count:]
    kept = torch.cat([joined.expand(n, -1), others[staying]], dim=1)
    return kept, others[merging], partner.gather(1, merging)


def merged(attend: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """A self-attention over merged places."""

    def forward(hidden: Tensor, attended: Any = None) -> Tensor:
        if attended is not None:
            raise ValueError("sentences are not merged")
        width = hidden.shape[-1]
        kept, merging, partner = groups_of(hidden)
        wide = (-1, -1, width)
        small = hidden.gather(1, kept[..., None].expand(wide))
        small = small.scatter_reduce(
            1, partner[..., None].expand(wide), hidden.gather(1, merging[..., None].expand(wide)), "mean"
        )
        found = attend(small)
        result = torch.empty_like(hidden)
        result.scatter_(1, kept[..., None].expand(wide), found)
        result.scatter_(1, merging[..., None].expand(wide), found.gather(1, partner[..., None].expand(wide)))
        return result

    return forward


def merge_tokens(unet: UNet) -> None:
    """Have the outermost level that has attention merge places from here on."""
    levels = [block for block in (*unet.down_blocks, *unet.up_blocks) if block.crosses]
    outermost = min(block.resnets[0].conv2.out_channels for block in levels)
    for block in levels:
        if block.resnets[0].conv2.out_channels == outermost:
            for module in block.modules():
                if isinstance(module, TransformerBlock):
                    module.attn1.forward = merged(module.attn1.forward)  # type: ignore[method-assign]
