"""The studio: what is shared (workspace, library, machine, language) and the verbs that people use."""

import secrets
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from colabsd.artifacts import Picture
from colabsd.environment.machine import Machine
from colabsd.language import Language
from colabsd.library.library import Job, KeptPicture, Library
from colabsd.library.picture_files import ImageFormat
from colabsd.models.cards import ModelCard
from colabsd.models.registry import bring_model, find_model, known_models
from colabsd.models.starter import NAME as STARTER
from colabsd.models.starter import Starter
from colabsd.planning.images import plan_images
from colabsd.planning.memory import choose_execution
from colabsd.planning.plans import Drawing, Execution, ImagePlan, Note
from colabsd.progress import Progress
from colabsd.settings.codec import settings_to_json
from colabsd.settings.images import ImageSettings
from colabsd.storage.workspace import Workspace
from colabsd.studio.replay import Comparison, Replay, compare, read_replay

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine

SEEDS = 2**32
Event: TypeAlias = Progress | Note | KeptPicture


class Studio:
    """Where pictures are asked for, drawn, kept, drawn again and continued. Built by `open_studio()`."""

    def __init__(self, *, workspace: Workspace, library: Library, machine: Machine, language: Language) -> None:
        self.workspace = workspace
        self.library = library
        self.machine = machine
        self.language = language
        self._engine: Engine | None = None

    def models(self) -> tuple[ModelCard, ...]:
        """The models that have a name."""
        return known_models()

    def model(self, name: str | None) -> ModelCard:
        """The card of one model; None is the embedded one. Raises: UnknownModelError and the errors of its files."""
        return find_model(name)

    def plan(self, settings: ImageSettings) -> ImagePlan:
        """The exact plan of a request, without drawing it. Raises: InvalidSettingError and its like."""
        return self._plan(settings, self.model(settings.model))

    def draw(
        self, settings: ImageSettings, *, image_format: ImageFormat = "png", previews: bool = False
    ) -> Iterator[Event]:
        """Draw what was asked and keep each picture as soon as it is finished.

        Closing the iterator stops at the next step; what is kept stays kept and `resume()` draws the rest.
        """
        known = self.model(settings.model)
        settings = with_whole_path(settings, known)
        plan = self._plan(settings, known)  # wrong settings are told before anything is downloaded
        card = yield from bring_model(known, self._digest_memory)
        if card.sha256 != plan.drawings[0].model_sha256:
            plan = self._plan(settings, card)
        yield from plan.notes
        yield from self._unknown_words(settings.prompt, card)
        job = self.library.start_job(settings_to_json(settings), plan.as_json(), image_format)
        yield from self._draw_job(job, plan, card, previews)

    def again(
        self, name: str, *, verify: bool = False, image_format: ImageFormat | None = None
    ) -> Iterator[Event | Comparison]:
        """Draw a picture again from its manifest: `name` is a file, or a name or key that the library knows.

        With `verify` its whole batch is replayed the way it was run, nothing is kept, and the last event is a
        Comparison. Raises: UnknownPictureError, NotAPictureError, NoManifestError, DamagedManifestError.
        """
        path = self._picture_path(name)
        replay = read_replay(path)
        card, notes = yield from self._bring_again(replay.settings, replay.drawing)
        execution, more = self._execution_again(card, replay.execution)
        yield from (*notes, *more)
        if verify:
            yield from self._verify(path, replay, card, execution)
            return
        drawing = replace(replay.drawing, model=card.name, model_sha256=card.sha256)
        plan = ImagePlan(drawings=(drawing,), batches=((0,),), execution=execution)
        job = self.library.start_job(replay.settings, plan.as_json(), image_format or replay.image_format)
        yield from self._draw_job(job, plan, card, previews=False)

    def unfinished(self) -> list[Job]:
        """Jobs that were stopped or killed before all their pictures were kept."""
        return self.library.unfinished_jobs()

    def resume(self, *, previews: bool = False) -> Iterator[Event]:
        """Finish every unfinished job, oldest first."""
        for job in self.unfinished():
            plan = ImagePlan.from_json(job.plan)
            card, notes = yield from self._bring_again(job.settings, plan.drawings[0])
            execution, more = self._execution_again(card, plan.execution)
            yield from (*notes, *more)
            plan = replace(plan, execution=execution)
            yield from self._draw_job(job, plan, card, previews)

    @property
    def _digest_memory(self) -> Path:
        return self.workspace.local / "digests.json"

    def _plan(self, settings: ImageSettings, card: ModelCard) -> ImagePlan:
        return plan_images(settings, card=card, machine=self.machine, new_seed=lambda: secrets.randbelow(SEEDS))

    def _draw_job(self, job: Job, plan: ImagePlan, card: ModelCard, previews: bool) -> Iterator[Event]:
        from colabsd.recipes.text import draw_text

        with self.library.lock_job(job) as held:
            engine = yield from self._load(card, plan.execution)
            for event in draw_text(engine, plan, kept=held.kept, previews=previews):
                yield self.library.keep(event, job, card.files) if isinstance(event, Picture) else event
            self.library.finish_job(job)

    def _load(self, card: ModelCard, execution: Execution) -> Generator[Progress, None, "Engine"]:
        """The engine for a model, loaded once and kept until another one is asked for."""
        from colabsd.engine.engine import load_engine

        engine = self._engine
        if engine is None or (engine.card.sha256, engine.execution) != (card.sha256, execution):
            self._engine = None  # the old weights go before the new ones come
            engine = yield from load_engine(card, execution)
            self._engine = engine
        return engine

    def _bring_again(
        self, settings: Mapping[str, Any], drawing: Drawing
    ) -> Generator[Progress, None, tuple[ModelCard, list[Note]]]:
        """The model that was asked for, and a note when its files are not those of the drawing any more."""
        card = yield from bring_model(self.model(settings.get("model") or drawing.model), self._digest_memory)
        changed = card.sha256 != drawing.model_sha256
        return card, [Note("note.model_changed", {"model": drawing.model})] if changed else []

    def _execution_again(self, card: ModelCard, wanted: Execution) -> tuple[Execution, list[Note]]:
        """The way it was run, where this machine can; else the best that it can, with a note."""
        if wanted.device == "cpu" or self.machine.gpu is not None:
            return wanted, []
        chosen = choose_execution(card, self.machine, None, None)
        return chosen, [Note("note.other_machine", {"before": wanted.device, "now": chosen.device})]

    def _verify(
        self, path: Path, replay: Replay, card: ModelCard, execution: Execution
    ) -> Iterator[Progress | Comparison]:
        engine = yield from self._load(card, execution)
        for event in engine.draw(replay.batch):
            if isinstance(event, Progress):
                yield event
            elif event.position == replay.position:
                yield compare(path, event.image, replay.image_format)

    def _picture_path(self, name: str) -> Path:
        path = Path(name).expanduser()
        return path if path.is_file() else self.workspace.root / self.library.find(name).path

    def _unknown_words(self, prompt: str, card: ModelCard) -> Iterator[Note]:
        """A note with three suggestions when the embedded model knows no thing that the prompt names."""
        if card.name != STARTER or card.folder is None or not prompt.strip():
            return
        starter = Starter(card.folder)
        if not starter.knows(prompt):
            suggestions = ", ".join(starter.suggest(prompt, self.language))
            yield Note("note.unknown_words", {"prompt": prompt[:80], "suggestions": suggestions})


def with_whole_path(settings: ImageSettings, card: ModelCard) -> ImageSettings:
    """The settings with the path of a model's folder from the root on, so that it is found again from anywhere."""
    if card.folder is None or card.name == STARTER:
        return settings
    return replace(settings, model=card.source)
