"""The studio: what is shared (workspace, library, machine, language) and the verbs that people use."""

import secrets
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from colabsd.artifacts import Picture
from colabsd.environment.machine import Machine
from colabsd.language import Language
from colabsd.library.importers.imported import Imported
from colabsd.library.library import Job, KeptPicture, Library
from colabsd.library.picture_files import ImageFormat, format_of
from colabsd.models.adapters import AdapterFolders
from colabsd.models.cache import WeightCache
from colabsd.models.cards import ModelCard
from colabsd.models.registry import bring_model, find_model, known_models
from colabsd.models.starter import NAME as STARTER
from colabsd.models.starter import Starter
from colabsd.planning.images import plan_images
from colabsd.planning.memory import choose_execution
from colabsd.planning.plans import Drawing, Execution, ImagePlan, Note
from colabsd.planning.redraw import Source, plan_redraw
from colabsd.progress import Progress
from colabsd.settings.codec import settings_to_json
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.storage.workspace import Workspace
from colabsd.studio.adapters import (
    adapter_folders,
    autoencoder_of,
    plan_autoencoder,
    with_whole_paths,
)
from colabsd.studio.prompting import Reading, prompt_sources, read_prompts
from colabsd.studio.redrawing import bring, keep_source, original_of, source_of
from colabsd.studio.replay import (
    Comparison,
    Replay,
    choose_model,
    compare,
    has_manifest,
    look_at,
    read_replay,
    replay_of_plan,
)

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine

SEEDS = 2**32
Settings = TypeVar("Settings", bound=ImageSettings)
Event: TypeAlias = Progress | Note | KeptPicture


