"""The kinds of adapters by their tensors: what each tensor is to its module, and whether together they fit a weight.

Knows shapes only; the formulas are in `engine/lora_formulas.py`.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from colabsd.models.stored_tensors import Shape

Kind = Literal["LoRA", "LoHa", "LoKr", "IA3", "difference"]
Shapes = Mapping[str, Shape]

# Endings of tensors' names, and what such a tensor is to its module; longer ones stand before those that they end with.
ROLES: tuple[tuple[str, str], ...] = (
    (".lora_down.weight", "down"),
    (".lora_up.weight", "up"),
    (".lora_mid.weight", "mid"),
    (".lora_linear_layer.down.weight", "down"),
    (".lora_linear_layer.up.weight", "up"),
    (".lora.down.weight", "down"),
    (".lora.up.weight", "up"),
    ("_lora.down.weight", "down"),
    ("_lora.up.weight", "up"),
    (".lora_A.weight", "down"),
    (".lora_B.weight", "up"),
    (".lora_A.default.weight", "down"),
    (".lora_B.default.weight", "up"),
    (":down", "down"),
    (":up", "up"),
    (".alpha", "alpha"),
    (".hada_w1_a", "w1_a"),
    (".hada_w1_b", "w1_b"),
    (".hada_w2_a", "w2_a"),
    (".hada_w2_b", "w2_b"),
    (".hada_t1", "t1"),
    (".hada_t2", "t2"),
    (".lokr_w1", "k1"),
    (".lokr_w1_a", "k1_a"),
    (".lokr_w1_b", "k1_b"),
    (".lokr_w2", "k2"),
    (".lokr_w2_a", "k2_a"),
    (".lokr_w2_b", "k2_b"),
    (".lokr_t2", "k2_t"),
    (".dora_scale", "magnitude"),
    (".lora_magnitude_vector", "row_magnitude"),
    (".lora_magnitude_vector.weight", "row_magnitude"),
    (".lora_magnitude_vector.default.weight", "row_magnitude"),
    (".lora_B.bias", "up_bias"),
    (".lora_up.bias", "up_bias"),
    (".diff", "difference"),
    (".w_norm", "difference"),
    (".diff_b", "bias"),
    (".b_norm", "bias"),
    (".on_input", "on_input"),
    (".weight", "factor"),
)
# Parts of names of other kinds of adapter, whose formulas are not known here.
OTHER_KINDS: Mapping[str, str] = {
    "oft_": "OFT",
    ".a1.weight": "GLoRA",
    ".b1.weight": "GLoRA",
    "lora_transformer_": "LoRA of Flux or Stable Diffusion 3",
    "transformer.": "LoRA of Flux or Stable Diffusion 3",
}


@dataclass(frozen=True)
class KindRow:
    """One kind: `marks` are roles of which any says that a module is of it, `needs` those without which it is not
    whole, `fits` whether a module's shapes make a weight of that shape, `rank` what its alpha is divided by (0: its
    alpha does not count), `width` how many inputs its weight has."""

    kind: Kind
    marks: frozenset[str]
    needs: Callable[[Collection[str]], bool]
    fits: Callable[[Shapes, Shape], bool]
    rank: Callable[[Shapes], int]
    width: Callable[[Shapes], int]


def plain(shape: Shape) -> Shape:
    """A shape without sides of 1: what is meant for a linear layer may be stored as a 1 × 1 convolution, and back."""
    return tuple(side for side in shape if side != 1)


def role_of(name: str) -> tuple[str, str] | None:
    """The module's name and the role of a tensor; None for a name of none of the endings."""
    for ending, role in ROLES:
        if name.endswith(ending):
            return name.removesuffix(ending), role
    return None


def row_of(roles: Collection[str]) -> KindRow | None:
    """The kind of a module that has tensors of these roles; None where it is none, several, or not whole.

    A difference of the bias may stand beside any kind.
    """
    rows = [row for row in KINDS if row.marks.intersection(roles)]
    if len(rows) > 1 and "difference" not in roles:
        rows = [row for row in rows if row.kind != "difference"]
    return rows[0] if len(rows) == 1 and rows[0].needs(roles) else None


def magnitude_axis(role: str, stored: Shape, wanted: Shape) -> int | None:
    """Which axis of a weight DoRA's magnitudes are along, 0 its outputs, 1 its inputs; None where they are along none.

    peft's are always along the outputs, LyCORIS's along what their shape says.
    """
    along = plain(stored) or (1,)
    if len(along) != 1 or len(wanted) < 2:
        return None
    if role == "row_magnitude" or len(stored) == 1 or (stored[0] != 1 and stored[0] == wanted[0]):
        return 0 if along[0] == wanted[0] else None
    if along[0] == wanted[1] and stored[0] == 1:
        return 1
    return 0 if math.prod(wanted[:1]) == along[0] == 1 else None


