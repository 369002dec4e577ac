"""Trainings: planned in words, begun, left, found again and gone on with. Loads no network; see `learning.py`."""

import secrets
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from colabsd.artifacts import LoraForm
from colabsd.environment.interrupts import stop_waits
from colabsd.environment.packages import installed_version
from colabsd.errors import DamagedTrainingError, NotAPictureError
from colabsd.library.adapters import KeptAdapter, kept_adapters
from colabsd.library.training_runs import TrainingRun, TrainingRuns, photos_name, request_of
from colabsd.models.cards import ModelCard
from colabsd.models.registry import bring_model
from colabsd.models.starter import NAME as STARTER
from colabsd.planning.photos import PHOTO_KINDS, PhotoFacts
from colabsd.planning.training import TrainingPlan
from colabsd.planning.training_choices import plan_training as choose
from colabsd.planning.training_choices import read_subject
from colabsd.progress import Note, Progress
from colabsd.settings.codec import settings_to_json
from colabsd.settings.fields import check_settings
from colabsd.settings.training import TrainingSettings
from colabsd.storage.budget import free_bytes
from colabsd.studio.photos import photos as read_photos
from colabsd.studio.workshop import SEEDS, Workshop

if TYPE_CHECKING:
    from colabsd.training.photos import PhotoSet
    from colabsd.training.reports import Finished, Saved, TrainingReport
    from colabsd.training.watching import Samples

TrainingEvent: TypeAlias = (
    "Progress | Note | TrainingRun | PhotoSet | TrainingReport | Saved | Samples | Finished | KeptAdapter"
)
Sets: TypeAlias = "Sequence[PhotoSet]"


def plan_training(workshop: Workshop, settings: TrainingSettings, photos: "PhotoSet | None" = None) -> TrainingPlan:
    """See `Studio.plan_training`."""
    card = workshop.model(settings.model)
    reading = read_subjects(workshop, settings, photos)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return exact_training(workshop, settings, card, [one.facts for one in end.value])


def train(workshop: Workshop, settings: TrainingSettings, photos: "PhotoSet | None" = None) -> Iterator[TrainingEvent]:
    """See `Studio.train`."""
    runs = TrainingRuns(workshop.workspace)
    if photos is None and not settings.photos:
        yield from go_on(workshop, runs, waiting(runs, settings))
        return
    known = workshop.model(settings.model)
    if (known.folder or known.file) is not None and known.name != STARTER:
        settings = replace(settings, model=known.source)  # so that it is found again from anywhere
    sets = yield from read_subjects(workshop, settings, photos)
    yield from sets
    run = runs.same(request_of(settings, [one.sha256 for one in sets]))
    if run is None or (run.is_finished and _adapter(workshop, run) is None):
        run = yield from _begun(workshop, runs, settings, known, sets)
    yield from go_on(workshop, runs, run, sets)


def resume_training(workshop: Workshop, name: str | None = None) -> Iterator[TrainingEvent]:
    """See `Studio.resume_training`."""
    runs = TrainingRuns(workshop.workspace)
    left = [runs.find(name)] if name is not None else runs.unfinished()
    if not left:
        yield Note("note.training.nothing_left", {})
    for run in left:
        yield from go_on(workshop, runs, run)


def export_training(
    workshop: Workshop, name: str, step: int | None, form: LoraForm = "kohya"
) -> Iterator[Progress | Note | KeptAdapter]:
    """See `Studio.export_training`."""
    runs = TrainingRuns(workshop.workspace)
    run = runs.find(name)
    card = yield from bring_model(workshop.model(run.settings.get("model")), workshop.cache)
    with runs.locked(run) as held, stop_waits():
        from colabsd.studio.learning import export_kept_step

    execution, notes = workshop.execution_again(card, held.plan.execution)
    yield from notes
    here = replace(held, plan=replace(held.plan, execution=execution))
    yield from export_kept_step(workshop, runs, here, card, step or held.step, form)


def training_runs(workshop: Workshop) -> list[TrainingRun]:
    """See `Studio.training_runs`."""
    return TrainingRuns(workshop.workspace).all()


def training_run(workshop: Workshop, name: str) -> TrainingRun:
    """See `Studio.training_run`."""
    return TrainingRuns(workshop.workspace).find(name)


def training_steps(workshop: Workshop, name: str) -> list[int]:
    """See `Studio.training_steps`."""
    runs = TrainingRuns(workshop.workspace)
    return runs.steps(runs.find(name))


def forget_photos(workshop: Workshop, name: str) -> None:
    """See `Studio.forget_training_photos`."""
    runs = TrainingRuns(workshop.workspace)
    run = runs.find(name)
    runs.forget_photos(run)


