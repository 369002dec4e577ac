"""The small model, loaded, and drawings for it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from colabsd.engine.engine import Engine, load_engine
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, Execution

SMALL = Drawing(
    prompt="una manzana roja",
    negative_prompt="",
    model="small",
    model_sha256="",
    width=64,
    height=64,
    sampler="Euler",
    schedule="Automatic",
    steps=3,
    guidance=7.5,
    clip_skip=1,
    seed=11,
)


def load(card: ModelCard, execution: Execution | None = None) -> Engine:
    """The engine at the end of its loading."""
    loading = load_engine(card, execution or Execution())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            engine: Engine = end.value
            return engine


@pytest.fixture(scope="session")
def small_engine(small_card: ModelCard) -> Engine:
    return load(small_card)


@pytest.fixture(scope="session")
def load_small() -> Callable[..., Engine]:
    return load


@pytest.fixture(scope="session")
def drawing() -> Callable[..., Drawing]:
    """Makes a drawing of the small model; what is not named is SMALL's."""

    def make(**facts: Any) -> Drawing:
        return dataclasses.replace(SMALL, **facts)

    return make
