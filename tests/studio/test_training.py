"""Trainings by the studio: begun, stopped, killed, found again by photos and settings or by name; what comes out."""

import dataclasses
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from training_runs import small_pictures

from colabsd.errors import (
    DamagedTrainingError,
    InvalidSettingError,
    NotAPictureError,
    TrainingRunningError,
    UnknownTrainingError,
)
from colabsd.library.adapters import KeptAdapter
from colabsd.library.library import KeptPicture
from colabsd.library.training_runs import TrainingRun
from colabsd.progress import Note
from colabsd.settings.images import ImageSettings
from colabsd.settings.training import TrainingSettings
from colabsd.studio import Studio, open_studio
from colabsd.training.reports import Finished, TrainingReport

pytestmark = pytest.mark.integration

STEPS = 6


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, picture in enumerate(small_pictures(3, 5)):
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def asked(photos: Path, small_model_folder: Path) -> TrainingSettings:
    return TrainingSettings(
        photos=str(photos),
        subject="roj",
        class_word="apple",
        name="rex",
        model=str(small_model_folder),
        steps=STEPS,
        resolution=64,
        rank=2,
        text_encoder="off",
        prior="on",
        class_pictures=1,
        seed=3,
        sample_every=0,
        checkpoint_every=2,
    )


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    opened = opened_at(tmp_path)
    with opened.library:
        yield opened


def opened_at(folder: Path) -> Studio:
    environ = {"XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}
    return open_studio(folder / "workspace", language="en", environ=environ)


def losses(events: list[Any]) -> dict[int, float]:
    return {event.step: event.loss for event in events if isinstance(event, TrainingReport)}


def notes(events: list[Any]) -> list[str]:
    return [event.key for event in events if isinstance(event, Note)]


def stopped_after(events: Iterator[Any], step: int) -> list[Any]:
    """The events until a step, then closed as Ctrl-C closes them."""
    seen = []
    with closing(events):  # type: ignore[type-var]
        for event in events:
            seen.append(event)
            if isinstance(event, TrainingReport) and event.step == step:
                break
    return seen


@pytest.fixture(scope="module")
def whole(asked: TrainingSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, list[Any]]:
    """A training from its beginning to its end."""
    studio = opened_at(tmp_path_factory.mktemp("whole"))
    return studio, list(studio.train(asked))


def test_a_training_tells_its_run_first_and_its_adapter_last(whole: tuple[Studio, list[Any]]) -> None:
    _, events = whole
    results = [event for event in events if isinstance(event, TrainingRun | Finished | KeptAdapter)]
    assert [type(event).__name__ for event in results] == ["TrainingRun", "Finished", "KeptAdapter"]
    assert list(losses(events)) == list(range(1, STEPS + 1))
    assert results[0].name == results[2].name == "rex"


def test_its_folder_has_few_files_and_says_what_was_asked(whole: tuple[Studio, list[Any]]) -> None:
    studio, _ = whole
    folder = studio.workspace.root / "training" / "rex"
    assert sorted(path.name for path in folder.iterdir()) == ["finished.json", "photos.zip", "run.json", "states"]
    told = json.loads((folder / "run.json").read_text())
    assert told["settings"]["subject"] == "roj" and told["plan"]["steps"] == STEPS


def test_what_came_out_is_drawn_with_by_its_tag(whole: tuple[Studio, list[Any]], small_model_folder: Path) -> None:
    studio, _ = whole

    def drawn(prompt: str) -> Any:
        settings = ImageSettings(prompt=prompt, model=str(small_model_folder), steps=2, seed=1)
        return next(event for event in studio.draw(settings) if isinstance(event, KeptPicture)).picture

    with_it, without = drawn("a roj apple <lora:rex:1>"), drawn("a roj apple")
    assert with_it.image.tobytes() != without.image.tobytes()
    assert [use.name for use in with_it.drawing.loras] == ["rex"]


def test_the_same_request_is_not_trained_twice(whole: tuple[Studio, list[Any]], asked: TrainingSettings) -> None:
    studio, _ = whole
    again = list(studio.train(asked))
    assert losses(again) == {} and "note.training.finished" in notes(again)
    assert isinstance(again[-1], KeptAdapter) and again[-1].name == "rex"


def test_other_settings_are_another_training(whole: tuple[Studio, list[Any]], asked: TrainingSettings) -> None:
    studio, events = whole
    other = stopped_after(studio.train(dataclasses.replace(asked, seed=4)), 1)
    run = next(event for event in other if isinstance(event, TrainingRun))
    assert run.name == "rex-2" and losses(other)[1] != losses(events)[1]


def test_a_stopped_training_is_found_by_the_same_request_and_goes_on_exactly(
    whole: tuple[Studio, list[Any]], studio: Studio, asked: TrainingSettings
) -> None:
    stopped_after(studio.train(asked), 3)
    rest = list(studio.train(asked))
    assert "note.training.goes_on" in notes(rest)
    assert losses(rest) == {step: loss for step, loss in losses(whole[1]).items() if step > 3}


def test_without_photos_the_last_training_of_these_settings_goes_on(
    whole: tuple[Studio, list[Any]], studio: Studio, asked: TrainingSettings, photos: Path
) -> None:
    """After a disconnection the photos that were uploaded are gone: they are in the run's folder."""
    stopped_after(studio.train(asked), 3)
    rest = list(studio.train(dataclasses.replace(asked, photos="")))
    assert losses(rest) == {step: loss for step, loss in losses(whole[1]).items() if step > 3}
    assert list(studio.train(dataclasses.replace(asked, photos="")))[-1].name == "rex"


def test_by_its_name_or_without_a_training_is_resumed(studio: Studio, asked: TrainingSettings) -> None:
    stopped_after(studio.train(asked), 2)
    with pytest.raises(UnknownTrainingError) as caught:
        list(studio.resume_training("rexx"))
    assert "rex" in caught.value.tell("en")
    assert list(studio.resume_training("rex"))[-1].name == "rex"
    assert notes(list(studio.resume_training())) == ["note.training.nothing_left"]


def test_a_killed_training_goes_on(whole: tuple[Studio, list[Any]], tmp_path: Path, asked: TrainingSettings) -> None:
    import os
    import signal

    child = multiprocessing.get_context("spawn").Process(target=train_until_killed, args=(tmp_path, asked))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL and os.getpid()
    rest = list(opened_at(tmp_path).train(asked))
    assert losses(rest) == {step: loss for step, loss in losses(whole[1]).items() if step > 4}


def train_until_killed(folder: Path, asked: TrainingSettings) -> None:
    """In a process of its own: kills itself after the fifth step, of which no state was kept."""
    import os
    import signal

    for event in opened_at(folder).train(asked):
        if isinstance(event, TrainingReport) and event.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)


