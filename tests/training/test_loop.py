"""The training loop: it learns, leaves alone what is frozen, stops, goes on exactly, and says what happens."""

from pathlib import Path

import pytest
from training_runs import losses_of, small_plan, train_small

from colabsd.models.cards import ModelCard


def test_a_training_tells_every_step_and_keeps_its_end(small_card: ModelCard, tmp_path: Path) -> None:
    events, _ = train_small(small_card, small_plan(small_card, steps=3), tmp_path)
    assert len(losses_of(events)) == 3
