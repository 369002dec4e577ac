"""What a training tells while it runs, and who looks on. Knows no files' contents and no networks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from colabsd.planning.training import TrainingPlan

if TYPE_CHECKING:
    from colabsd.training.base import Base
    from colabsd.training.trainables import Trainable

Reason = Literal["preflight", "start", "sample", "checkpoint", "end"]


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """One change of the weights. `step` counts from 1.

    `loss` is what was minimised: the mean over the accumulated batches of the photos' loss plus the weighted one of
    class pictures, which stand alone in `photo_loss` and `class_loss` (None without them). `gradient_norm` is the one
    before clipping (None where it was not asked for). `rates` are the learning rates used, by name. `skipped`: the
    gradient of a half precision overflowed, and the weights stayed as they were.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    photo_loss: float
    class_loss: float | None = None
    gradient_norm: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A state after `step` steps that lies whole on the disk and was read back. `drive`: it is on its way to Drive."""

    step: int
    path: Path
    bytes: int
    sha256: str
    drive: bool = False


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What one step, one save and one sample took when they were tried; `device_bytes` is the peak on a GPU, else 0."""

    step_s: float
    save_s: float
    sample_s: float
    state_bytes: int
    device_bytes: int = 0

    def minutes(self, plan: TrainingPlan) -> float:
        """The whole training at this pace."""
        samples = plan.steps // plan.sample_every + 1 if plan.sample_every else 1
        saves = plan.steps // plan.checkpoint_every + 1 if plan.checkpoint_every else 1
        return (plan.steps * self.step_s + samples * self.sample_s + saves * self.save_s) / 60


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a training: all steps were done, and the last state is kept."""

    step: int
    losses: tuple[float, ...]
    saved: Saved


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When the loop lets somebody look: the networks as they are after `step` steps, and the losses so far.

    `reason` "preflight" is a trial of one sample before anything is learnt, to be forgotten; "start" comes before the
    first step (also of a resumed training), "end" after the last. `saved` is the
    state that was kept just now, if one was.
    """

    reason: Reason
    step: int
    plan: TrainingPlan
    base: "Base"
    trainable: "Trainable"
    losses: Sequence[float]
    saved: Saved | None = None


class Watcher(Protocol):
    """Who looks on: draws samples, measures, shows curves. Must leave the networks as they are."""

    def look(self, moment: Moment) -> Iterator[Any]:
        """What is yielded goes on to whoever follows the training (Progress, Note, pictures, figures)."""
        ...

    def best(self, steps: Sequence[int]) -> int | None:
        """The step, of those that have a state, that is best as far as is known; it is not thrown away."""
        ...


class NobodyWatches:
    """A Watcher that looks at nothing."""

    def look(self, moment: Moment) -> Iterator[Any]:
        yield from ()

    def best(self, steps: Sequence[int]) -> int | None:
        return None