def _fits_lora(stored: Shapes, wanted: Shape) -> bool:
    """Whether up · (mid ·) down has the shape of the weight."""
    down, up = stored["down"], stored["up"]
    if len(wanted) < 2 or len(down) < 2 or len(up) < 2 or up[:1] != wanted[:1] or down[1] != wanted[1]:
        return False
    rank = down[0]
    if any(side != 1 for side in up[2:]):
        return False
    if "mid" in stored:
        mid = stored["mid"]
        return mid[:2] == (up[1], rank) and mid[2:] == wanted[2:] and all(side == 1 for side in down[2:])
    return up[1] == rank and plain(down[2:]) == plain(wanted[2:])


def _fits_loha(stored: Shapes, wanted: Shape) -> bool:
    return len(wanted) >= 2 and all(
        _factors(stored.get(f"t{one}"), stored[f"w{one}_a"], stored[f"w{one}_b"], wanted) for one in (1, 2)
    )


def _factors(core: Shape | None, left: Shape, right: Shape, wanted: Shape) -> bool:
    """Whether left · right has the shape of the weight, with a core between them in Tucker's form."""
    if len(left) != 2 or len(right) != 2:
        return False
    if core is None:
        return (left[0], right[1]) == (wanted[0], math.prod(wanted[1:])) and left[1] == right[0]
    return core[:2] == (left[0], right[0]) and core[2:] == wanted[2:] and (left[1], right[1]) == tuple(wanted[:2])


def _fits_lokr(stored: Shapes, wanted: Shape) -> bool:
    first = _outer(stored, "k1")
    second = _outer(stored, "k2")
    if first is None or second is None or len(first) != 2 or len(wanted) < 2:
        return False
    if len(second) == 2:  # its columns may hold a convolution's window too
        return first[0] * second[0] == wanted[0] and first[1] * second[1] == math.prod(wanted[1:])
    return (first[0] * second[0], first[1] * second[1]) == tuple(wanted[:2]) and plain(second[2:]) == plain(wanted[2:])


def _outer(stored: Shapes, name: str) -> Shape | None:
    """The shape of one of LoKr's two matrices, whole or as a product."""
    if name in stored:
        return stored[name]
    left, right, core = stored[f"{name}_a"], stored[f"{name}_b"], stored.get(f"{name}_t")
    if len(left) != 2 or len(right) != 2:
        return None
    if core is not None:
        return (left[1], right[1], *core[2:]) if core[:2] == (left[0], right[0]) else None
    return (left[0], right[1]) if left[1] == right[0] else None


def _width_of_lokr(stored: Shapes) -> int:
    first, second = _outer(stored, "k1"), _outer(stored, "k2")
    return first[1] * second[1] if first and second and len(first) > 1 and len(second) > 1 else 0


def _rank_of_lokr(stored: Shapes) -> int:
    """LyCORIS gives an alpha no meaning where both matrices are whole."""
    return next((stored[name][0] for name in ("k1_b", "k2_b") if stored.get(name)), 0)


def _fits_factor(stored: Shapes, wanted: Shape) -> bool:
    return math.prod(stored["factor"]) in wanted[:2]


def _side(name: str, axis: int) -> Callable[[Shapes], int]:
    return lambda stored: stored[name][axis] if len(stored[name]) > axis else 0


KINDS: tuple[KindRow, ...] = (
    KindRow(
        "LoRA",
        frozenset({"down", "up"}),
        lambda roles: {"down", "up"} <= set(roles),
        _fits_lora,
        _side("down", 0),
        _side("down", 1),
    ),
    KindRow(
        "LoHa",
        frozenset({"w1_a", "w1_b", "w2_a", "w2_b"}),
        lambda roles: {"w1_a", "w1_b", "w2_a", "w2_b"} <= set(roles) and ("t1" in roles) == ("t2" in roles),
        _fits_loha,
        _side("w1_b", 0),
        _side("w1_b", 1),
    ),
    KindRow(
        "LoKr",
        frozenset({"k1", "k1_a", "k1_b", "k2", "k2_a", "k2_b", "k2_t"}),
        lambda roles: all(one in roles or {f"{one}_a", f"{one}_b"} <= set(roles) for one in ("k1", "k2")),
        _fits_lokr,
        _rank_of_lokr,
        _width_of_lokr,
    ),
    KindRow(
        "IA3",
        frozenset({"on_input"}),
        lambda roles: {"factor", "on_input"} <= set(roles),
        _fits_factor,
        lambda stored: 0,
        lambda stored: 0,
    ),
    KindRow(
        "difference",
        frozenset({"difference", "bias"}),
        lambda roles: True,
        lambda stored, wanted: "difference" not in stored or plain(stored["difference"]) == plain(wanted),
        lambda stored: 0,
        lambda stored: stored["difference"][1] if len(stored.get("difference", ())) > 1 else 0,
    ),
)