def go_on(workshop: Workshop, runs: TrainingRuns, run: TrainingRun, sets: Sets = ()) -> Iterator[TrainingEvent]:
    """Do what is left of a run; of a finished one only tell what came out. `sets` are its photos, where they are here.

    Raises: TrainingRunningError, DamagedTrainingError, DamagedPhotosError, and what training raises.
    """
    with runs.locked(run) as held:
        yield held
        adapter = _adapter(workshop, held)
        if adapter is not None:
            yield Note("note.training.finished", {"name": held.name, "adapter": adapter.name})
            yield adapter
            return
        if held.step:
            facts = {"name": held.name, "step": held.step, "steps": held.plan.steps}
            yield Note("note.training.goes_on", facts)
        card = yield from bring_model(workshop.model(held.settings.get("model")), workshop.cache)
        if card.sha256 != held.plan.model_sha256:
            raise DamagedTrainingError("error.training.model_changed", name=held.name, model=held.plan.model)
        with stop_waits():
            from colabsd.studio.learning import learn

        execution, notes = workshop.execution_again(card, held.plan.execution)
        yield from notes
        here = replace(held, plan=replace(held.plan, execution=execution))
        yield from learn(workshop, runs, here, card, sets or kept_photos(runs, held))


def waiting(runs: TrainingRuns, settings: TrainingSettings) -> TrainingRun:
    """The newest run that was asked for with these settings, whatever its photos are. Raises: NotAPictureError."""
    asked = settings_to_json(replace(settings, photos=""))
    same = [run for run in runs.all() if {**run.settings, "photos": ""} == asked]
    if not same:
        raise NotAPictureError("error.training.no_photos")
    return same[-1]


def kept_photos(runs: TrainingRuns, run: TrainingRun) -> "list[PhotoSet]":
    """The photos of a run from its archives. Raises: DamagedPhotosError, StorageError."""
    from colabsd.training.photo_archive import unpack_photos

    folder = runs.local(run) / "photos"
    return [
        unpack_photos(runs.read(run, photos_name(number)), folder / str(number), sha256)
        for number, sha256 in enumerate(run.photos)
    ]


def read_subjects(
    workshop: Workshop, settings: TrainingSettings, photos: "PhotoSet | None"
) -> "Generator[Progress | Note, None, list[PhotoSet]]":
    """The photos of every subject: those given, or of the folder that the settings name, then of further subjects.

    Raises: NotAPictureError, MissingPackageError, StorageError, InvalidSettingError.
    """
    check_settings(settings)
    folders = [] if photos is not None else [settings.photos]
    folders += [read_subject(text)[0] for text in settings.more_subjects or ()]
    sets = [] if photos is None else [photos]
    kind = next(one for one in PHOTO_KINDS if one == (settings.kind or "object"))
    for folder in folders:
        if not folder.strip():
            raise NotAPictureError("error.training.no_photos")
        for event in read_photos(workshop, [folder], kind, settings.model):
            if isinstance(event, Progress | Note):
                yield event
            else:
                sets.append(event)
    return sets


def exact_training(
    workshop: Workshop, settings: TrainingSettings, card: ModelCard, photos: Sequence[PhotoFacts]
) -> TrainingPlan:
    """The exact plan of a training on this machine. Raises: InvalidSettingError and its like."""
    return choose(
        settings,
        photos[0],
        card=card,
        machine=workshop.machine,
        new_seed=lambda: secrets.randbelow(SEEDS),
        more=tuple(photos[1:]),
        installed=frozenset(filter(installed_version, ("bitsandbytes", "prodigyopt"))),
        free_disk_bytes=free_bytes(workshop.workspace.local),
    )


def _begun(
    workshop: Workshop, runs: TrainingRuns, settings: TrainingSettings, known: ModelCard, sets: Sets
) -> Generator[Progress | Note, None, TrainingRun]:
    """Write a new run down. What is wrong with the settings is told before anything is downloaded."""
    from colabsd.training.photo_archive import pack_photos

    facts = [one.facts for one in sets]
    plan = exact_training(workshop, settings, known, facts)
    card = yield from bring_model(known, workshop.cache)
    if card.sha256 != plan.model_sha256:
        plan = exact_training(workshop, replace(settings, seed=plan.seed), card, facts)
    yield from plan.notes
    archives = [(one.sha256, pack_photos(one)) for one in sets]
    return runs.start(settings, plan, archives, datetime.now(UTC))


def _adapter(workshop: Workshop, run: TrainingRun) -> KeptAdapter | None:
    """What came out of a finished run, if it is still there."""
    kept = kept_adapters(workshop.workspace) if run.is_finished else ()
    return next((one for one in kept if one.name == run.adapter), None)
