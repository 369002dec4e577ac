"""Pivotal tuning: words first, then LoRA; both in one state, both exact after a kill."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_results import check_stopped_resume
from training_runs import check_exact_resume, result_of, small_examples, small_plan, train_small

from colabsd.models.cards import ModelCard
from colabsd.planning.training import TrainingPlan
from colabsd.training.base import load_base
from colabsd.training.pivotal import PivotalTraining, turn_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def plan(small_card: ModelCard) -> TrainingPlan:
    return small_plan(
        small_card, method="pivotal", vectors=2, initial_word="rojo", embedding_rate=5e-2, embedding_stop=4
    )


def test_words_learn_until_their_step_and_lora_from_there(
    small_card: ModelCard, plan: TrainingPlan, tmp_path: Path
) -> None:
    _, begin = train_small(small_card, replace(plan, steps=0), tmp_path / "0")
    _, turned = train_small(small_card, replace(plan, steps=4), tmp_path / "4")
    _, done = train_small(small_card, replace(plan, steps=6), tmp_path / "6")
    words = {name for name in begin if name.startswith("words.")}
    ups = {name for name in begin if name.endswith("lora_up")}
    assert words and ups
    assert all(not torch.equal(begin[name], turned[name]) for name in words)
    assert all(torch.equal(begin[name], turned[name]) for name in begin if name not in words)
    assert all(torch.equal(turned[name], done[name]) for name in words)
    assert all(not torch.equal(turned[name], done[name]) for name in ups)


def test_lora_begins_in_the_middle_unless_told(plan: TrainingPlan) -> None:
    assert turn_of(replace(plan, embedding_stop=0, steps=12)) == 6
    assert turn_of(plan) == 4


def test_words_that_stay_are_read_once(small_card: ModelCard, plan: TrainingPlan) -> None:
    """Not so where the text encoder learns after them."""
    trainable = PivotalTraining(result_of(load_base(small_card, plan)), plan)
    assert trainable.reads_sentences
    trainable.begin_step(3)
    assert trainable.reads_sentences
    trainable.begin_step(4)
    assert not trainable.reads_sentences
    with_text = replace(plan, text_encoder=True, text_encoder_rate=1e-4)
    trainable = PivotalTraining(result_of(load_base(small_card, with_text)), with_text)
    trainable.begin_step(4)
    assert trainable.reads_sentences


def test_what_comes_out_is_lora_and_words(small_card: ModelCard, plan: TrainingPlan) -> None:
    trained = PivotalTraining(result_of(load_base(small_card, plan)), plan).trained()
    assert list(trained.words) == ["roj"] and {part for part, _ in trained.lora} == {"unet"}
    assert small_examples(plan).photos


@pytest.mark.parametrize("check", [check_stopped_resume, pytest.param(check_exact_resume, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stop", [4, 9])
def test_12_steps_are_7_and_a_stop_and_5(
    small_card: ModelCard, plan: TrainingPlan, stop: int, check: Callable[..., None], tmp_path: Path
) -> None:
    """Stopped and killed, while LoRA learns and while the words do."""
    check(small_card, replace(plan, embedding_stop=stop), tmp_path)