class Studio:
    """Where pictures are asked for, drawn, kept, drawn again and continued. Built by `open_studio()`."""

    def __init__(
        self, *, workspace: Workspace, library: Library, cache: WeightCache, machine: Machine, language: Language
    ) -> None:
        self.workspace = workspace
        self.cache = cache
        self.library = library
        self.machine = machine
        self.language = language
        self._engine: Engine | None = None
        self._engine_key: tuple[str, str, Execution] | None = None

    def models(self) -> tuple[ModelCard, ...]:
        """The models that have a name."""
        return known_models()

    def model(self, name: str | None) -> ModelCard:
        """The card of one model; None is the embedded one. Raises: UnknownModelError and the errors of its files."""
        return find_model(name)

    def plan(self, settings: ImageSettings) -> ImagePlan:
        """The exact plan of a request, without drawing it. Raises: InvalidSettingError and its like."""
        return self._plan(settings, self.model(settings.model))

    def read(self, settings: ImageSettings) -> tuple[ImagePlan, list[tuple[Reading, ...]]]:
        """The plan of a request, and for each of its drawings how the model will read the prompts. Draws nothing.

        Raises: InvalidSettingError and its like.
        """
        card = self.model(settings.model)
        plan = self._plan(settings, card)
        texts = {(drawing.prompt, drawing.negative_prompt): drawing for drawing in plan.drawings}
        read = {text: read_prompts(drawing, card) for text, drawing in texts.items()}
        return plan, [read[drawing.prompt, drawing.negative_prompt] for drawing in plan.drawings]

    def draw(
        self,
        settings: ImageSettings,
        *,
        image_format: ImageFormat = "png",
        previews: bool = False,
        as_written: bool = False,
    ) -> Iterator[Event]:
        """Draw what was asked and keep each picture as soon as it is finished.

        With `as_written` prompts are final: braces and double underscores in them are no choices. Closing the iterator
        stops at the next step; what is kept stays kept and `resume()` draws the rest.
        """
        known = self.model(settings.model)
        settings = with_whole_paths(settings, known)
        plan = self._plan(settings, known, as_written)  # wrong settings are told before anything is downloaded
        card = yield from bring_model(known, self.cache)
        if card.sha256 != plan.drawings[0].model_sha256:
            plan = self._plan(settings, card, as_written)
        yield from plan.notes
        yield from self._unknown_words(plan.drawings[0].prompt, card)
        self._check_fit(plan, card, settings)
        job = self.library.start_job(settings_to_json(settings), plan.as_json(), image_format)
        yield from self._draw_job(job, plan, card, previews)

    def redraw(
        self, settings: RedrawSettings, *, image_format: ImageFormat = "png", previews: bool = False
    ) -> Iterator[Event]:
        """Draw a picture anew, as `draw` does from a sentence alone. The picture and its mask are copied first.

        Raises: NotAPictureError, UnusableMaskError, and what `draw` raises.
        """
        from colabsd.recipes.originals import fit

        known = self.model(settings.model)
        settings = with_whole_paths(settings, known)
        brought = bring(settings)
        source = source_of(brought)
        plan = self._plan(settings, known, source=source)
        card = yield from bring_model(known, self.cache)
        if card.sha256 != plan.drawings[0].model_sha256:
            plan = self._plan(settings, card, source=source)
        fit(brought, plan.drawings[0].size, card.factor)  # a mask that is too thin is told before anything is kept
        yield from (*brought.notes, *plan.notes)
        yield from self._unknown_words(plan.drawings[0].prompt, card)
        self._check_fit(plan, card, settings)
        keep_source(self.workspace, brought, source)
        job = self.library.start_job(settings_to_json(settings), plan.as_json(), image_format)
        yield from self._draw_job(job, plan, card, previews)

    def look(self, name: str) -> Imported:
        """What a picture says of its settings: of colabsd, or of another program (see `library/importers`).

        Raises: UnknownPictureError, NotAPictureError, NoManifestError, DamagedManifestError, DamagedMetadataError.
        """
        return look_at(self._picture_path(name))

    def again(
        self, name: str, *, model: str | None = None, verify: bool = False, image_format: ImageFormat | None = None
    ) -> Iterator[Event | Imported | Comparison]:
        """Draw a picture again from its manifest: `name` is a file, or a name or key that the library knows.

        A picture of another program, and any picture with another `model`, is drawn as nearly as can be; its settings
        come first, then a note for each thing that cannot be equal. With `verify` its whole batch is replayed the way
        it was run, nothing is kept, and the last event is a Comparison. Raises: UnknownPictureError, NotAPictureError,
        NoManifestError, DamagedManifestError, DamagedMetadataError, UnknownModelError.
        """
        path = self._picture_path(name)
        if model is not None or not has_manifest(path):
            yield from self._again_nearly(path, model, verify, image_format)
            return
        replay = read_replay(path)
        card, notes = yield from self._bring_again(replay.settings, replay.drawing)
        execution, more = self._execution_again(card, replay.execution)
        yield from (*notes, *more)
        if verify:
            yield from self._verify(path, replay, card, execution)
            return
        drawing = replace(replay.drawing, model=card.name, model_sha256=card.sha256)
        prompting = (replay.prompting,) if replay.prompting else ()
        plan = ImagePlan(drawings=(drawing,), batches=((0,),), execution=execution, prompting=prompting)
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

    def _plan(
        self, settings: ImageSettings, card: ModelCard, as_written: bool = False, source: Source | None = None
    ) -> ImagePlan:
        folders = self._folders(settings.lora or ())
        facts: dict[str, Any] = {
            "card": card,
            "machine": self.machine,
            "new_seed": lambda: secrets.randbelow(SEEDS),
            "sources": prompt_sources(self.workspace, settings, folders, dynamic=not as_written),
        }
        if source is None:
            return plan_autoencoder(plan_images(settings, **facts), settings, folders)
        assert isinstance(settings, RedrawSettings), "a source comes with settings for it"
        return plan_autoencoder(plan_redraw(settings, source, **facts), settings, folders)

    def _folders(self, asked: Sequence[str]) -> AdapterFolders:
        """Where LoRAs and the like are; `asked` are those that were asked for, some of them by their paths."""
        return adapter_folders(self.workspace, self.cache.memory, asked)

    def _check_fit(self, plan: ImagePlan, card: ModelCard, settings: ImageSettings) -> None:
        """Raises: LoraMismatchError and its like, before anything is kept or loaded."""
        if any(drawing.loras or drawing.embeddings for drawing in plan.drawings):
            from colabsd.engine.adaptation import check_fit

            check_fit(card, plan.drawings, self._folders(settings.lora or ()))

    def _again_nearly(
        self, path: Path, model: str | None, verify: bool, image_format: ImageFormat | None
    ) -> Iterator[Event | Imported | Comparison]:
        """Draw what a picture's settings say, with a model that is known here."""
        imported = look_at(path)
        yield imported
        yield from imported.notes
        chosen, notes = choose_model(imported, model, self.models())
        yield from notes
        settings = imported.image_settings(chosen)
        if not verify:
            yield from self.draw(settings, image_format=image_format or format_of(path), as_written=True)
            return
        card = yield from bring_model(self.model(chosen), self.cache)
        plan = self._plan(settings, card, as_written=True)
        yield from plan.notes
        yield from self._verify(path, replay_of_plan(plan, path), card, plan.execution)

    def _draw_job(self, job: Job, plan: ImagePlan, card: ModelCard, previews: bool) -> Iterator[Event]:
        with self.library.lock_job(job) as held:
            engine = yield from self._load(card, plan, job.settings)
            for event in self._pictures(engine, plan, held.kept, previews):
                yield self.library.keep(event, job, card.files) if isinstance(event, Picture) else event
            self.library.finish_job(job)

    def _pictures(
        self, engine: "Engine", plan: ImagePlan, kept: Collection[int] = (), previews: bool = False
    ) -> Iterator[Progress | Note | Picture]:
        """The pictures of a plan, by the recipe that it is for."""
        from colabsd.recipes.redraw import draw_from_picture
        from colabsd.recipes.text import draw_text

        first = plan.drawings[0]
        if not first.source_sha256:
            return draw_text(engine, plan, kept=kept, previews=previews)
        original, parents = original_of(self.workspace, first, engine.card.factor)
        return draw_from_picture(engine, plan, original, parents=parents, kept=kept, previews=previews)

    def _load(
        self, card: ModelCard, plan: ImagePlan, settings: Mapping[str, Any]
    ) -> Generator[Progress, None, "Engine"]:
        """The engine for a plan's model, loaded once and kept until another one is asked for."""
        from colabsd.engine.engine import load_engine

        folders = self._folders(settings.get("lora") or ())
        key = card.sha256, plan.drawings[0].vae_sha256, plan.execution
        if self._engine is None or self._engine_key != key:
            self._engine = None  # the old weights go before the new ones come
            autoencoder = autoencoder_of(plan.drawings[0], settings, folders)
            self._engine = yield from load_engine(card, plan.execution, autoencoder)
            self._engine_key = key
        self._engine.adapters = folders
        return self._engine

    def _bring_again(
        self, settings: Mapping[str, Any], drawing: Drawing
    ) -> Generator[Progress | Note, None, tuple[ModelCard, list[Note]]]:
        """The model that was asked for, and a note when its files are not those of the drawing any more."""
        card = yield from bring_model(self.model(settings.get("model") or drawing.model), self.cache)
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
        together = tuple(range(len(replay.batch)))
        plan = ImagePlan(drawings=replay.batch, batches=(together,), execution=execution)
        engine = yield from self._load(card, plan, replay.settings)
        for event in self._pictures(engine, plan):
            if isinstance(event, Progress):
                yield event
            elif isinstance(event, Picture) and event.position == replay.position:
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