def test_one_process_trains_a_run_at_a_time(studio: Studio, asked: TrainingSettings, tmp_path: Path) -> None:
    events = studio.train(asked)
    with closing(events):  # type: ignore[type-var]
        next(event for event in events if isinstance(event, TrainingReport))
        with pytest.raises(TrainingRunningError):
            list(opened_at(tmp_path).train(asked))


def test_another_step_can_be_taken(whole: tuple[Studio, list[Any]]) -> None:
    studio, _ = whole
    assert studio.training_steps("rex")[-1] == STEPS
    (kept,) = [event for event in studio.export_training("rex", 4, "diffusers") if isinstance(event, KeptAdapter)]
    assert kept.card.steps == 4 and kept.name != "rex" and kept.card.files[0].form == "diffusers"


def test_a_run_of_another_version_is_told_and_not_touched(studio: Studio, asked: TrainingSettings) -> None:
    stopped_after(studio.train(asked), 1)
    path = studio.workspace.root / "training" / "rex" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    before = path.read_bytes()
    with pytest.raises(DamagedTrainingError) as caught:
        list(studio.resume_training("rex"))
    assert "99" in caught.value.tell("es") and path.read_bytes() == before
    assert studio.training_runs() == []


def test_the_photos_of_a_training_are_erased_on_request(studio: Studio, asked: TrainingSettings) -> None:
    stopped_after(studio.train(asked), 2)
    latents = studio.workspace.local / "training" / "latents"
    assert list(latents.glob("*.safetensors")), "they would show the photos"
    studio.forget_training_photos("rex")
    assert not (studio.workspace.root / "training" / "rex" / "photos.zip").exists() and not latents.exists()
    assert losses(list(studio.train(asked))), "with the photos themselves it goes on"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"photos": ""}, NotAPictureError),
        ({"photos": "nowhere"}, NotAPictureError),
        ({"class_word": None}, InvalidSettingError),
        ({"subject": " "}, InvalidSettingError),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_kept(
    studio: Studio, asked: TrainingSettings, changed: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        list(studio.train(dataclasses.replace(asked, **changed)))
    assert studio.training_runs() == []


def test_planning_says_what_it_takes_and_loads_nothing(asked: TrainingSettings, tmp_path: Path) -> None:
    plan = opened_at(tmp_path).plan_training(dataclasses.replace(asked, steps=None))
    assert plan.steps > 0 and "note.training.forecast" in [note.key for note in plan.notes]
    assert not (tmp_path / "workspace").exists()
