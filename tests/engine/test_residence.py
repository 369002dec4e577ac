"""Parts that take turns on the device: whatever is at work is there, the rest is not, and pictures stay equal.

There is no graphics card here: what stands for it are copies, and what waits is spoiled, so that a part that is used
without having been brought gives numbers that are none.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.residence import Residence
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution


class FarAway:
    """Stands for a device: has the weights, whose waiting originals are spoiled by it."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self.weights: dict[int, Tensor] = {}
        self.brought = 0
        for module in modules:
            for weight in module.parameters():
                self.weights[weight.data_ptr()] = weight.detach().clone()
                weight.data.fill_(float("nan"))

    def carry(self, waiting: Tensor, device: str) -> Tensor:
        self.brought += 1
        return self.weights[waiting.data_ptr()].clone()


@pytest.fixture
def turning(small_card: ModelCard, load_small: Callable[..., Engine]) -> Iterator[tuple[Engine, FarAway]]:
    engine = load_small(small_card, Execution())
    parts = engine.residence.parts
    device = FarAway([module for modules in parts.values() for module in modules])
    residence = Residence(parts, "cpu", takes_turns=True, carry=device.carry)
    components = dataclasses.replace(engine.components, residence=residence)
    yield Engine(engine.card, Execution(offload=True), components), device


def pictures(engine: Engine, drawings: list[Drawing], *, previews: bool = False) -> list[Any]:
    events = engine.draw(drawings, previews=previews)
    return [np.asarray(event.image) for event in events if isinstance(event, Drawn)]


def test_pictures_are_equal_when_parts_take_turns(
    small_engine: Engine, turning: tuple[Engine, FarAway], drawing: Callable[..., Drawing]
) -> None:
    engine, device = turning
    batch = [drawing(seed=1), drawing(seed=2)]
    for previews in (False, True):
        found, wanted = (pictures(one, batch, previews=previews) for one in (engine, small_engine))
        assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert device.brought > 0


def test_at_most_one_part_is_on_the_device(turning: tuple[Engine, FarAway], drawing: Callable[..., Drawing]) -> None:
    engine, _ = turning
    list(engine.draw([drawing()]))
    there = {
        part: not any(bool(weight.isnan().any()) for module in modules for weight in module.parameters())
        for part, modules in engine.residence.parts.items()
    }
    assert [part for part, is_there in there.items() if is_there] == ["vae"]
    engine.residence.rest()
    assert all(
        weight.isnan().all() for modules in engine.residence.parts.values() for weight in modules[0].parameters()
    )


def test_without_turns_nothing_is_ever_moved() -> None:
    def never(tensor: Tensor, device: str) -> Tensor:
        raise AssertionError("moved")

    residence = Residence({"a": [nn.Linear(2, 2)], "b": [nn.Linear(2, 2)]}, "cpu", takes_turns=False, carry=never)
    for part in ("a", "b", "a"):
        residence.bring(part)
    residence.rest()


def test_a_loaded_model_can_begin_to_take_turns(small_card: ModelCard, load_small: Callable[..., Engine]) -> None:
    engine = load_small(small_card)
    turned = engine.with_execution(Execution(offload=True))
    assert turned.residence.takes_turns and not engine.residence.takes_turns
    assert engine.with_execution(Execution(tiling=True)).residence is engine.residence


def test_a_model_loaded_to_take_turns_draws_the_same(
    small_engine: Engine, small_card: ModelCard, load_small: Callable[..., Engine], drawing: Callable[..., Drawing]
) -> None:
    turned = load_small(small_card, Execution(offload=True))
    assert np.array_equal(pictures(turned, [drawing()])[0], pictures(small_engine, [drawing()])[0])
