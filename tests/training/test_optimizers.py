"""Optimizers: each of the table does what it promises, and its state goes through a file and back exactly."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
import torch
from torch import nn
from training_results import check_stopped_resume
from training_runs import check_exact_resume, small_plan

from colabsd.errors import MissingPackageError
from colabsd.models.cards import ModelCard
from colabsd.planning.training import OptimizerName
from colabsd.training.optimizer_state import pack_optimizer, unpack_optimizer
from colabsd.training.optimizers import OPTIMIZERS
from colabsd.training.several_optimizers import SeveralOptimizers

HERE: tuple[OptimizerName, ...] = ("adamw", "adafactor", "prodigy")


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [
        nn.Parameter(torch.zeros(6, 4)),
        nn.Parameter(torch.randn(5, 3, generator=generator)),
        nn.Parameter(torch.ones(4)),
    ]


def rows(these: Sequence[nn.Parameter], rates: Sequence[float] = (1.0, 1.0)) -> list[dict[str, Any]]:
    first, second = rates
    return [
        {"params": list(these[:2]), "lr": first, "weight_decay": 0.01},
        {"params": list(these[2:]), "lr": second, "weight_decay": 0.0},
    ]


def step(optimizer: torch.optim.Optimizer, these: Sequence[nn.Parameter], count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        generator = torch.Generator().manual_seed(number)
        for one in these:
            one.grad = torch.randn(one.shape, generator=generator)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def test_every_optimizer_that_can_be_asked_for_is_there() -> None:
    assert set(OPTIMIZERS) == set(get_args(OptimizerName))


@pytest.mark.parametrize("name", HERE)
def test_its_state_goes_through_json_and_tensors_exactly(name: OptimizerName) -> None:
    """Seven steps, the state as a checkpoint has it, five more by another optimizer: as twelve without a break."""
    whole, broken = parameters(), parameters()
    step(OPTIMIZERS[name](rows(whole)), whole, 12)
    first = OPTIMIZERS[name](rows(broken))
    step(first, broken, 7)
    tensors, facts = pack_optimizer(first)
    again = [nn.Parameter(one.detach().clone()) for one in broken]
    second = OPTIMIZERS[name](rows(again))
    unpack_optimizer(second, {key: tensor.clone() for key, tensor in tensors.items()}, json.loads(json.dumps(facts)))
    step(second, again, 5, first=7)
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))


def test_adafactor_s_rate_is_a_rate() -> None:
    """A matrix that begins as zero moves by about the rate at the first step, as with AdamW; by itself it would not."""
    (matrix,) = [nn.Parameter(torch.zeros(8, 8))]
    optimizer = OPTIMIZERS["adafactor"]([{"params": [matrix], "lr": 1e-3, "weight_decay": 0.0}])
    step(optimizer, [matrix], 1)
    assert float(matrix.detach().square().mean().sqrt()) == pytest.approx(1e-3, rel=0.1)  # clipped at 1, so at most


def test_prodigy_finds_a_size_of_steps_for_each_group() -> None:
    """Groups may have rates of their own, and what one learns does not move the other; rates are seen by both."""
    these = parameters()
    optimizer = OPTIMIZERS["prodigy"](rows(these, (1.0, 0.5)))
    assert isinstance(optimizer, SeveralOptimizers)
    for _ in range(60):  # always the same way, so that steps should become larger
        for index, one in enumerate(these):
            one.grad = torch.full(one.shape, 0.1 * (index + 1))
        optimizer.step()
    sizes = [group["d"] for group in optimizer.param_groups]
    assert sizes[0] != sizes[1] and all(size > 1e-6 for size in sizes)
    optimizer.param_groups[1]["lr"] = 0.0
    before = these[2].detach().clone()
    step(optimizer, these, 1)
    assert torch.equal(before, these[2])


def test_prodigy_leaves_what_has_no_gradient() -> None:
    these = parameters()
    optimizer = OPTIMIZERS["prodigy"](rows(these))
    step(optimizer, these[:2], 3)
    assert torch.equal(these[2], torch.ones(4))


def test_without_bitsandbytes_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(MissingPackageError) as caught:
        OPTIMIZERS["adamw8bit"](rows(parameters()))
    assert "pip install bitsandbytes" in str(caught.value)


def test_with_bitsandbytes_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        AdamW8bit = torch.optim.AdamW

    monkeypatch.setitem(sys.modules, "bitsandbytes", Module)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", Module)
    these = parameters()
    step(OPTIMIZERS["adamw8bit"](rows(these)), these, 1)
    assert not torch.equal(these[2], torch.ones(4))


@pytest.mark.integration
@pytest.mark.parametrize("check", [check_stopped_resume, pytest.param(check_exact_resume, marks=pytest.mark.slow)])
@pytest.mark.parametrize("optimizer", ["adafactor", "prodigy"])
def test_lora_with_it_goes_on_exactly(
    small_card: ModelCard, optimizer: OptimizerName, check: Callable[..., None], tmp_path: Any
) -> None:
    """12 steps = 7 + stop + 5, and 7 + kill -9 + 5: losses and weights bit for bit."""
    rate = 1.0 if optimizer == "prodigy" else 1e-3
    plan = small_plan(small_card, optimizer=optimizer, learning_rate=rate, text_encoder=True, text_encoder_rate=rate)
    check(small_card, plan, tmp_path)
