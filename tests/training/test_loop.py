"""The training loop: it learns, leaves alone what is frozen, stops, goes on exactly, and says what happens."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import (
    SUBJECT,
    as_example,
    check_exact_resume,
    losses_of,
    result_of,
    small_examples,
    small_pictures,
    small_plan,
    small_training,
    train_small,
)

from colabsd.errors import CheckpointError, DivergedError, OutOfMemoryError, StorageError
from colabsd.models.cards import ModelCard
from colabsd.progress import Note, Progress
from colabsd.training.adapters import LoraTraining
from colabsd.training.base import load_base
from colabsd.training.checkpoints import Places, find_checkpoints
from colabsd.training.data import Examples
from colabsd.training.loop import load_step
from colabsd.training.reports import Finished, Moment, NobodyWatches, Preflight, Saved, TrainingReport
from colabsd.training.stepping import Stepper


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """With several threads sums may be added in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_training_tells_every_step_and_keeps_its_end(small_card: ModelCard, tmp_path: Path) -> None:
    events, _ = train_small(small_card, small_plan(small_card, steps=3), tmp_path)
    reports = [event for event in events if isinstance(event, TrainingReport)]
    assert [report.step for report in reports] == [1, 2, 3]
    assert all(report.gradient_norm and report.rates == {"unet": 1e-3} for report in reports)
    told = [event.done for event in events if isinstance(event, Progress) and event.stage == "train"]
    assert told == [0, 1, 2, 3]
    end = events[-1]
    assert isinstance(end, Finished) and end.step == 3 and list(end.losses) == losses_of(events)
    assert end.saved.path.is_file() and end.saved.path.parent == tmp_path


def test_what_is_frozen_does_not_change_by_a_bit(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=3, text_encoder=True, text_encoder_rate=1e-3)
    trainable, running = small_training(small_card, plan, tmp_path)
    assert isinstance(trainable, LoraTraining)
    frozen = {name: one.clone() for name, one in trainable.base.unet.state_dict().items() if "lora_" not in name}
    text = trainable.base.encoders[0].plain
    frozen_text = {name: one.clone() for name, one in text.state_dict().items() if "lora_" not in name}
    before = {name: one.clone() for name, one in trainable.state_dict().items()}
    list(running)
    now, now_text = trainable.base.unet.state_dict(), text.state_dict()
    assert all(torch.equal(one, now[name]) for name, one in frozen.items())
    assert all(torch.equal(one, now_text[name]) for name, one in frozen_text.items())
    changed = [name for name, one in trainable.state_dict().items() if not torch.equal(one, before[name])]
    assert len(changed) == len(before)  # matrices that widen at the first step, those that narrow from the second on


def test_a_full_training_changes_the_unet_and_leaves_the_text_encoder(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, method="full", steps=2, learning_rate=1e-4)
    trainable, running = small_training(small_card, plan, tmp_path)
    before = {name: one.clone() for name, one in trainable.state_dict().items()}
    list(running)
    assert all(name.startswith("unet.") for name in before)
    assert all(not torch.equal(one, before[name]) for name, one in trainable.state_dict().items())


def test_the_text_encoder_stops_at_its_own_step_and_has_its_own_rate(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=4, text_encoder=True, text_encoder_rate=5e-4, text_encoder_stop=2)
    trainable, running = small_training(small_card, plan, tmp_path)
    seen: list[dict[str, Any]] = []
    rates = set()
    for event in running:
        if isinstance(event, TrainingReport):
            rates.add(event.rates["text_encoder"])
            seen.append({name: one.clone() for name, one in trainable.state_dict().items() if name[0] == "t"})
    assert rates == {5e-4}
    assert any(not torch.equal(seen[0][name], seen[1][name]) for name in seen[0])
    assert all(torch.equal(seen[1][name], seen[3][name]) for name in seen[1])


def test_the_loss_falls_when_one_picture_is_learnt_by_heart(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, method="full", steps=60, learning_rate=2e-3)
    plan = replace(plan, subjects=(replace(SUBJECT, count=1),))
    examples = Examples((as_example(small_pictures(1, 3)[0], "one", SUBJECT.photo_prompt),))
    losses = losses_of(train_small(small_card, plan, tmp_path, examples=examples)[0])
    assert sum(losses[-15:]) < 0.8 * sum(losses[:15])


