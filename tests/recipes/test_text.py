"""Text to pictures: a plan's batches, whole or what is missing of them."""

import dataclasses
import itertools

import pytest

from colabsd.artifacts import Picture
from colabsd.engine.engine import Engine, load_engine
from colabsd.environment.machine import Machine
from colabsd.models.cards import ModelCard
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan, Note
from colabsd.progress import Progress
from colabsd.recipes.text import draw_text
from colabsd.settings.images import ImageSettings


@pytest.fixture(scope="module")
def plan(small_card: ModelCard) -> ImagePlan:
    machine = Machine(cores=2, ram_bytes=2**34, free_ram_bytes=2**34)
    settings = ImageSettings(prompt="red apple", count=5, batch=2, steps=2, seed=3, sampler="Euler a")
    return plan_images(settings, card=small_card, machine=machine, new_seed=lambda: 0)


@pytest.fixture(scope="module")
def engine(small_card: ModelCard, plan: ImagePlan) -> Engine:
    loading = load_engine(small_card, plan.execution)
    while True:
        try:
            next(loading)
        except StopIteration as stop:
            engine: Engine = stop.value
            return engine


def pictures(events: object) -> dict[int, bytes]:
    return {event.index: event.image.tobytes() for event in events if isinstance(event, Picture)}  # type: ignore[attr-defined]


def test_every_picture_comes_once_in_order_with_its_batch(engine: Engine, plan: ImagePlan) -> None:
    made = [event for event in draw_text(engine, plan) if isinstance(event, Picture)]
    assert [picture.index for picture in made] == [0, 1, 2, 3, 4]
    assert [len(picture.batch) for picture in made] == [2, 2, 2, 2, 1]
    assert all(picture.batch[picture.position] == picture.drawing for picture in made)


def test_what_is_kept_is_left_out_and_the_rest_equals_a_whole_run(engine: Engine, plan: ImagePlan) -> None:
    whole = pictures(draw_text(engine, plan))
    rest = pictures(draw_text(engine, plan, kept={0, 1, 2}))
    assert set(rest) == {3, 4}
    assert all(whole[index] == rest[index] for index in rest)


def test_nothing_is_drawn_when_all_is_kept(engine: Engine, plan: ImagePlan) -> None:
    assert not list(draw_text(engine, plan, kept=range(5)))


def test_progress_counts_pictures_over_the_whole_request(engine: Engine, plan: ImagePlan) -> None:
    reports = [event for event in draw_text(engine, plan) if isinstance(event, Progress)]
    assert {report.items for report in reports} == {5}
    assert [item for item, _ in itertools.groupby(reports, key=lambda report: report.item)] == [0, 2, 4]


def test_closing_after_any_step_stops_there(engine: Engine, plan: ImagePlan) -> None:
    events = draw_text(engine, plan)
    assert isinstance(next(events), Progress)
    events.close()  # type: ignore[attr-defined]
    assert not list(events)


def test_previews_come_when_asked(engine: Engine, plan: ImagePlan) -> None:
    small = dataclasses.replace(plan, drawings=plan.drawings[:1], batches=((0,),))
    shown = [event.preview for event in draw_text(engine, small, previews=True) if isinstance(event, Progress)]
    assert shown[0].shape[-1] == 3
    assert str(shown[0].dtype) == "uint8"
    hidden = [event.preview for event in draw_text(engine, small) if isinstance(event, Progress)]
    assert all(preview is None for preview in hidden)


def test_into_how_many_chunks_a_long_prompt_goes_is_said_once(engine: Engine, plan: ImagePlan) -> None:
    prompt = "apple " * 75 + "red dog"
    drawings = tuple(dataclasses.replace(drawing, prompt=prompt) for drawing in plan.drawings)
    long = dataclasses.replace(plan, drawings=drawings)
    (note,) = [event for event in draw_text(engine, long) if isinstance(event, Note)]
    assert note.key == "lint.length"
    assert note.facts["chunks"] == 2
    assert note.facts["words"] == "red dog"
    assert not [event for event in draw_text(engine, plan) if isinstance(event, Note)]


def test_a_long_negative_prompt_is_said_too(engine: Engine, plan: ImagePlan) -> None:
    drawing = dataclasses.replace(plan.drawings[0], negative_prompt="apple " * 75 + "red dog")
    long = dataclasses.replace(plan, drawings=(drawing,), batches=((0,),))
    assert [event.key for event in draw_text(engine, long) if isinstance(event, Note)] == ["lint.length"]


def test_a_picture_carries_how_its_prompt_came_about(engine: Engine, small_card: ModelCard) -> None:
    machine = Machine(cores=2, ram_bytes=2**34, free_ram_bytes=2**34)
    settings = ImageSettings(prompt="{red|green} apple", count=2, steps=1, seed=3)
    plan = plan_images(settings, card=small_card, machine=machine, new_seed=lambda: 0)
    made = [event for event in draw_text(engine, plan) if isinstance(event, Picture)]
    assert [picture.extras["prompting"]["prompt"]["index"] for picture in made] == [0, 1]
    assert all(picture.extras["prompting"]["prompt"]["template"] == "{red|green} apple" for picture in made)
