"""What each kind of adapter adds to a weight: pure functions of tensors in fp32. Knows no files.

LoRA: Hu et al. 2021, arXiv:2106.09685; its convolutions with a middle are Tucker's decomposition, as LyCORIS has them
(Yeh et al. 2023, arXiv:2309.14859). LoHa: Hyeon-Woo et al. 2021, arXiv:2108.06098 (FedPara), a Hadamard product of two
products. LoKr: Edalati et al. 2022, arXiv:2212.10650 (KronA), a Kronecker product. (IA)³: Liu et al. 2022,
arXiv:2205.05638, a factor for each channel. DoRA: Liu et al. 2024, arXiv:2402.09353, what another kind makes of a
weight, scaled to learnt lengths.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from colabsd.models.lora_kinds import Kind

Tensors = Mapping[str, Tensor]
Formula = Callable[[Tensors, Tensor, int | None], Tensor]


def lora(tensors: Tensors, weight: Tensor, ranks: int | None) -> Tensor:
    """up · down, or up · mid · down; of `ranks` only the first."""
    up, down = (tensors[name].flatten(1) for name in ("up", "down"))
    up, down = up[:, :ranks], down[:ranks]
    if "mid" not in tensors:
        return up @ down
    return torch.einsum("or,rshw,si->oihw", up, tensors["mid"][:ranks, :ranks], down)


def loha(tensors: Tensors, weight: Tensor, ranks: int | None) -> Tensor:
    """(w1_a · w1_b) ∘ (w2_a · w2_b), each with a core between in Tucker's form."""
    first, second = (
        _product(tensors.get(f"t{one}"), tensors[f"w{one}_a"], tensors[f"w{one}_b"]).reshape(weight.shape)
        for one in (1, 2)
    )
    return first * second


def lokr(tensors: Tensors, weight: Tensor, ranks: int | None) -> Tensor:
    """k1 ⊗ k2, either of them whole or a product; a convolution's window is the second's alone."""
    first, second = (
        tensors[one] if one in tensors else _product(tensors.get(f"{one}_t"), tensors[f"{one}_a"], tensors[f"{one}_b"])
        for one in ("k1", "k2")
    )
    window = weight.shape[2:]
    second = second.reshape(len(second), weight.shape[1] // first.shape[1], *window)
    return torch.kron(first.reshape(*first.shape, *(1 for _ in window)), second)


def factor(tensors: Tensors, weight: Tensor, ranks: int | None) -> Tensor:
    """What the factors add: the weight's rows, or its columns where they are of the inputs, times them."""
    axis = 1 if bool(tensors["on_input"]) else 0
    return weight * _along(tensors["factor"], axis, weight)


def difference(tensors: Tensors, weight: Tensor, ranks: int | None) -> Tensor:
    """The difference itself."""
    return tensors["difference"]


FORMULAS: Mapping[Kind, Formula] = {
    "LoRA": lora,
    "LoHa": loha,
    "LoKr": lokr,
    "IA3": factor,
    "difference": difference,
}


def with_magnitude(weight: Tensor, delta: Tensor, magnitude: Tensor, axis: int) -> Tensor:
    """What DoRA adds to a weight: it and `delta` together, scaled along `axis` to lengths of `magnitude`, less itself.

    At strength 1 that is peft's fusing; at others it is a share of the way there, and at 0 nothing.
    """
    changed = weight + delta
    others = [one for one in range(weight.ndim) if one != axis]
    lengths = torch.linalg.vector_norm(changed, dim=others, keepdim=True)
    scaled: Tensor = changed * (_along(magnitude, axis, weight) / lengths)
    return scaled - weight


def _product(core: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    """left · right; with a core, left and right are along its first two axes."""
    if core is None:
        return left @ right
    return torch.einsum("rs...,ro,si->oi...", core, left, right)


def _along(values: Tensor, axis: int, weight: Tensor) -> Tensor:
    """Values for each place of one axis, in a shape that goes with the weight's."""
    shape = [1] * weight.ndim
    shape[axis] = -1
    return values.reshape(shape)
