"""Class pictures: kept one by one, topped up, never drawn again, and brought back from archives."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from colabsd.engine.engine import Engine, load_engine
from colabsd.environment.machine import Machine
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import ImagePlan, Note
from colabsd.planning.training import SubjectPlan, TrainingPlan
from colabsd.progress import Progress
from colabsd.training.class_pictures import (
    ClassPictures,
    ClassPlaces,
    class_name,
    draw_class_pictures,
    missing_class_pictures,
    plan_class_pictures,
)

MACHINE = Machine(cores=2, ram_bytes=2**34, free_ram_bytes=2**34)
SUBJECT = SubjectPlan(
    photos="",
    photos_sha256="0",
    count=4,
    word="sks",
    class_word="dog",
    photo_prompt="a photo of sks dog",
    class_prompt="a photo of a dog",
)


def plan_of(card: ModelCard, count: int) -> ImagePlan:
    plan = TrainingPlan(
        name="run",
        subjects=(SUBJECT,),
        model=card.name,
        model_sha256=card.sha256,
        family=card.family,
        method="lora",
        steps=10,
        resolution=64,
        prior=True,
        class_pictures=count,
    )
    return plan_class_pictures(SUBJECT, plan, card, MACHINE)


@pytest.fixture(scope="module")
def engine(small_card: ModelCard) -> Engine:
    loading = load_engine(small_card, plan_of(small_card, 1).execution)
    while True:
        try:
            next(loading)
        except StopIteration as stop:
            engine: Engine = stop.value
            return engine


def result(events: Iterable[Any]) -> ClassPictures:
    return [event for event in events if isinstance(event, ClassPictures)][-1]


def test_every_picture_has_its_own_seed_and_the_class_prompt(engine: Engine, tmp_path: Path) -> None:
    plan = plan_of(engine.card, 3)
    made = result(draw_class_pictures(engine, plan, ClassPlaces(local=tmp_path)))
    assert made.drawn == 3 and [path.name for path in made.paths] == ["0000.png", "0001.png", "0002.png"]
    assert [drawing.seed for drawing in plan.drawings] == [0, 1, 2]
    assert all("a photo of a dog" in path.read_bytes().decode("latin-1") for path in made.paths)
    assert len({path.read_bytes() for path in made.paths}) == 3


def test_what_is_there_is_not_drawn_again_and_what_is_missing_is_added(engine: Engine, tmp_path: Path) -> None:
    places = ClassPlaces(local=tmp_path)
    first = result(draw_class_pictures(engine, plan_of(engine.card, 2), places))
    times = [path.stat().st_mtime_ns for path in first.paths]
    more = plan_of(engine.card, 4)
    assert missing_class_pictures(more, places) == 2
    events = list(draw_class_pictures(engine, more, places))
    second = result(events)
    assert second.drawn == 2 and second.folder == first.folder
    assert [path.stat().st_mtime_ns for path in second.paths[:2]] == times
    assert any(isinstance(event, Note) and event.key == "note.class_pictures.there" for event in events)
    assert result(draw_class_pictures(engine, more, places)).drawn == 0


def test_a_stopped_run_is_gone_on_with_and_the_pictures_are_the_same(engine: Engine, tmp_path: Path) -> None:
    plan = plan_of(engine.card, 4)
    whole = result(draw_class_pictures(engine, plan, ClassPlaces(local=tmp_path / "whole")))
    places, published = ClassPlaces(local=tmp_path / "stopped"), dict[str, bytes]()
    places = dataclasses.replace(places, publish=published.__setitem__)
    run = draw_class_pictures(engine, plan, places)
    for event in run:
        if isinstance(event, Progress) and event.item == 2:
            break
    run.close()  # type: ignore[attr-defined]
    kept = sorted((tmp_path / "stopped").rglob("*.png"))
    assert len(kept) == 2 and len(published) == 1
    rest = result(draw_class_pictures(engine, plan, places))
    assert rest.drawn == 2 and len(published) == 2
    assert [path.read_bytes() for path in rest.paths] == [path.read_bytes() for path in whole.paths]


def test_another_machine_takes_them_from_the_archives(engine: Engine, tmp_path: Path) -> None:
    plan, published = plan_of(engine.card, 3), dict[str, bytes]()
    here = ClassPlaces(local=tmp_path / "here", publish=published.__setitem__)
    before = result(draw_class_pictures(engine, plan, here))
    archives = [tmp_path / name for name in published]
    for path in archives:
        path.write_bytes(published[path.name])
    there = ClassPlaces(local=tmp_path / "there", kept=[*archives, tmp_path / "other-000000000000-0000-0009.zip"])
    assert missing_class_pictures(plan, there) == 0
    after = result(draw_class_pictures(engine, plan, there))
    assert after.drawn == 0
    assert [path.read_bytes() for path in after.paths] == [path.read_bytes() for path in before.paths]


def test_a_broken_picture_and_a_broken_archive_are_as_good_as_none(engine: Engine, tmp_path: Path) -> None:
    plan, places = plan_of(engine.card, 2), ClassPlaces(local=tmp_path)
    made = result(draw_class_pictures(engine, plan, places))
    whole = made.paths[1].read_bytes()
    made.paths[1].write_bytes(whole[:-40])
    broken = tmp_path / f"{class_name(plan)}-0000-0001.zip"
    broken.write_bytes(b"PK\x03\x04 no archive")
    again = result(draw_class_pictures(engine, plan, dataclasses.replace(places, kept=[broken])))
    assert again.drawn == 1 and again.paths[1].read_bytes() == whole


def test_another_prompt_or_model_has_another_folder(small_card: ModelCard) -> None:
    plan = plan_of(small_card, 2)
    other = dataclasses.replace(plan.drawings[0], prompt="a photo of a cat")
    renamed = dataclasses.replace(plan.drawings[0], model_sha256="1")
    names = {class_name(dataclasses.replace(plan, drawings=(one,))) for one in (*plan.drawings, other, renamed)}
    assert len(names) == 3
    assert class_name(plan_of(small_card, 5)) == class_name(plan)
