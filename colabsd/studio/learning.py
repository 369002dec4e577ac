"""One training from its photos to its adapter: class pictures, the loop, what is seen and kept on the way, the export."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd import __version__
from colabsd.artifacts import Adapter
from colabsd.environment.packages import installed_version
from colabsd.errors import StorageError
from colabsd.library.adapters import KeptAdapter, stamped
from colabsd.library.training_runs import CLASS_PICTURES, FOLDER, TrainingRun, TrainingRuns
from colabsd.models.cards import ModelCard
from colabsd.planning.memory import choose_execution
from colabsd.planning.plans import ImagePlan
from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish_into
from colabsd.studio.workshop import Workshop
from colabsd.training.checkpoints import Places, latest_state
from colabsd.training.class_pictures import (
    ClassPictures,
    ClassPlaces,
    draw_class_pictures,
    missing_class_pictures,
    plan_class_pictures,
)
from colabsd.training.photos import PhotoSet
from colabsd.training.reports import Finished, Saved, TrainingReport
from colabsd.training.watching import Samples, SampleWatcher

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine
    from colabsd.training.base import Base
    from colabsd.training.data import Examples
    from colabsd.training.trainables import Trainable

Sets = Sequence[PhotoSet]
PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pillow")
MEMORY, SHEET = "watched.json", "samples"
MOST_LOSSES = 400  # points of a curve that a card keeps


def learn(workshop: Workshop, runs: TrainingRuns, run: TrainingRun, card: ModelCard, sets: Sets) -> Iterator[Any]:
    """Train what is left of a run, and keep what comes out; the KeptAdapter comes last. Raises: see `Studio.train`."""
    from colabsd.training.base import load_base
    from colabsd.training.loop import train
    from colabsd.training.methods import build_trainable

    classes = yield from _class_pictures(workshop, run, card)
    workshop.unload()  # the engine's weights go before those that learn come
    base = yield from load_base(card, run.plan)
    trainable = build_trainable(base, run.plan)
    watcher = _watcher(workshop, runs, run, card, sets)
    keeping = _Keeping(runs, run)
    finished = None
    for event in train(run.plan, _examples(run, sets, classes), base, trainable, _places(workshop, runs, run), watcher):
        workshop.library.tend()
        if isinstance(event, Samples):
            keeping.seen(event)
        elif isinstance(event, Saved):
            keeping.saved(event)
        elif isinstance(event, Finished):
            finished = event
        yield event
    assert finished is not None, "a training that is not stopped ends"
    keeping.finish()
    yield from _kept(workshop, runs, run, card, base, trainable, finished, keeping)


def _class_pictures(
    workshop: Workshop, run: TrainingRun, card: ModelCard
) -> Generator[Progress | Note, None, list[Sequence[Path]]]:
    """The class pictures of every subject: those in its folder, else drawn by the model itself."""
    if not run.plan.prior:
        return [()] * len(run.plan.subjects)
    found: list[Sequence[Path]] = []
    for subject in run.plan.subjects:
        if subject.class_folder:
            found.append(_pictures_in(Path(subject.class_folder).expanduser()))
            continue
        plan = plan_class_pictures(subject, run.plan, card, workshop.machine)
        places = _class_places(workshop)
        if missing_class_pictures(plan, places):
            yield Note("note.training.class_pictures", {"count": run.plan.class_pictures, "prompt": subject.class_prompt})
        engine = yield from workshop.load(card, plan, {})
        for event in draw_class_pictures(engine, plan, places):
            if isinstance(event, ClassPictures):
                found.append(event.paths)
            else:
                yield event
    return found


def _class_places(workshop: Workshop) -> ClassPlaces:
    """Class pictures lie beside the runs, which share them; on Drive a few archives."""
    workspace = workshop.workspace
    relative = f"{FOLDER}/{CLASS_PICTURES}"
    local = workspace.local / relative
    if not workspace.remote:
        return ClassPlaces(local=local)
    kept = {}
    for folder in (*workspace.places(relative), workspace.outbox / relative):
        with suppress(OSError):
            kept |= {path.name: path for path in folder.glob("*.zip")}

    def publish(name: str, data: bytes) -> None:
        publish_into(workspace, data, workspace.root / relative, [name])

    return ClassPlaces(local=local, kept=tuple(kept.values()), publish=publish)


def _pictures_in(folder: Path) -> list[Path]:
    from colabsd.training.photo_files import find_photos

    return list(find_photos([folder])[0])


def _examples(run: TrainingRun, sets: Sets, classes: Sequence[Sequence[Path]]) -> "Examples":
    """What is learnt from: every photo with its caption or the subject's sentence, class pictures with theirs."""
    from colabsd.training.data import Example, Examples
    from colabsd.training.photo_files import read_photo_file
    from colabsd.training.photos import Photo, choose_crop

    photos, others = [], []
    for subject, chosen, pictures in zip(run.plan.subjects, sets, classes, strict=True):
        for photo in chosen.photos:
            sentence = photo.caption or subject.photo_prompt
            photos.append(Example(f"{photo.sha256} {photo.crop.box}", photo.image, sentence))
        for path in pictures:
            file = read_photo_file(path)
            crop = choose_crop(file.size, None, file.size, 1)
            size = file.size
            one = Photo(
                path=path, name=path.name, sha256=file.sha256, width=size.width, height=size.height, crop=crop
            )
            others.append(Example(f"{one.sha256} {crop.box}", one.image, subject.class_prompt))
    return Examples(tuple(photos), tuple(others))


def _watcher(
    workshop: Workshop, runs: TrainingRuns, run: TrainingRun, card: ModelCard, sets: Sets
) -> SampleWatcher:
    """Who looks on, with what it saw before a disconnection."""
    from colabsd.engine.clip_scorer import best_scorer
    from colabsd.geometry import Size

    side = Size(run.plan.resolution, run.plan.resolution)
    photos = [[photo.image(side) for photo in chosen.photos] for chosen in sets]
    scorer = best_scorer(workshop.cache, run.plan.execution.device)
    return SampleWatcher(card, scorer, photos, workshop.language, _memory(runs, run))


def _memory(runs: TrainingRuns, run: TrainingRun) -> dict[str, Any] | None:
    """The newest that a watcher of this run remembered, on this machine or on Drive."""
    from colabsd.training.results import Trained  # noqa: F401

    near = runs.local(run) / MEMORY
    kept = sorted(name for name in runs.files(run) if name.startswith(f"{SHEET}-") and name.endswith(".json"))
    found: list[dict[str, Any]] = []
    with suppress(OSError, ValueError):
        found.append(json.loads(near.read_bytes()))
    for name in kept[-1:]:
        with suppress(StorageError, ValueError):
            found.append(json.loads(runs.read(run, name)))
    return max(found, key=lambda one: len(one.get("figures", ())), default=None)


def _places(workshop: Workshop, runs: TrainingRuns, run: TrainingRun) -> Places:
    """Where states go: this machine's disk, and on Drive the run's folder."""
    cache = workshop.workspace.local / FOLDER / "latents"
    if not workshop.workspace.remote:
        return Places(local=runs.local(run), cache=cache)

    def publish(name: str, data: bytes) -> None:
        if name in runs.files(run):  # of a state that another machine could not finish
            runs.remove(run, [name])
        runs.publish(run, name, data)

    def remove(names: Sequence[str]) -> None:
        runs.remove(run, names)

    return Places(local=runs.local(run), cache=cache, publish=publish, remove=remove)
