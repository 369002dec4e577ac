"""Tensors from weight files into modules. Refuses files that want to run code; knows nothing of what is drawn."""

import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from colabsd.errors import DamagedWeightsError, UnsafePickleError
from colabsd.models.folders import read_safetensors_header
from colabsd.models.pickles import read_shapes

WANTED = re.compile(r"GLOBAL ([\w.]+)")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a weight file, memory-mapped where the format allows.

    Raises: MissingWeightsError; DamagedWeightsError with the reason; UnsafePickleError for a pickle that holds more
    than tensors.
    """
    if path.suffix == ".safetensors":
        read_safetensors_header(path)
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise DamagedWeightsError(path=path, reason=error) from error
    read_shapes(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = WANTED.search(str(error))  # in PyTorch's oldest format the first pickle is not the one with the names
        if wanted is None:
            raise DamagedWeightsError(path=path, reason=_first_line(error)) from error
        raise UnsafePickleError(path=path, wants=wanted[1]) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise DamagedWeightsError(path=path, reason=_first_line(error)) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise DamagedWeightsError(path=path, reason="no tensors by name")
    return found


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def fill(
    build: Callable[[], nn.Module],
    path: Path,
    *,
    rename: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict,
    dtype: torch.dtype,
    device: str,
) -> Any:
    """The module that `build` makes, with the tensors of a file in it, each converted once; ready to be used.

    The module is built without memory; nothing is initialised only to be overwritten. Parameters that begin with one of
    the module's `unused` are left out; a module's `model` is what the file is for. Raises: as `read_tensors`, and
    DamagedWeightsError when names or shapes are not the module's.
    """
    tensors = rename(read_tensors(path))
    with torch.device("meta"):
        module = build()
    unused: tuple[str, ...] = getattr(module, "unused", ())
    needed = {name: tensor.to(device, dtype) for name, tensor in tensors.items() if not name.startswith(unused)}
    try:
        getattr(module, "model", module).load_state_dict(needed, assign=True)
    except RuntimeError as error:
        raise DamagedWeightsError(path=path, reason=" ".join(str(error).split())[:300]) from error
    return module.eval().requires_grad_(False)
