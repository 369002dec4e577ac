"""Several optimizers as one: each over groups of its own, with states, steps and gradients together. Knows no rates."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.optim import Optimizer


class SeveralOptimizers(Optimizer):
    """What a loop asks of an optimizer, done by several; parameters are counted through all of them."""

    def __init__(self, optimizers: Sequence[Optimizer]) -> None:
        self.optimizers = tuple(optimizers)
        self.defaults = {}
        self._gather()

    def _gather(self) -> None:
        """The groups are the optimizers' own, so that a rate that is changed in one is changed in the other."""
        self.param_groups = [group for one in self.optimizers for group in one.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for one in self.optimizers:
            one.zero_grad(set_to_none)

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None, "losses are computed once"
        for one in self.optimizers:
            one.step()

    def state_dict(self) -> dict[str, Any]:
        state: dict[int, Any] = {}
        groups: list[dict[str, Any]] = []
        for one in self.optimizers:
            first, told = sum(len(group["params"]) for group in groups), one.state_dict()
            state |= {first + index: values for index, values in told["state"].items()}
            groups += [
                {**group, "params": [first + index for index in group["params"]]} for group in told["param_groups"]
            ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        first, groups = 0, list(state_dict["param_groups"])
        for one in self.optimizers:
            own = [groups.pop(0) for _ in one.param_groups]
            count = sum(len(group["params"]) for group in own)
            state = {
                index - first: values for index, values in state_dict["state"].items() if first <= index < first + count
            }
            shifted = [{**group, "params": [index - first for index in group["params"]]} for group in own]
            one.load_state_dict({"state": state, "param_groups": shifted})
            first += count
        self._gather()
