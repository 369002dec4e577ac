"""Grids: planned with their time, drawn model by model, taken from the library where they are there, set in sheets."""

import secrets
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from colabsd.artifacts import Picture
from colabsd.library.library import Job, KeptSheet
from colabsd.library.picture_files import ImageFormat
from colabsd.models.cards import ModelCard
from colabsd.planning.grids import GridPart, GridPlan
from colabsd.planning.grids import plan_grid as exact_grid
from colabsd.planning.plans import Drawing, ImagePlan
from colabsd.progress import Note, Progress
from colabsd.settings.axes import Axis
from colabsd.settings.codec import settings_to_json
from colabsd.settings.grids import GridSettings, check_grid
from colabsd.settings.images import ImageSettings
from colabsd.studio.adapters import bring_adapters, with_whole_paths
from colabsd.studio.sheets import make_sheets
from colabsd.studio.workshop import SEEDS, Event, Workshop

GridEvent: TypeAlias = Event | KeptSheet
PATHS = ("model", "lora", "vae")


def plan_grid(workshop: Workshop, grid: GridSettings) -> GridPlan:
    """See `Studio.plan_grid`."""
    check_grid(grid)
    return _planned(workshop, grid, _Cards(workshop, {}))


def draw_grid(
    workshop: Workshop, grid: GridSettings, *, image_format: ImageFormat = "png", previews: bool = False
) -> Iterator[GridEvent]:
    """See `Studio.draw_grid`."""
    plan = plan_grid(workshop, grid)  # wrong settings are told before anything is downloaded
    plan = yield from _brought(workshop, plan)
    yield from plan.notes
    yield from workshop.unknown_words(plan.drawings[0].prompt, workshop.model(plan.settings.base.model))
    settings = settings_to_json(plan.settings.base)
    job = workshop.library.start_job(settings, plan.as_json(), image_format)
    yield from _finish(workshop, job, plan, previews)


def resume_grid(workshop: Workshop, job: Job, previews: bool) -> Iterator[GridEvent]:
    """Draw what is left of a grid, and its sheets."""
    yield from _finish(workshop, job, GridPlan.from_json(job.plan), previews)


def _finish(workshop: Workshop, job: Job, plan: GridPlan, previews: bool) -> Iterator[GridEvent]:
    with workshop.library.lock_job(job) as held:
        there = held.kept | _in_library(workshop, plan.drawings)
        taken = len(there - held.kept)
        if taken:
            yield Note("note.grid.taken", {"count": taken})
        for part in plan.parts():
            if not there.issuperset(range(part.first, part.first + len(part.plan.drawings))):
                yield from _draw_part(workshop, held, plan, part, there, previews)
        yield from make_sheets(workshop, held, plan)
        workshop.library.finish_job(held)


def _draw_part(
    workshop: Workshop, job: Job, plan: GridPlan, part: GridPart, there: Collection[int], previews: bool
) -> Iterator[GridEvent]:
    """Draw what one loaded model draws; each picture is kept with the settings of its own cell."""
    settings = _settings_of(plan, part)
    card, notes = yield from workshop.bring_again(settings_to_json(settings), part.plan.drawings[0])
    folders = workshop.adapter_folders(settings.lora or ())
    yield from bring_adapters(part.plan.drawings, settings.vae, folders, workshop.cache)
    execution, more = workshop.execution_again(card, part.plan.execution)
    yield from (*notes, *more)
    drawn = replace(part.plan, execution=execution)
    workshop.check_fit(drawn, card, settings)
    engine = yield from workshop.load(card, drawn, settings_to_json(settings))
    kept = [index - part.first for index in there]
    for event in workshop.pictures(engine, drawn, kept, previews):
        if isinstance(event, Picture):
            index = part.first + event.index
            asked = settings_to_json(plan.settings.at(plan.cell_of(index).place))
            yield workshop.keep(replace(event, index=index), replace(job, settings=asked), card)
        elif isinstance(event, Progress):
            yield replace(event, item=part.first + event.item, items=len(plan.drawings))
        else:
            yield event


