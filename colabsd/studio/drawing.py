"""Pictures asked for, from sentences and from pictures: planned, brought, drawn, kept."""

from collections.abc import Iterator

from colabsd.environment.interrupts import stop_waits
from colabsd.library.picture_files import ImageFormat
from colabsd.settings.codec import settings_to_json
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio.adapters import with_whole_paths
from colabsd.studio.redrawing import bring, keep_source, source_of
from colabsd.studio.workshop import Event, Workshop


def draw(
    workshop: Workshop,
    settings: ImageSettings,
    *,
    image_format: ImageFormat = "png",
    previews: bool = False,
    as_written: bool = False,
) -> Iterator[Event]:
    """See `Studio.draw`."""
    settings = with_whole_paths(settings, workshop.model(settings.model))
    card, plan = yield from workshop.ready(settings, as_written=as_written)
    yield from plan.notes
    yield from workshop.unknown_words(plan.drawings[0].prompt, card)
    workshop.check_fit(plan, card, settings)
    job = workshop.library.start_job(settings_to_json(settings), plan.as_json(), image_format)
    yield from workshop.draw_job(job, plan, card, previews)


def redraw(
    workshop: Workshop,
    settings: RedrawSettings,
    *,
    image_format: ImageFormat = "png",
    previews: bool = False,
    as_written: bool = False,
) -> Iterator[Event]:
    """See `Studio.redraw`."""
    with stop_waits():
        from colabsd.recipes.originals import fit

    settings = with_whole_paths(settings, workshop.model(settings.model))
    brought = bring(settings)
    source = source_of(brought)
    card, plan = yield from workshop.ready(settings, as_written=as_written, source=source)
    fit(brought, plan.drawings[0].size, card.factor)  # a mask that is too thin is told before anything is kept
    yield from (*brought.notes, *plan.notes)
    yield from workshop.unknown_words(plan.drawings[0].prompt, card)
    workshop.check_fit(plan, card, settings)
    keep_source(workshop.workspace, brought, source)
    job = workshop.library.start_job(settings_to_json(settings), plan.as_json(), image_format)
    yield from workshop.draw_job(job, plan, card, previews)
