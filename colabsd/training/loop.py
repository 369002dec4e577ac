"""The training loop: from where it was, step by step, with states kept and somebody looking on. Knows no networks.

A generator. Closing it stops after the step it is at and keeps the state; calling it again goes on from there, exactly.
"""

import platform
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from colabsd.errors import CheckpointError, DivergedError, OutOfMemoryError, StorageError
from colabsd.planning.training import TrainingPlan
from colabsd.progress import Note, Progress
from colabsd.training.adapters import in_training_mode
from colabsd.training.base import Base
from colabsd.training.checkpoints import Checkpoints, Places, State, find_checkpoints, latest_state, read_state
from colabsd.training.data import Examples, Prepared, prepare_examples
from colabsd.training.optimizer_state import PREFIX, pack_optimizer, unpack_optimizer
from colabsd.training.order import Counted, InReference, Order
from colabsd.training.preflight import preflight
from colabsd.training.reports import Finished, Moment, NobodyWatches, Reason, Saved, TrainingReport, Watcher
from colabsd.training.stepping import Stepper
from colabsd.training.trainables import Trainable

Event = Any
"""Progress, Note, TrainingReport, Saved, Finished, and whatever a Watcher yields."""
NOBODY = NobodyWatches()


def train(
    plan: TrainingPlan,
    examples: Examples,
    base: Base,
    trainable: Trainable,
    places: Places,
    watcher: Watcher = NOBODY,
    *,
    check_first: bool = True,
) -> Iterator[Event]:
    """Train what the plan says, from the latest state in `places.local` if there is one.

    Yields Progress while pictures are encoded; then per step a TrainingReport and a Progress of stage "train"; Saved
    for every state kept, what the watcher yields, and Finished at the end. `check_first`: before a new training one
    step, one sample and one state are tried (`preflight.py`). Raises: DivergedError, OutOfMemoryError, CheckpointError,
    StorageError; what was kept stays, and after the first two so does the state of the last step.
    """
    state, notes = latest_state([places.local], plan.key)
    yield from notes
    run = yield from _begin(plan, examples, base, trainable, Checkpoints(places, plan.keep))
    if state is not None:
        run.restore(state)
        yield Note("note.training.resumed", {"step": run.step, "steps": plan.steps})
    elif check_first and plan.steps > 0:
        yield from preflight(run, watcher)
    yield from run.tell()
    yield from watcher.look(run.moment("start"))
    try:
        yield from _go_on(run, watcher)
    except (GeneratorExit, KeyboardInterrupt, DivergedError, OutOfMemoryError):
        if run.step != run.saved_step and run.step > 0:
            run.keep()
        raise
    yield from _finish(run, watcher)


def order_of(plan: TrainingPlan, examples: Examples, prepared: Prepared, timesteps: int) -> Order:
    """Which photos each step looks at: from counts, or in reference mode as diffusers' script draws them."""
    order = Counted(
        seed=plan.seed,
        photos=len(examples.photos),
        classes=len(examples.classes) if plan.prior else 0,
        batch=plan.batch,
        accumulation=plan.accumulation,
        shape=prepared.shape,
        timesteps=timesteps,
        offset=plan.noise_offset > 0,
        channels_last=prepared.channels_last,
    )
    return InReference(order) if plan.reference else order


