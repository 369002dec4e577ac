"""Small models of every family, loaded once."""

from collections.abc import Callable

import pytest
from small_families import make_family
from training_results import load

from colabsd.engine.engine import Engine
from colabsd.models.cards import Family
from colabsd.models.folders import read_card


@pytest.fixture(scope="session")
def small_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Engine]:
    """A small model of a family, made and loaded when it is first asked for."""
    loaded: dict[Family, Engine] = {}

    def find(family: Family) -> Engine:
        if family not in loaded:
            folder = tmp_path_factory.mktemp(f"export-{family}")
            make_family(folder, family, "text")
            loaded[family] = load(read_card(folder, family))
        return loaded[family]

    return find
