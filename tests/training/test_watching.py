"""Looking on: the same pictures every time, measured, remembered over a disconnection, and the training unharmed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from training_runs import SUBJECT, losses_of, small_pictures, small_plan, small_training, train_small

from colabsd.engine.scorers import Vectors
from colabsd.models.cards import ModelCard
from colabsd.planning.training import TrainingPlan
from colabsd.progress import Note, Progress
from colabsd.training.watching import Samples, SampleWatcher, class_drawings, names, sample_drawings, without_word

PROMPTS = ("roj apple", "red roj apple")
STEPS = 4


class ColourScorer:
    """Scores by the mean colours of four quarters; sentences by their letters."""

    name = "colours"

    def __init__(self) -> None:
        self.read: list[str] = []

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        small = [np.asarray(image.convert("RGB").resize((2, 2), Image.Resampling.BOX), np.float32) for image in images]
        return self._units(np.stack(small).reshape(len(images), -1))

    def subjects(self, images: Sequence[Image.Image]) -> Vectors:
        return self.pictures(images)

    def sentences(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return self._units(np.stack([np.bincount([ord(one) % 12 for one in text], minlength=12) for text in texts]))

    def _units(self, rows: Any) -> Vectors:
        rows = rows.astype(np.float32) + 0.1
        units: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return units


def plan_of(card: ModelCard, **facts: Any) -> TrainingPlan:
    return small_plan(card, **{"steps": STEPS, "sample_every": 2, "sample_prompts": PROMPTS, **facts})


def watcher_of(card: ModelCard, memory: Any = None, scorer: Any = None) -> SampleWatcher:
    return SampleWatcher(card, scorer or ColourScorer(), [small_pictures(3, 1)], "es", memory)


@pytest.fixture(scope="module")
def watched(small_card: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], Any, ColourScorer]:
    scorer = ColourScorer()
    folder = tmp_path_factory.mktemp("watched")
    events, weights = train_small(
        small_card, plan_of(small_card), folder, watcher=watcher_of(small_card, scorer=scorer), check_first=True
    )
    return events, weights, scorer


def seen(events: Sequence[Any]) -> list[Samples]:
    return [event for event in events if isinstance(event, Samples)]


def test_samples_are_drawn_at_the_start_on_the_way_and_at_the_end(watched: tuple[list[Any], Any, Any]) -> None:
    found = seen(watched[0])
    assert [one.step for one in found] == [0, 2, 4]
    assert all(len(one.images) == len(PROMPTS) for one in found)
    assert all(one.image.width > 64 and one.curves.width > 64 for one in found)


def test_the_training_is_the_same_as_if_nobody_looked(
    watched: tuple[list[Any], Any, Any], small_card: ModelCard, tmp_path: Path
) -> None:
    events, weights = train_small(small_card, plan_of(small_card, sample_every=0), tmp_path)
    assert losses_of(events) == losses_of(watched[0])[-STEPS:]
    assert all(torch.equal(weights[name], watched[1][name]) for name in weights)


def test_samples_change_as_the_model_learns_and_the_first_ones_are_the_untouched_model_s(
    watched: tuple[list[Any], Any, Any],
) -> None:
    first, middle, last = (one.images[0].tobytes() for one in seen(watched[0]))
    assert first != middle != last
    figures = seen(watched[0])[0].figures
    assert (figures.way, figures.following, figures.kept_share) == pytest.approx((0, 1, 1), abs=1e-5)


def test_progress_counts_every_picture_that_is_drawn(watched: tuple[list[Any], Any, Any]) -> None:
    reports = [event for event in watched[0] if isinstance(event, Progress) and event.stage == "sample"]
    assert {report.items for report in reports} == {
        1,
        6,
    }  # the one of the preflight, then two samples and four of the class
    assert {report.item for report in reports} == set(range(6))


def test_following_is_measured_without_the_subject_s_word(watched: tuple[list[Any], Any, Any]) -> None:
    assert set(watched[2].read) == {"apple", "red apple"}


def test_after_a_disconnection_figures_are_counted_from_the_same_untouched_model(
    watched: tuple[list[Any], Any, Any], small_card: ModelCard, tmp_path: Path
) -> None:
    """Another machine: the state is there, the watcher is a new one with what the last Samples carried."""
    plan = plan_of(small_card, checkpoint_every=2)
    _, running = small_training(small_card, plan, tmp_path, watcher=watcher_of(small_card))
    memory: Any = None
    for event in running:
        if isinstance(event, Samples) and event.step == 2:
            memory = json.loads(json.dumps(event.memory))
            break
    running.close()  # type: ignore[attr-defined]
    events, _ = train_small(small_card, plan, tmp_path, watcher=watcher_of(small_card, memory))
    assert [one.step for one in seen(events)] == [4]
    wanted, found = seen(watched[0])[-1].figures.as_json(), seen(events)[0].figures.as_json()
    assert found == pytest.approx(wanted, abs=1e-3)  # vectors are remembered with five digits
    assert len(seen(events)[0].memory["figures"]) == 3


def test_without_a_memory_it_says_from_where_it_counts(small_card: ModelCard, tmp_path: Path) -> None:
    plan = plan_of(small_card, steps=2, checkpoint_every=1)
    _, running = small_training(small_card, plan, tmp_path)
    for event in running:
        if isinstance(event, Progress) and event.stage == "train" and event.done == 1:
            break
    running.close()  # type: ignore[attr-defined]
    events, _ = train_small(small_card, plan, tmp_path, watcher=watcher_of(small_card))
    assert any(isinstance(event, Note) and event.key == "note.training.no_untouched" for event in events)


def test_nothing_is_drawn_where_no_samples_are_wanted(small_card: ModelCard, tmp_path: Path) -> None:
    events, _ = train_small(
        small_card, plan_of(small_card, steps=1, sample_every=0), tmp_path, watcher=watcher_of(small_card)
    )
    assert not seen(events)


def test_the_same_prompts_and_seeds_are_drawn_every_time(small_card: ModelCard) -> None:
    plan = plan_of(small_card)
    drawings = [*sample_drawings(plan, small_card), *class_drawings(plan, small_card)]
    assert [drawing.prompt for drawing in drawings[:2]] == list(PROMPTS)
    assert {drawing.prompt for drawing in drawings[2:]} == {SUBJECT.class_prompt}
    assert drawings == [*sample_drawings(plan, small_card), *class_drawings(plan, small_card)]


@pytest.mark.parametrize(
    ("prompt", "without"),
    [
        ("a photo of roj apple on grass", "a photo of apple on grass"),
        ("a Roj apple", "a apple"),
        ("una apple roj", "una apple"),
        ("a picture of roj", "a picture of apple"),
        ("rojo, an apple", "rojo, an apple"),
    ],
)
def test_a_sentence_for_somebody_who_knows_only_the_class(prompt: str, without: str) -> None:
    assert without_word(prompt, SUBJECT) == without
    assert names(prompt, SUBJECT) == (prompt != without)
