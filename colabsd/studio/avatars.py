"""Avatar packs: the parts of one on a workspace. What a pack is, is told in `training/avatars.py`."""

import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.environment.interrupts import stop_waits
from colabsd.errors import UnknownPhotosError
from colabsd.library.adapters import KeptAdapter
from colabsd.library.library import KeptPicture
from colabsd.library.record import Record
from colabsd.library.training_runs import TrainingRuns
from colabsd.models.registry import bring_model
from colabsd.planning.avatars import AvatarWishes, chosen_styles
from colabsd.planning.plans import Drawing, Execution
from colabsd.settings.images import ImageSettings
from colabsd.settings.training import TrainingSettings
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish_into
from colabsd.storage.removal import remove_for_good
from colabsd.studio.drawing import draw
from colabsd.studio.photos import erase_photos
from colabsd.studio.training import read_subjects, train
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from colabsd.training.avatars import Avatar
    from colabsd.training.photos import PhotoSet

FOLDER = "avatars"


def make_avatars(workshop: Workshop, settings: TrainingSettings, wishes: AvatarWishes) -> Iterator[Any]:
    """See `Studio.make_avatars`."""
    model = workshop.model(settings.model)
    chosen_styles(wishes, model.name)  # what is wrong is told before anything is loaded
    with stop_waits():
        from colabsd.engine.clip_scorer import best_scorer
        from colabsd.training.avatars import avatar_pack

    settings = settings if settings.kind else replace(settings, kind="person")
    photos = (yield from read_subjects(workshop, settings, None))[0]
    parts = _Parts(workshop, settings)
    yield from avatar_pack(photos, wishes, model.name, parts, best_scorer(workshop.cache), workshop.language)


class _Parts:
    """The parts of a pack: the studio's own verbs."""

    def __init__(self, workshop: Workshop, settings: TrainingSettings) -> None:
        self.workshop, self.settings = workshop, settings

    def learn(self, photos: "PhotoSet") -> Generator[Any, None, KeptAdapter]:
        adapter: KeptAdapter | None = None
        for event in train(self.workshop, self.settings, photos):
            yield event
            if isinstance(event, KeptAdapter):
                adapter = event
        assert adapter is not None, "a training that ends has made something"
        return adapter

    def draw(self, adapter: KeptAdapter, prompt: str, count: int, seed: int) -> Iterator[Any]:
        """What the library has already is not drawn again: a pack that was stopped goes on."""
        method = adapter.card.method
        asked = ImageSettings(
            prompt=prompt,
            model=adapter.name if method == "full" else self.settings.model,
            lora=(f"{adapter.name}:1",) if method in ("lora", "pivotal") else None,
            width=adapter.card.width,
            height=adapter.card.height,
            count=count,
            seed=seed,
        )
        card = yield from bring_model(self.workshop.model(asked.model), self.workshop.cache)
        plan = self.workshop.exact_plan(asked, card, as_written=True)
        known = self.workshop.library.of_keys({drawing.key for drawing in plan.drawings})
        for drawing in plan.drawings:
            if drawing.key in known:
                yield _found(self.workshop, known[drawing.key], drawing, plan.execution)
            else:
                yield from draw(self.workshop, replace(asked, count=1, seed=drawing.seed), as_written=True)

    def keep(self, adapter: KeptAdapter, chosen: "Sequence[Avatar]", archive: bytes) -> Path:
        for one in chosen:
            self.workshop.library.star(one.kept.record.path)
        workspace = self.workshop.workspace
        names = (f"{adapter.name}{'' if number == 1 else f'-{number}'}.zip" for number in count(1))
        if not workspace.remote:
            folder = workspace.root / FOLDER
            with storage_errors(folder):
                folder.mkdir(exist_ok=True)
        return publish_into(workspace, archive, workspace.root / FOLDER, names).path

    def forget(self, photos: "PhotoSet", adapter: KeptAdapter) -> None:
        """Erase the archives of the photos, the run with its states and samples, and the adapter's files.

        The photos' own files, wherever they came from, are not touched.
        """
        workspace, runs = self.workshop.workspace, TrainingRuns(self.workshop.workspace)
        with suppress(UnknownPhotosError):  # they are kept with their run alone
            erase_photos(self.workshop, photos.sha256)
        for run in runs.all():
            if photos.sha256 in run.photos:
                for folder in (runs.states(run), runs.local(run)):
                    _remove_folder(folder)
                runs.remove(run, runs.files(run))
        for file in adapter.card.files:
            remove_for_good(workspace, file.place)
            remove_for_good(workspace, str(Path(file.place).with_suffix(".json")))


def _found(workshop: Workshop, record: Record, drawing: Drawing, execution: Execution) -> KeptPicture:
    """A picture that the library has already, as if it had just been kept."""
    from PIL import Image

    from colabsd.artifacts import Picture

    path = workshop.workspace.locate(record.path)
    with storage_errors(path), Image.open(path) as opened:
        picture = Picture(image=opened.convert("RGB"), drawing=drawing, execution=execution)
    return KeptPicture(picture, path, record)


def _remove_folder(folder: Path) -> None:
    with storage_errors(folder):
        if folder.is_dir():
            shutil.rmtree(folder)
