"""Pictures drawn again, exactly or as nearly as can be, and jobs finished that were stopped."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from colabsd.artifacts import Picture
from colabsd.library.importers.imported import Imported
from colabsd.library.picture_files import ImageFormat, format_of
from colabsd.models.cards import ModelCard
from colabsd.models.registry import bring_model
from colabsd.planning.plans import Execution, ImagePlan
from colabsd.progress import Progress
from colabsd.studio.drawing import draw
from colabsd.studio.replay import (
    Comparison,
    Replay,
    choose_model,
    compare,
    has_manifest,
    look_at,
    read_replay,
    replay_of_plan,
)
from colabsd.studio.workshop import Event, Workshop


def again(
    workshop: Workshop,
    name: str,
    *,
    model: str | None = None,
    verify: bool = False,
    image_format: ImageFormat | None = None,
) -> Iterator[Event | Imported | Comparison]:
    """See `Studio.again`."""
    path = workshop.picture_path(name)
    if model is not None or not has_manifest(path):
        yield from _again_nearly(workshop, path, model, verify, image_format)
        return
    replay = read_replay(path)
    card, notes = yield from workshop.bring_again(replay.settings, replay.drawing)
    execution, more = workshop.execution_again(card, replay.execution)
    yield from (*notes, *more)
    if verify:
        yield from _verify(workshop, path, replay, card, execution)
        return
    drawing = replace(replay.drawing, model=card.name, model_sha256=card.sha256)
    prompting = (replay.prompting,) if replay.prompting else ()
    plan = ImagePlan(drawings=(drawing,), batches=((0,),), execution=execution, prompting=prompting)
    job = workshop.library.start_job(replay.settings, plan.as_json(), image_format or replay.image_format)
    yield from workshop.draw_job(job, plan, card, previews=False)


def resume(workshop: Workshop, *, previews: bool = False) -> Iterator[Event]:
    """See `Studio.resume`."""
    for job in workshop.library.unfinished_jobs():
        plan = ImagePlan.from_json(job.plan)
        card, notes = yield from workshop.bring_again(job.settings, plan.drawings[0])
        execution, more = workshop.execution_again(card, plan.execution)
        yield from (*notes, *more)
        plan = replace(plan, execution=execution)
        yield from workshop.draw_job(job, plan, card, previews)


def _again_nearly(
    workshop: Workshop, path: Path, model: str | None, verify: bool, image_format: ImageFormat | None
) -> Iterator[Event | Imported | Comparison]:
    """Draw what a picture's settings say, with a model that is known here."""
    imported = look_at(path)
    yield imported
    yield from imported.notes
    chosen, notes = choose_model(imported, model, workshop.models())
    yield from notes
    settings = imported.image_settings(chosen)
    if not verify:
        yield from draw(workshop, settings, image_format=image_format or format_of(path), as_written=True)
        return
    card = yield from bring_model(workshop.model(chosen), workshop.cache)
    plan = workshop.exact_plan(settings, card, as_written=True)
    yield from plan.notes
    yield from _verify(workshop, path, replay_of_plan(plan, path), card, plan.execution)


def _verify(
    workshop: Workshop, path: Path, replay: Replay, card: ModelCard, execution: Execution
) -> Iterator[Progress | Comparison]:
    together = tuple(range(len(replay.batch)))
    plan = ImagePlan(drawings=replay.batch, batches=(together,), execution=execution)
    engine = yield from workshop.load(card, plan, replay.settings)
    for event in workshop.pictures(engine, plan):
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Picture) and event.position == replay.position:
            yield compare(path, event.image, replay.image_format)
