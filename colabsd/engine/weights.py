"""Tensors from weight files into modules. Knows nothing of what is drawn."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from colabsd.engine.tensor_files import PartTensors
from colabsd.engine.weight_places import place_tensors
from colabsd.errors import DamagedWeightsError

NAMED = 5  # tensors that an error's sentence names


def fill(build: Callable[[], nn.Module], tensors: PartTensors, *, dtype: torch.dtype, device: str) -> Any:
    """The module that `build` makes, with the tensors of a file in it, each converted once; ready to be used.

    The module is built without memory, and names and shapes are compared before any tensor is read. Parameters that
    begin with one of the module's `unused` are left out; a module's `model` is what the file is for. Raises:
    MissingWeightsError, and DamagedWeightsError when names or shapes are not the module's or the file is not whole.
    """
    with torch.device("meta"):
        module = build()
    unused: tuple[str, ...] = getattr(module, "unused", ())
    inner: nn.Module = getattr(module, "model", module)
    needed = [name for name in tensors if not name.startswith(unused)]
    _compare(inner, tensors, needed)
    placed = place_tensors(tensors, needed, dtype=dtype, device=device)
    inner.load_state_dict({name: _sound(tensor, tensors, name) for name, tensor in placed}, assign=True)
    return module.eval().requires_grad_(False)


def _sound(tensor: Tensor, tensors: PartTensors, name: str) -> Tensor:
    """The tensor. Raises: DamagedWeightsError for numbers that are none, in the file or in the tensor's type."""
    if not _is_finite(tensor):
        raise DamagedWeightsError("error.weights.numbers", path=tensors.path, name=name, dtype=str(tensor.dtype)[6:])
    return tensor


def _is_finite(tensor: Tensor) -> bool:
    """Whether all numbers are numbers. A finite sum says so in one look; one that is not may only be too large."""
    return bool(tensor.sum().isfinite()) or all(bool(end.isfinite()) for end in torch.aminmax(tensor))


def _compare(module: nn.Module, tensors: PartTensors, names: list[str]) -> None:
    """Raises: DamagedWeightsError when the file lacks a tensor, has one too many or one of another shape."""
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    shapes = tensors.shapes
    wrong = {
        "missing": [name for name in wanted if name not in shapes],
        "unexpected": [name for name in names if name not in wanted],
        "of another shape": [name for name in names if name in wanted and shapes[name] != wanted[name]],
    }
    found = [f"{kind}: {', '.join(some[:NAMED])} ({len(some)})" for kind, some in wrong.items() if some]
    if found:
        raise DamagedWeightsError(path=tensors.path, reason="; ".join(found))
