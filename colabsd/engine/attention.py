"""How attention is computed: by PyTorch's kernels, the same in slices, or by xformers. Knows nothing of models."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.layers import Attend, Attention
from colabsd.errors import UsageError
from colabsd.planning.plans import Attention as Kind

SLICE_SCORES = 2**24  # scores of queries and keys at once: 32 MiB in half precision
BEFORE = "processors_before"  # where a class of diffusers keeps the ways that it came with


def sliced(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention (n, heads, tokens, width each) for a few queries at a time: each of them sees all keys, as before."""
    n, heads, tokens, _ = query.shape
    step = max(1, SLICE_SCORES // max(n * heads * keys.shape[2], 1))
    parts = (query[:, :, first : first + step] for first in range(0, tokens, step))
    return torch.cat([functional.scaled_dot_product_attention(part, keys, values) for part in parts], dim=2)


def by_xformers(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The same by xformers (Lefaudeux et al. 2022). Raises: UsageError when the library does not work here."""
    try:
        operators: Any = importlib.import_module("xformers.ops")
    except Exception as error:  # built for another torch, it fails in many ways
        raise UsageError("error.xformers", reason=repr(error)[:200]) from error
    turned = (part.transpose(1, 2).contiguous() for part in (query, keys, values))
    mixed: Tensor = operators.memory_efficient_attention(*turned)
    return mixed.transpose(1, 2)


KINDS: Mapping[Kind, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "sdpa": functional.scaled_dot_product_attention,
    "sliced": sliced,
    "xformers": by_xformers,
}


def use_attention(network: object, kind: Kind) -> None:
    """Have every attention of a network computed in a way from here on; diffusers' classes know ways of their own."""
    if not isinstance(network, nn.Module):
        return
    attend: Attend = KINDS[kind]
    for module in network.modules():
        if isinstance(module, Attention):
            module.attend = attend
        elif type(module).__name__ in ("UNet2DConditionModel", "AutoencoderKL"):
            _use_theirs(module, kind)


def _use_theirs(model: Any, kind: Kind) -> None:
    from diffusers.models.attention_processor import SlicedAttnProcessor, XFormersAttnProcessor

    before = getattr(model, BEFORE, None)
    if kind != "sdpa":
        setattr(model, BEFORE, before or dict(model.attn_processors))
        model.set_attn_processor(SlicedAttnProcessor(1) if kind == "sliced" else XFormersAttnProcessor())
    elif before is not None:
        model.set_attn_processor(dict(before))