@dataclass
class Run:
    """A training while it runs: the stepper, the step it has come to, the losses so far, the states kept."""

    plan: TrainingPlan
    base: Base
    trainable: Trainable
    stepper: Stepper
    checkpoints: Checkpoints
    step: int = 0
    losses: list[float] = field(default_factory=list)
    saved_step: int | None = None

    def state(self) -> State:
        """Everything to go on from."""
        tensors, optimizer = pack_optimizer(self.stepper.optimizer)
        facts = {
            "plan_key": self.plan.key,
            "plan": self.plan.as_json(),
            "losses": self.losses,
            "optimizer": optimizer,
            "scaler": dict(self.stepper.scaler.state_dict()),
            "skipped": self.stepper.skipped,
            "versions": versions(),
        }
        return State(self.step, {**self.trainable.state_dict(), **tensors}, facts)

    def restore(self, state: State) -> None:
        """Go back, or on, to a state. Raises: CheckpointError."""
        load_weights(self.trainable, state)
        unpack_optimizer(self.stepper.optimizer, state.tensors, state.facts["optimizer"])
        if self.stepper.scaler.is_enabled():
            self.stepper.scaler.load_state_dict(dict(state.facts["scaler"]))
        self.stepper.skipped = int(state.facts["skipped"])
        self.step, self.losses = state.step, [float(loss) for loss in state.facts["losses"]]
        self.saved_step = state.step

    def advance(self) -> TrainingReport:
        """One step."""
        report = self.stepper.step(self.step)
        self.step += 1
        self.losses.append(report.loss)
        return report

    def keep(self, *, last: bool = False) -> Saved:
        """Keep the state as it is. Raises: StorageError."""
        saved = self.checkpoints.save(self.state(), last=last)
        self.saved_step = self.step
        return saved

    def tell(self) -> Iterator[Note | Progress]:
        """What was changed on the way, and how far it has come."""
        yield from self.stepper.notes
        self.stepper.notes.clear()
        metrics = {"loss": self.losses[-1]} if self.losses else {}
        yield Progress(stage="train", done=self.step, total=self.plan.steps, metrics=metrics)

    def moment(self, reason: Reason, saved: Saved | None = None) -> Moment:
        return Moment(
            reason=reason,
            step=self.step,
            plan=self.plan,
            base=self.base,
            trainable=self.trainable,
            losses=tuple(self.losses),
            saved=saved,
        )


def _begin(
    plan: TrainingPlan, examples: Examples, base: Base, trainable: Trainable, checkpoints: Checkpoints
) -> Generator[Progress, None, Run]:
    """Encode what is learnt from, and set everything up for the first step."""
    chosen = examples if plan.prior else Examples(examples.photos)
    prepared = yield from prepare_examples(
        base,
        chosen,
        plan.resolution,
        read_once=not trainable.reads_sentences,
        masked=plan.masked,
        anew=plan.reference,
        cache=checkpoints.places.cache,
    )
    order = order_of(plan, chosen, prepared, base.noise.config.num_train_timesteps)
    stepper = Stepper(plan, base, trainable, prepared, order)
    in_training_mode(base, trainable.groups)
    return Run(plan, base, trainable, stepper, checkpoints)


def _go_on(run: Run, watcher: Watcher) -> Iterator[Event]:
    """All steps that are left. After a DivergedError the weights are those of the last whole step."""
    plan = run.plan
    while run.step < plan.steps:
        report = run.advance()
        yield report
        yield from run.tell()
        if run.step == plan.steps:
            return
        if _is_due(run.step, plan.checkpoint_every):
            yield from _keep_on_the_way(run, watcher)
        if _is_due(run.step, plan.sample_every):
            yield from watcher.look(run.moment("sample"))


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _keep_on_the_way(run: Run, watcher: Watcher) -> Iterator[Event]:
    """Keep a state; where that fails, say so and train on: the next one may succeed, and those before are there."""
    try:
        saved = run.keep()
    except StorageError as error:
        yield Note("note.training.not_kept", {"step": run.step, "reason": error})
        return
    yield saved
    yield from watcher.look(run.moment("checkpoint", saved))
    run.checkpoints.prune(_best(run, watcher))


def _best(run: Run, watcher: Watcher) -> int | None:
    return watcher.best([one.step for one in find_checkpoints([run.checkpoints.places.local])])


def _finish(run: Run, watcher: Watcher) -> Iterator[Event]:
    saved = run.keep(last=True)
    yield saved
    yield from watcher.look(run.moment("end", saved))
    run.checkpoints.prune(_best(run, watcher))
    yield Finished(step=run.step, losses=tuple(run.losses), saved=saved)


def load_weights(trainable: Trainable, state: State) -> None:
    """Put a state's weights into what is trained. Raises: CheckpointError."""
    own = {name: tensor for name, tensor in state.tensors.items() if not name.startswith(PREFIX)}
    trainable.load_state_dict(own)


def load_step(trainable: Trainable, folder: Path, step: int, plan_key: str) -> None:
    """Put the weights of a kept state into what is trained, as for exporting it. Raises: CheckpointError."""
    found = next((one for one in find_checkpoints([folder]) if one.step == step), None)
    if found is None or found.facts.get("plan_key") != plan_key:
        raise CheckpointError("error.checkpoint.absent", folder=folder, step=step)
    load_weights(trainable, read_state(found))


def versions() -> Mapping[str, str]:
    """What a training ran on, for the record."""
    import diffusers
    import transformers

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
