"""An optimizer's state as tensors and plain facts, and back, for any optimizer of torch's interface."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from colabsd.errors import CheckpointError

PREFIX = "optimizer."


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Its state's tensors by `optimizer.<parameter>.<name>`, and everything else as data for JSON."""
    told = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    facts: dict[str, Any] = {"state": {}, "groups": []}
    for index, values in told["state"].items():
        tensors |= {f"{PREFIX}{index}.{name}": value for name, value in _tensors(values).items()}
        facts["state"][str(index)] = _plain(values)
    for number, group in enumerate(told["param_groups"]):
        tensors |= {f"{PREFIX}group.{number}.{name}": value for name, value in _tensors(group).items()}
        facts["groups"].append({name: value for name, value in _plain(group).items() if name != "params"})
    return tensors, facts


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Give an optimizer over the same parameters the state that `pack_optimizer` told. Raises: CheckpointError."""
    told = optimizer.state_dict()
    if len(told["param_groups"]) != len(facts["groups"]):
        raise CheckpointError("error.checkpoint.other", name="optimizer")
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in facts["state"].items()}
    groups = [{**group, **_tupled(found)} for group, found in zip(told["param_groups"], facts["groups"], strict=True)]
    for name, tensor in tensors.items():
        if not name.startswith(PREFIX):
            continue
        place, _, own = name.removeprefix(PREFIX).rpartition(".")
        where = groups[int(place.removeprefix("group."))] if place.startswith("group.") else state[int(place)]
        where[own] = tensor
    optimizer.load_state_dict({"state": {index: _tupled(one) for index, one in state.items()}, "param_groups": groups})


def _tensors(values: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, Tensor)}


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows lists where optimizers have pairs."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
