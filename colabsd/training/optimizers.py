"""Optimizers, and how learning rates change on the way. Knows nothing of what is learnt."""

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from colabsd.errors import MissingPackageError
from colabsd.planning.training import LearningSchedule, OptimizerName, TrainingPlan
from colabsd.training.several_optimizers import SeveralOptimizers
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


def _adamw8bit(rows: Rows) -> torch.optim.Optimizer:
    """AdamW whose state is kept in 8 bits: Dettmers et al. 2021, arXiv:2110.02861."""
    made: Any = _from_package("bitsandbytes", "bitsandbytes.optim").AdamW8bit
    found: torch.optim.Optimizer = made(rows, betas=BETAS, eps=EPSILON)
    return found


def _adafactor(rows: Rows) -> torch.optim.Optimizer:
    """Shazeer & Stern 2018, arXiv:1804.04235: of the squares of gradients only the sums of rows and columns are kept.

    torch's multiplies rates by the size of what is changed, at least the second epsilon: with 1 there a rate is a rate,
    also for matrices that begin as zero. One parameter after the other, because together they take twice the memory.
    """
    return torch.optim.Adafactor(rows, eps=(None, 1.0), foreach=False)


def _prodigy(rows: Rows) -> torch.optim.Optimizer:
    """Mishchenko & Defazio 2023, arXiv:2306.06101, as its authors advise for diffusion models: rate 1, Adam's bias
    corrected, safe while rates warm up. It finds one size of steps for all that it is given, so each group has its own.
    """
    made: Any = _from_package("prodigyopt", "prodigyopt").Prodigy
    facts: dict[str, Any] = {"betas": BETAS, "eps": EPSILON, "use_bias_correction": True, "safeguard_warmup": True}
    return SeveralOptimizers([made([row], **facts) for row in rows])


def _from_package(package: str, module: str) -> Any:
    """A module of a package that not everybody has. Raises: MissingPackageError."""
    try:
        return importlib.import_module(module)
    except Exception as error:  # built for another torch or another graphics card, it fails in many ways
        raise MissingPackageError(name=package, command=f"pip install {package}") from error


OPTIMIZERS: Mapping[OptimizerName, Callable[[Rows], torch.optim.Optimizer]] = {
    "adamw": _adamw,
    "adamw8bit": _adamw8bit,
    "adafactor": _adafactor,
    "prodigy": _prodigy,
}


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
