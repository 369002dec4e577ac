"""Pictures drawn again, exactly or as nearly as can be, and jobs finished that were stopped."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from colabsd.artifacts import Picture
from colabsd.library.importers.imported import Fact, Imported
from colabsd.library.library import KeptSheet
from colabsd.library.picture_files import ImageFormat, format_of
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Execution, ImagePlan, Origin
from colabsd.progress import Progress
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio.drawing import draw, redraw
from colabsd.studio.enlarging import can_enlarge, resume_enlarging
from colabsd.studio.finishing import Pair, paired
from colabsd.studio.grids import resume_grid
from colabsd.studio.imported_files import with_files
from colabsd.studio.redrawing import bring, source_of, start_again
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
    origins = tuple(Origin(key=key) for key in replay.parents[:1])
    plan = ImagePlan(drawings=(drawing,), batches=((0,),), execution=execution, prompting=prompting, origins=origins)
    job = workshop.library.start_job(replay.settings, plan.as_json(), image_format or replay.image_format)
    yield from workshop.draw_job(job, plan, card, previews=False)


def resume(workshop: Workshop, *, previews: bool = False) -> Iterator[Event | Pair | KeptSheet]:
    """See `Studio.resume`."""
    for job in workshop.library.unfinished_jobs():
        if job.is_grid:
            yield from resume_grid(workshop, job, previews)
            continue
        plan = ImagePlan.from_json(job.plan)
        if can_enlarge(workshop, plan):
            yield from resume_enlarging(workshop, job, plan)
            continue
        card, notes = yield from workshop.bring_again(job.settings, plan.drawings[0])
        execution, more = workshop.execution_again(card, plan.execution)
        yield from (*notes, *more)
        plan = replace(plan, execution=execution)
        yield from paired(workshop, plan, workshop.draw_job(job, plan, card, previews))


def _again_nearly(
    workshop: Workshop, path: Path, model: str | None, verify: bool, image_format: ImageFormat | None
) -> Iterator[Event | Imported | Comparison]:
    """Draw what a picture's settings say, with a model that is known here."""
    imported = with_files(look_at(path), workshop.adapter_folders(()))
    start = start_again(workshop.workspace, path)
    if start:  # what it was made from is here
        facts = (replace(fact, fate="understood", reason=None) if _is_start(fact) else fact for fact in imported.facts)
        imported = replace(imported, facts=tuple(facts))
    yield imported
    yield from imported.notes
    chosen, notes = choose_model(imported, model, workshop.models())
    yield from notes
    how: dict[str, Any] = {"image_format": image_format or format_of(path), "as_written": True}
    settings = RedrawSettings(**imported.settings, **start, model=chosen) if start else imported.image_settings(chosen)
    if not verify:
        if isinstance(settings, RedrawSettings):
            yield from redraw(workshop, settings, **how)
        else:
            yield from draw(workshop, settings, **how)
        return
    source = source_of(bring(settings)) if isinstance(settings, RedrawSettings) else None
    card, plan = yield from workshop.ready(settings, as_written=True, source=source)
    yield from plan.notes
    yield from _verify(workshop, path, replay_of_plan(plan, path), card, plan.execution)


def _is_start(fact: Fact) -> bool:
    return fact.reason == "note.import.start_picture"


def _verify(
    workshop: Workshop, path: Path, replay: Replay, card: ModelCard, execution: Execution
) -> Iterator[Progress | Comparison]:
    together = tuple(range(len(replay.batch)))
    plan = ImagePlan(drawings=replay.batch, batches=(together,), execution=execution)
    engine = yield from workshop.load(card, plan, replay.settings)
    others = set(together) - {replay.position}  # drawn too, because it was drawn with them; not enlarged
    for event in workshop.pictures(engine, plan, others, upscaler=replay.settings.get("upscaler")):
        if isinstance(event, Progress):
            yield event
        elif isinstance(event, Picture):
            yield compare(path, event.image, replay.image_format)
