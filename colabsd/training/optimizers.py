"""Optimizers, and how learning rates change on the way. Knows nothing of what is learnt."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from colabsd.planning.training import LearningSchedule, OptimizerName, TrainingPlan
from colabsd.training.trainables import ParameterGroup

BETAS, EPSILON = (0.9, 0.999), 1e-8
Rows = list[dict[str, Any]]


def build_optimizer(plan: TrainingPlan, groups: Sequence[ParameterGroup]) -> torch.optim.Optimizer:
    """The plan's optimizer over all that can learn. Raises: MissingPackageError."""
    rows = [{"params": list(one.parameters), "lr": one.rate, "weight_decay": one.weight_decay} for one in groups]
    return OPTIMIZERS[plan.optimizer](rows)


def _adamw(rows: Rows) -> torch.optim.Optimizer:
    """Loshchilov & Hutter 2017, arXiv:1711.05101."""
    return torch.optim.AdamW(rows, betas=BETAS, eps=EPSILON)


OPTIMIZERS: Mapping[OptimizerName, Callable[[Rows], torch.optim.Optimizer]] = {"adamw": _adamw}


def rate_factor(plan: TrainingPlan, step: int) -> float:
    """What learning rates are multiplied by at a step (counted from 0): rising over the warm-up, then as scheduled."""
    if step < plan.warmup:
        return step / max(1, plan.warmup)
    share = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return SCHEDULES[plan.learning_schedule](share)


SCHEDULES: Mapping[LearningSchedule, Callable[[float], float]] = {
    "constant": lambda share: 1.0,
    "cosine": lambda share: max(0.0, 0.5 * (1.0 + math.cos(math.pi * share))),
    "linear": lambda share: max(0.0, 1.0 - share),
}


def use_rates(optimizer: torch.optim.Optimizer, groups: Sequence[ParameterGroup], factor: float) -> dict[str, float]:
    """Set the learning rates of a step; gives them by the groups' names."""
    rates = {}
    for row, group in zip(optimizer.param_groups, groups, strict=True):
        row["lr"] = rates[group.name] = group.rate * factor
    return rates
