"""The verbs of the studio about training: photos, what is learnt from them, avatars. Each is done in its own module."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.artifacts import LoraForm
from colabsd.library.adapters import KeptAdapter
from colabsd.library.training_runs import TrainingRun
from colabsd.planning.avatars import AvatarWishes
from colabsd.planning.photos import PhotoKind
from colabsd.planning.plans import Note
from colabsd.planning.training import TrainingPlan
from colabsd.progress import Progress
from colabsd.settings.training import TrainingSettings
from colabsd.studio.avatars import make_avatars
from colabsd.studio.photos import KeptPhotos, erase_photos, keep_photos, kept_photos, photo_sets, photos
from colabsd.studio.training import (
    TrainingEvent,
    export_training,
    forget_photos,
    plan_training,
    resume_training,
    train,
    training_run,
    training_runs,
    training_steps,
)
from colabsd.studio.workshop import Event, Workshop

if TYPE_CHECKING:
    from colabsd.training.avatars import AvatarPack
    from colabsd.training.photos import PhotoSet


class TrainingVerbs(Workshop):
    """The part of `Studio` that is about training."""

    def plan_training(self, settings: TrainingSettings, photos: "PhotoSet | None" = None) -> TrainingPlan:
        """The exact plan of a training, with its reasons in words; reads the photos, trains nothing.

        `photos` stand for the folder that the settings name. Raises: InvalidSettingError and its like,
        NotAPictureError, NotEnoughMemoryError.
        """
        return plan_training(self, settings, photos)

    def train(self, settings: TrainingSettings, photos: "PhotoSet | None" = None) -> Iterator[TrainingEvent]:
        """Train on photos and keep what comes out: the run first, a report per step, at the end the KeptAdapter.

        The same request goes on where it was left, on this machine or another, and a finished one is not done again;
        without any photos the newest training of the same settings goes on. Closing the iterator stops at the next
        step and keeps the state. Raises: as `plan_training`; DivergedError, OutOfMemoryError, StorageError,
        ExportError.
        """
        return train(self, settings, photos)

    def resume_training(self, name: str | None = None) -> Iterator[TrainingEvent]:
        """Go on with a training that was left; without a name with all. Raises: UnknownTrainingError, as `train`."""
        return resume_training(self, name)

    def export_training(
        self, name: str, step: int | None = None, form: LoraForm = "kohya"
    ) -> Iterator[Progress | Note | KeptAdapter]:
        """Keep another step of a training as an adapter of its own; None is the newest that has a state.

        `form` is the layout of a LoRA: kohya's, for A1111, Forge and ComfyUI, or diffusers'.

        Raises: UnknownTrainingError, CheckpointError, ExportError, StorageError.
        """
        return export_training(self, name, step, form)

    def training_runs(self) -> list[TrainingRun]:
        """All trainings of the workspace, finished or not, the oldest first. Raises: StorageError."""
        return training_runs(self)

    def training_run(self, name: str) -> TrainingRun:
        """The training of that name as it stands. Raises: UnknownTrainingError, DamagedTrainingError."""
        return training_run(self, name)

    def training_steps(self, name: str) -> list[int]:
        """The steps of a training whose states are on this machine, which `export_training` can take."""
        return training_steps(self, name)

    def forget_training_photos(self, name: str) -> None:
        """Erase the photos that were kept with a training. Raises: UnknownTrainingError, StorageError."""
        forget_photos(self, name)

    def photos(
        self, paths: Sequence[str | Path], kind: PhotoKind = "object", *, model: str | None = None
    ) -> "Iterator[Progress | Note | PhotoSet]":
        """Photos to train on, from folders and files: measured, cropped, checked; the set comes last.

        Of a person faces are looked for where that can be had. `model` is what will be trained on them: its size says
        which photos are too small. Raises: NotAPictureError, MissingPackageError, UnknownModelError, StorageError.
        """
        return photos(self, paths, kind, model)

    def keep_photos(self, chosen: "PhotoSet") -> KeptPhotos:
        """Keep a set of photos in the workspace, with crops and captions, as one file. Raises: StorageError."""
        return keep_photos(self, chosen)

    def kept_photos(self, name: str) -> "PhotoSet":
        """A kept set. Raises: UnknownPhotosError, DamagedPhotosError, StorageError."""
        return kept_photos(self, name)

    def photo_sets(self) -> list[KeptPhotos]:
        """The sets of photos that are kept."""
        return photo_sets(self.workspace)

    def erase_photos(self, name: str) -> tuple[str, ...]:
        """Remove a kept set for good, also from the trainings that used it: their names are given back.

        Files elsewhere, as the photos that it was made from, are not touched. Raises: UnknownPhotosError, StorageError.
        """
        return erase_photos(self, name)

    def make_avatars(
        self, settings: TrainingSettings, wishes: AvatarWishes
    ) -> "Iterator[TrainingEvent | Event | AvatarPack]":
        """Learn who is on the photos that `settings` name, draw them in many styles, keep those most like the photos.

        The AvatarPack comes last: a contact sheet, and an archive in `avatars/` of the workspace; the chosen pictures
        have a star. Called again it goes on where it was stopped. Raises: UsageError where the people on the photos
        have not agreed, and what `train` and `draw` raise.
        """
        return make_avatars(self, settings, wishes)