def test_the_class_loss_is_at_first_that_of_the_untouched_model(small_card: ModelCard, tmp_path: Path) -> None:
    """A LoRA begins as nothing, so the first class loss does not depend on it, nor on the photos."""
    plan = small_plan(small_card, steps=1, prior=True, class_pictures=4, prior_weight=0.5)
    first = train_small(small_card, plan, tmp_path / "1")[0]
    other = small_examples(plan, photos=5)
    second = train_small(small_card, replace(plan, rank=8), tmp_path / "2", examples=other)[0]
    one, two = (next(event for event in events if isinstance(event, TrainingReport)) for events in (first, second))
    assert one.class_loss is not None and one.class_loss == two.class_loss
    assert one.loss == pytest.approx(one.photo_loss + 0.5 * one.class_loss, rel=1e-6)  # fp32 sums


CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seed": 8},
    "learning_rate": {"learning_rate": 2e-3},
    "rank": {"rank": 2},
    "alpha": {"alpha": 2.0},
    "targets": {"targets": "attention+feedforward"},
    "all targets": {"targets": "all"},
    "batch": {"batch": 2},
    "accumulation": {"accumulation": 2},
    "text_encoder": {"text_encoder": True, "text_encoder_rate": 1e-3},
    "weight_decay": {"weight_decay": 0.5},
    "learning_schedule": {"learning_schedule": "cosine"},
    "linear": {"learning_schedule": "linear"},
    "warmup": {"warmup": 2},
    "prior": {"prior": True, "class_pictures": 4},
    "snr_gamma": {"snr_gamma": 1.0},
    "noise_offset": {"noise_offset": 0.1},
    "gradient_clip": {"gradient_clip": 0.01},
    "reference": {"reference": True},
    "resolution": {"resolution": 32},
    "method": {"method": "full"},
}