def _settings_of(plan: GridPlan, part: GridPart) -> ImageSettings:
    """Settings for loading what a part needs: its first cell's, with the LoRAs of all its cells."""
    indexes = range(part.first, part.first + len(part.plan.drawings))
    asked = [plan.settings.at(plan.cell_of(index).place) for index in indexes]
    loras = dict.fromkeys(lora for settings in asked for lora in settings.lora or ())
    return replace(asked[0], lora=tuple(loras) or None)


def _brought(workshop: Workshop, plan: GridPlan) -> Generator[Progress | Note, None, GridPlan]:
    """The plan again, with all that its cells need on this disk."""
    cards: dict[str | None, ModelCard] = {}
    exact = plan
    for part in plan.parts():
        settings = _settings_of(plan, part)
        card, ready = yield from workshop.ready(settings)
        cards[settings.model] = card
        folders = workshop.adapter_folders(settings.lora or ())
        came = yield from bring_adapters(part.plan.drawings, settings.vae, folders, workshop.cache)
        if came or ready.drawings[0].model_sha256 != part.plan.drawings[0].model_sha256:
            exact = _planned(workshop, plan.settings, _Cards(workshop, cards))
    return exact


def _planned(workshop: Workshop, grid: GridSettings, cards: "_Cards") -> GridPlan:
    """The plan, with what the library has of it and the time that the rest takes."""

    def plan_cell(settings: ImageSettings) -> ImagePlan:
        return workshop.exact_plan(settings, cards.asked(settings.model))

    def seconds_of(plan: ImagePlan) -> float:
        return workshop.pace.forecast(plan, cards.named(plan), workshop.machine)

    grid = _with_whole_paths(grid, cards)
    plan = exact_grid(grid, plan_cell=plan_cell, new_seed=lambda: secrets.randbelow(SEEDS), seconds_of=seconds_of)
    kept = _in_library(workshop, plan.drawings)
    left = [one for one in (_without(part, kept) for part in plan.parts()) if one.drawings]
    measured = all(workshop.pace.knows(cards.named(one), one.execution) for one in left)
    return replace(plan, kept=kept, seconds=sum(map(seconds_of, left)), measured=measured)


def _without(part: GridPart, kept: Collection[int]) -> ImagePlan:
    """What is left to draw of a part."""
    left = [drawing for index, drawing in enumerate(part.plan.drawings, part.first) if index not in kept]
    return replace(part.plan, drawings=tuple(left), batches=(), prompting=())


def _in_library(workshop: Workshop, drawings: Sequence[Drawing]) -> frozenset[int]:
    """The drawings whose pictures lie in the library, whole."""
    known = workshop.library.of_keys({drawing.key for drawing in drawings if drawing.model_sha256})
    whole = {key for key, record in known.items() if workshop.library.is_whole(record)}
    return frozenset(index for index, drawing in enumerate(drawings) if drawing.key in whole)


def _with_whole_paths(grid: GridSettings, cards: "_Cards") -> GridSettings:
    """The grid with paths from the root on, in the settings and on the axes."""

    def whole(settings: ImageSettings) -> ImageSettings:
        return with_whole_paths(settings, cards.asked(settings.model))

    axes = []
    for axis in grid.axes:
        changed = [whole(axis.apply(grid.base, place)) for place in range(len(axis.values))]
        values = tuple(getattr(one, axis.setting) for one in changed) if axis.setting in PATHS else axis.values
        axes.append(Axis(axis.setting, values))
    return replace(grid, base=whole(grid.base), axes=tuple(axes))


class _Cards:
    """The cards of the models that a grid asks for, each looked up once."""

    def __init__(self, workshop: Workshop, known: Mapping[str | None, ModelCard]) -> None:
        self._workshop = workshop
        self._asked = dict(known)

    def asked(self, name: str | None) -> ModelCard:
        """The card of a model as it is asked for. Raises: UnknownModelError and the errors of its files."""
        if name not in self._asked:
            self._asked[name] = self._workshop.model(name)
        return self._asked[name]

    def named(self, plan: ImagePlan) -> ModelCard:
        """The card that a plan was made for."""
        return next(card for card in self._asked.values() if card.name == plan.drawings[0].model)
