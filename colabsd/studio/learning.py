"""One training from its photos to its adapter: class pictures, the loop with somebody looking on, the export."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd import __version__
from colabsd.artifacts import Adapter, LoraForm
from colabsd.engine.clip_scorer import best_scorer
from colabsd.environment.packages import installed_version
from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.library.adapters import KeptAdapter, stamped
from colabsd.library.training_runs import TrainingRun, TrainingRuns
from colabsd.models.cards import ModelCard
from colabsd.planning.images import plan_images
from colabsd.progress import Note, Progress
from colabsd.settings.images import ImageSettings
from colabsd.studio.training_files import Seen, bring_states, class_places, remembered, state_places
from colabsd.studio.workshop import Workshop
from colabsd.training.base import load_base
from colabsd.training.checkpoints import find_checkpoints
from colabsd.training.class_pictures import (
    ClassPictures,
    draw_class_pictures,
    missing_class_pictures,
    plan_class_pictures,
)
from colabsd.training.examples import examples_of
from colabsd.training.export.keeping import keep_trained
from colabsd.training.figures import Figures, best_step
from colabsd.training.loop import load_step, train
from colabsd.training.methods import build_trainable
from colabsd.training.photo_files import find_photos
from colabsd.training.photos import PhotoSet
from colabsd.training.reports import Finished, NobodyWatches, Saved, Watcher
from colabsd.training.watching import Samples, SampleWatcher

if TYPE_CHECKING:
    from colabsd.training.base import Base
    from colabsd.training.trainables import Trainable

Sets = Sequence[PhotoSet]
PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pillow")
MOST_LOSSES = 400  # points of a curve that a card keeps


def learn(workshop: Workshop, runs: TrainingRuns, run: TrainingRun, card: ModelCard, sets: Sets) -> Iterator[Any]:
    """Train what is left of a run, and keep what comes out; the KeptAdapter comes last. Raises: see `Studio.train`."""
    classes = yield from _class_pictures(workshop, run, card)
    workshop.unload()  # the engine's weights go before those that learn come
    yield from bring_states(runs, run)
    base = yield from load_base(card, run.plan)
    trainable = build_trainable(base, run.plan)
    examples = examples_of(run.plan, sets, classes)
    seen = Seen(runs, run)
    watcher = yield from _watcher(workshop, runs, run, card, sets)
    for event in train(run.plan, examples, base, trainable, state_places(runs, run), watcher):
        workshop.library.tend()
        if isinstance(event, Samples):
            seen.take(event)
        elif isinstance(event, Saved):
            seen.saved(event)
        yield event
        if isinstance(event, Finished):
            seen.publish()
            yield from _finished(workshop, runs, run, base, trainable, event)


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
        places = class_places(workshop.workspace)
        if missing_class_pictures(plan, places):
            yield Note(
                "note.training.class_pictures", {"count": run.plan.class_pictures, "prompt": subject.class_prompt}
            )
        engine = yield from workshop.load(card, plan, {})
        for event in draw_class_pictures(engine, plan, places):
            if isinstance(event, ClassPictures):
                found.append(event.paths)
            else:
                yield event
    return found


def _pictures_in(folder: Path) -> list[Path]:
    return list(find_photos([folder])[0])


def _watcher(
    workshop: Workshop, runs: TrainingRuns, run: TrainingRun, card: ModelCard, sets: Sets
) -> Generator[Note, None, Watcher]:
    """Who looks on, with what it saw before a disconnection. Where nothing can measure pictures, nobody."""
    try:
        scorer = best_scorer(workshop.cache, run.plan.execution.device)
    except (MissingWeightsError, DamagedWeightsError) as error:
        yield Note("note.training.nobody_watches", {"reason": error})
        return NobodyWatches()
    side = Size(run.plan.resolution, run.plan.resolution)
    photos = [[photo.image(side) for photo in chosen.photos] for chosen in sets]
    return SampleWatcher(card, scorer, photos, workshop.language, remembered(runs, run))


def _finished(
    workshop: Workshop, runs: TrainingRuns, run: TrainingRun, base: "Base", trainable: "Trainable", end: Finished
) -> Iterator[Progress | Note | KeptAdapter]:
    """Export the step that is best as far as is known, and write down that the run is finished."""
    memory = remembered(runs, run)
    best = end.step if memory is None else _best_of(memory, runs, run, end.step)
    if best != end.step:
        load_step(trainable, runs.states(run), best, run.plan.key)
        yield Note("note.training.best_step", {"step": best, "steps": end.step})
    kept = yield from export_step(workshop, run, base, trainable, best, end.losses)
    runs.finish(run, kept.name, {"step": best, "loss": end.losses[-1] if end.losses else None})
    yield kept


def _best_of(memory: Mapping[str, Any], runs: TrainingRuns, run: TrainingRun, last: int) -> int:
    """The best step, of those that have a state."""
    figures = [Figures.from_json(one) for one in memory.get("figures", ())]
    steps = [one.step for one in find_checkpoints([runs.states(run)])]
    return best_step(figures, steps) or last


def export_step(
    workshop: Workshop,
    run: TrainingRun,
    base: "Base",
    trainable: "Trainable",
    step: int,
    losses: Sequence[float],
    form: LoraForm = "kohya",
) -> Generator[Progress | Note, None, KeptAdapter]:
    """Keep what a step had learnt where prompts find it, read again and compared with what it should do."""
    plan, card, trained = run.plan, base.card, trainable.trained()
    images = plan_images(
        ImageSettings(prompt="", device=plan.execution.device),
        card=card,
        machine=workshop.machine,
        new_seed=lambda: 0,
    )
    engine = yield from workshop.load(card, images, {})
    adapter = Adapter(
        name=run.name,
        method=plan.method,
        family=card.family,
        base=str(run.settings.get("model") or plan.model),  # as it is asked for again
        base_sha256=plan.model_sha256,
        phrase=" ".join(dict.fromkeys(f"{one.word} {one.class_word}" for one in plan.subjects)),
        words=tuple(trained.words),
        photos=sum(one.count for one in plan.subjects),
        photos_sha256=key_of(list(run.photos)) if len(run.photos) > 1 else run.photos[0],
        made=stamped(datetime.now(UTC)),
        width=plan.resolution,
        height=plan.resolution,
        steps=step,
        prediction="v" if base.prediction_type == "v_prediction" else "epsilon",
        plan=plan.key,
        settings=plan.as_json(),
        losses=thinned(losses[:step]),
        versions=_versions(),
    )
    return (yield from keep_trained(workshop.cache, trained, adapter, engine, form=form))


def export_kept_step(
    workshop: Workshop, runs: TrainingRuns, run: TrainingRun, card: ModelCard, step: int, form: LoraForm
) -> Iterator[Progress | Note | KeptAdapter]:
    """Keep what a step had learnt whose state is still there. Raises: CheckpointError, ExportError, StorageError."""
    yield from bring_states(runs, run)
    workshop.unload()
    base = yield from load_base(card, run.plan)
    trainable = build_trainable(base, run.plan)
    load_step(trainable, runs.states(run), step, run.plan.key)
    found = next(one for one in find_checkpoints([runs.states(run)]) if one.step == step)
    yield (yield from export_step(workshop, run, base, trainable, step, found.facts["losses"], form))


def thinned(losses: Sequence[float]) -> tuple[tuple[int, float], ...]:
    """(step, loss) of at most MOST_LOSSES stretches of equal length: each the mean of its own, at its last step."""
    each = max(1, -(-len(losses) // MOST_LOSSES))
    parts = [losses[first : first + each] for first in range(0, len(losses), each)]
    ends = [min(first + each, len(losses)) for first in range(0, len(losses), each)]
    return tuple((end, round(sum(part) / len(part), 6)) for end, part in zip(ends, parts, strict=True))


def _versions() -> dict[str, str]:
    found = {name: installed_version(name) for name in PACKAGES}
    return {"colabsd": __version__, **{name: version for name, version in found.items() if version}}