@pytest.fixture(scope="module")
def usual(small_card: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The weights after three steps without any change."""
    return train_small(small_card, small_plan(small_card, steps=3), tmp_path_factory.mktemp("usual"))[1]


@pytest.mark.parametrize("change", CHANGES)
def test_every_setting_changes_what_comes_out(
    change: str, usual: dict[str, Any], small_card: ModelCard, tmp_path: Path
) -> None:
    plan = small_plan(small_card, steps=3, **CHANGES[change])
    assert plan.key != small_plan(small_card, steps=3).key
    weights = train_small(small_card, plan, tmp_path)[1]
    same = [name for name in usual if name in weights and weights[name].shape == usual[name].shape]
    assert not same or any(not torch.equal(weights[name], usual[name]) for name in same)


def test_a_mask_decides_what_counts(usual: dict[str, Any], small_card: ModelCard, tmp_path: Path) -> None:
    from PIL import Image

    half = Image.new("L", (80, 80), 0)
    half.paste(255, (0, 0, 80, 40))
    pictures = small_pictures(3, 1)
    examples = Examples(
        tuple(as_example(one, f"photo {i}", SUBJECT.photo_prompt, half) for i, one in enumerate(pictures))
    )
    plan = small_plan(small_card, steps=3, masked=True)
    weights = train_small(small_card, plan, tmp_path, examples=examples)[1]
    assert any(not torch.equal(weights[name], usual[name]) for name in usual)


@pytest.mark.parametrize("facts", [{"gradient_checkpointing": True}, {"checkpoint_every": 1}, {"name": "other"}])
def test_how_it_is_run_changes_nothing(
    facts: dict[str, Any], usual: dict[str, Any], small_card: ModelCard, tmp_path: Path
) -> None:
    plan = small_plan(small_card, steps=3, **facts)
    assert plan.key == small_plan(small_card, steps=3).key
    weights = train_small(small_card, plan, tmp_path)[1]
    assert all(torch.equal(weights[name], one) for name, one in usual.items())


def test_a_watcher_that_draws_with_chance_of_its_own_changes_nothing(
    usual: dict[str, Any], small_card: ModelCard, tmp_path: Path
) -> None:
    class Looks(NobodyWatches):
        def __init__(self) -> None:
            self.reasons: list[str] = []

        def look(self, moment: Moment) -> Iterator[Any]:
            self.reasons.append(moment.reason)
            yield torch.randn(3)

    watcher = Looks()
    plan = small_plan(small_card, steps=3, sample_every=2, checkpoint_every=2)
    _, weights = train_small(small_card, plan, tmp_path, watcher=watcher, check_first=True)
    assert watcher.reasons == ["preflight", "start", "checkpoint", "sample", "end"]
    assert all(torch.equal(weights[name], one) for name, one in usual.items())


def test_the_preflight_tells_what_a_step_and_a_state_take_and_leaves_nothing(
    small_card: ModelCard, tmp_path: Path
) -> None:
    events, _ = train_small(small_card, small_plan(small_card, steps=3), tmp_path, check_first=True)
    found = next(event for event in events if isinstance(event, Preflight))
    saved = next(event for event in events if isinstance(event, Saved))
    assert found.step_s > 0 and found.state_bytes == pytest.approx(saved.bytes, rel=0.01)
    assert [one.step for one in find_checkpoints([tmp_path])] == [3] and not (tmp_path / "preflight").exists()
    assert any(isinstance(event, Note) and event.key == "note.training.preflight" for event in events)


@pytest.mark.integration
@pytest.mark.parametrize(
    "facts",
    [
        {"prior": True, "class_pictures": 4, "text_encoder": True, "text_encoder_rate": 1e-4, "text_encoder_stop": 9},
        {"method": "full", "learning_rate": 1e-4, "learning_schedule": "cosine", "warmup": 3, "accumulation": 2},
    ],
    ids=["lora", "full"],
)
def test_twelve_steps_are_seven_a_kill_and_five(facts: dict[str, Any], small_card: ModelCard, tmp_path: Path) -> None:
    check_exact_resume(small_card, small_plan(small_card, **facts), tmp_path)


def test_reference_mode_goes_on_exactly_too(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=5, reference=True, prior=True, class_pictures=4, checkpoint_every=2)
    whole = losses_of(train_small(small_card, plan, tmp_path / "whole")[0])
    assert _stopped_and_continued(small_card, plan, tmp_path / "stopped", 2) == whole


def _stopped_and_continued(card: ModelCard, plan: Any, folder: Path, step: int) -> list[float]:
    """The losses of a training whose generator is closed after a step, and begun anew."""
    _, running = small_training(card, plan, folder)
    losses = []
    for event in running:
        if isinstance(event, TrainingReport):
            losses.append(event.loss)
            if event.step == step:
                break
    running.close()  # type: ignore[attr-defined]
    assert [one.step for one in find_checkpoints([folder])] == [step]
    return losses + losses_of(train_small(card, plan, folder)[0])


def test_closing_keeps_the_state_and_the_next_run_goes_on_from_there(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=4)
    whole = losses_of(train_small(small_card, plan, tmp_path / "whole")[0])
    assert _stopped_and_continued(small_card, plan, tmp_path / "stopped", 3) == whole


def test_a_finished_training_is_not_trained_again(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=2)
    first = train_small(small_card, plan, tmp_path)
    again = train_small(small_card, plan, tmp_path)
    assert losses_of(again[0]) == [] and isinstance(again[0][-1], Finished)
    assert all(torch.equal(one, again[1][name]) for name, one in first[1].items())


def test_another_plan_in_the_same_folder_is_refused(small_card: ModelCard, tmp_path: Path) -> None:
    train_small(small_card, small_plan(small_card, steps=1), tmp_path)
    with pytest.raises(CheckpointError) as failed:
        train_small(small_card, small_plan(small_card, steps=1, seed=9), tmp_path)
    assert failed.value.message_key == "error.checkpoint.plan"


def test_weights_of_an_earlier_state_can_be_taken(small_card: ModelCard, tmp_path: Path) -> None:
    plan = small_plan(small_card, steps=3, checkpoint_every=1)
    early = train_small(small_card, replace(plan, steps=3), tmp_path)[1]
    trainable, _ = small_training(small_card, plan, tmp_path)
    load_step(trainable, tmp_path, 1, plan.key)
    assert any(not torch.equal(one, early[name]) for name, one in trainable.state_dict().items())
    load_step(trainable, tmp_path, 3, plan.key)
    assert all(torch.equal(one, early[name]) for name, one in trainable.state_dict().items())
    with pytest.raises(CheckpointError):
        load_step(trainable, tmp_path, 7, plan.key)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_finite_state(
    small_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(small_card, steps=5)
    whole = losses_of(train_small(small_card, plan, tmp_path / "whole")[0])
    loss = Stepper.loss

    def broken(self: Stepper, look: Any) -> Any:
        found = loss(self, look)
        return replace(found, total=found.total * math.nan) if self.broken_at == self.asked else found  # type: ignore[attr-defined]

    def step(self: Stepper, number: int) -> Any:
        self.asked, self.broken_at = number, 3  # type: ignore[attr-defined]
        return before(self, number)

    before = Stepper.step
    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "loss", broken)
        patched.setattr(Stepper, "step", step)
        with pytest.raises(DivergedError) as failed:
            train_small(small_card, plan, tmp_path / "broken")
    assert failed.value.facts["step"] == 4
    assert [one.step for one in find_checkpoints([tmp_path / "broken"])] == [3]
    assert losses_of(train_small(small_card, plan, tmp_path / "broken")[0]) == whole[3:]


def test_where_memory_runs_out_fewer_photos_are_looked_at_at_once_and_it_is_said(
    small_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(small_card, steps=3, batch=2, prior=True, class_pictures=4)
    whole = train_small(small_card, plan, tmp_path / "whole")
    loss = Stepper.loss

    def short(self: Stepper, look: Any) -> Any:
        if len(look.photos) > 1:
            raise MemoryError
        return loss(self, look)

    monkeypatch.setattr(Stepper, "loss", short)
    events, weights = train_small(small_card, plan, tmp_path / "short")
    assert [event.key for event in events if isinstance(event, Note)] == ["note.training.smaller_batch"]
    # The same pictures with the same noise, summed up in another order.
    assert losses_of(events) == pytest.approx(losses_of(whole[0]), rel=1e-4)
    assert all(torch.allclose(one, whole[1][name], atol=2e-3) for name, one in weights.items())


def test_where_no_smaller_way_is_left_it_says_so_and_keeps_what_was_learnt(
    small_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, calls = Stepper.loss, []

    def short(self: Stepper, look: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise MemoryError
        return loss(self, look)

    monkeypatch.setattr(Stepper, "loss", short)
    with pytest.raises(OutOfMemoryError):
        train_small(small_card, small_plan(small_card, steps=5), tmp_path)
    assert [one.step for one in find_checkpoints([tmp_path])] == [2]


def test_a_state_that_cannot_be_kept_on_the_way_is_said_and_the_training_goes_on(
    small_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colabsd.training import checkpoints

    publish, failures = checkpoints.publish, []

    def full(data: bytes, folder: Path, names: Any, scratch: Path) -> Any:
        if len(failures) < 1:
            failures.append(1)
            raise StorageError("error.storage.full", path=folder)
        return publish(data, folder, names, scratch)

    monkeypatch.setattr(checkpoints, "publish", full)
    events, _ = train_small(small_card, small_plan(small_card, steps=3, checkpoint_every=1), tmp_path)
    assert [event.key for event in events if isinstance(event, Note)] == ["note.training.not_kept"]
    assert [event.step for event in events if isinstance(event, Saved)] == [2, 3]


def test_a_disk_that_is_full_at_the_first_trial_is_told_before_anything_is_learnt(
    small_card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from colabsd.training import checkpoints

    def full(*args: Any, **kwargs: Any) -> Any:
        raise StorageError("error.storage.full", path=tmp_path)

    monkeypatch.setattr(checkpoints, "publish", full)
    trainable, running = small_training(small_card, small_plan(small_card, steps=3), tmp_path, check_first=True)
    before = {name: one.clone() for name, one in trainable.state_dict().items()}
    with pytest.raises(StorageError):
        list(running)
    assert all(torch.equal(one, before[name]) for name, one in trainable.state_dict().items())


def test_states_go_to_drive_at_a_cadence_and_the_last_one_always(small_card: ModelCard, tmp_path: Path) -> None:
    brought: list[str] = []
    places = Places(tmp_path, publish=lambda name, data: brought.append(name), drive_every_s=3600)
    plan = small_plan(small_card, steps=4, checkpoint_every=1)
    events, _ = train_small(small_card, plan, tmp_path, places=places)
    assert [event.drive for event in events if isinstance(event, Saved)] == [True, False, False, True]
    assert brought[-1] == "step-000004.json"
    assert set(brought) == {f"step-00000{step}{end}" for step in (1, 4) for end in (".json", "-0.safetensors")}


def test_the_model_card_of_another_variant_is_refused(small_card: ModelCard) -> None:
    from colabsd.errors import UsageError

    with pytest.raises(UsageError):
        result_of(load_base(replace(small_card, variant="inpaint"), small_plan(small_card)))
