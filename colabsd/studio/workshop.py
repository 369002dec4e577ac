"""What every verb of the studio needs: the shared things, exact plans, a loaded engine, jobs drawn and kept."""

import secrets
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from colabsd.artifacts import Picture
from colabsd.environment.interrupts import stop_waits
from colabsd.environment.machine import Machine
from colabsd.language import Language
from colabsd.library.library import Job, KeptPicture, Library
from colabsd.models.adapters import AdapterFolders
from colabsd.models.addons import CHECKER, find_addon
from colabsd.models.cache import WeightCache
from colabsd.models.cards import ModelCard
from colabsd.models.download import Wanted
from colabsd.models.registry import bring_model, find_model, known_models, wanted_of
from colabsd.models.starter import NAME as STARTER
from colabsd.models.starter import Starter
from colabsd.planning.images import plan_images
from colabsd.planning.memory import choose_attention, choose_execution
from colabsd.planning.pace import Pace
from colabsd.planning.plans import Drawing, Execution, ImagePlan, Note
from colabsd.planning.redraw import Source, plan_redraw
from colabsd.progress import Progress
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio.adapters import (
    adapter_folders,
    autoencoder_of,
    bring_adapters,
    check_families,
    plan_autoencoder,
)
from colabsd.studio.paces import store_pace, stored_pace
from colabsd.studio.place import Place
from colabsd.studio.prompting import prompt_sources
from colabsd.studio.redrawing import original_of
from colabsd.studio.upscaling import enlarged_as_drawn

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine

SEEDS = 2**32
Event: TypeAlias = Progress | Note | KeptPicture


class Workshop:
    """The things that are shared, and the steps that verbs are made of."""

    def __init__(
        self, *, place: Place, library: Library, cache: WeightCache, machine: Machine, language: Language
    ) -> None:
        self.place = place
        self.workspace = place.workspace
        self.cache = cache
        self.library = library
        self.machine = machine
        self.language = language
        self._engine: Engine | None = None
        self._engine_key: tuple[str, str, Execution] | None = None

    def models(self) -> tuple[ModelCard, ...]:
        """The models that have a name."""
        return known_models(self.cache)

    def model(self, name: str | None) -> ModelCard:
        """The card of one model; None is the embedded one. Raises: UnknownModelError and the errors of its files."""
        return find_model(name, self.cache)

    def at_hand(self, card: ModelCard) -> ModelCard:
        """The card of a model of the hub with its files where they are kept, if they are; nothing is brought."""
        kept = None if card.folder or card.file else self.cache.find(wanted_of(card))
        return card if kept is None else replace(card, source=str(kept.folder / card.single))

    def exact_plan(
        self, settings: ImageSettings, card: ModelCard, as_written: bool = False, source: Source | None = None
    ) -> ImagePlan:
        """The plan of a request for one model; `source` for a redrawing. Raises: InvalidSettingError and its like."""
        folders = self.adapter_folders(settings.lora or ())
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

    def adapter_folders(self, asked: Sequence[str]) -> AdapterFolders:
        """Where LoRAs and the like are; `asked` are those that were asked for, some of them by their paths."""
        return adapter_folders(self.cache, asked)

    def ready(
        self, settings: ImageSettings, *, as_written: bool = False, source: Source | None = None
    ) -> Generator[Progress | Note, None, tuple[ModelCard, ImagePlan]]:
        """The model, and the exact plan, with all that they need on this disk.

        What is wrong with the settings is told before anything is downloaded.
        """
        known = self.model(settings.model)
        plan = self.exact_plan(settings, known, as_written, source)
        folders = self.adapter_folders(settings.lora or ())
        if known.facts_from or known.folder or known.file:
            check_families(plan.drawings, known.family, folders)
        card = yield from bring_model(known, self.cache)
        check_families(plan.drawings, card.family, folders)
        brought = yield from bring_adapters(plan.drawings, settings.vae, folders, self.cache)
        yield from self._bring_checker(plan.drawings[0], card)
        if brought or card.sha256 != plan.drawings[0].model_sha256:
            # The seed stays, because it chose what dynamic prompts became.
            plan = self.exact_plan(replace(settings, seed=plan.drawings[0].seed), card, as_written, source)
        return card, plan

    def check_fit(self, plan: ImagePlan, card: ModelCard, settings: ImageSettings) -> None:
        """Raises: LoraMismatchError and its like, before anything is kept or loaded."""
        if any(drawing.loras or drawing.embeddings for drawing in plan.drawings):
            from colabsd.engine.adaptation import check_fit

            check_fit(card, plan.drawings, self.adapter_folders(settings.lora or ()))

    def draw_job(self, job: Job, plan: ImagePlan, card: ModelCard, previews: bool) -> Iterator[Event]:
        """Draw what a job has not kept yet, and keep it."""
        with self.library.lock_job(job) as held:
            engine = yield from self.load(card, plan, job.settings)
            for event in self.pictures(engine, plan, held.kept, previews, job.settings.get("upscaler")):
                yield self.keep(event, job, card) if isinstance(event, Picture) else event
                self.library.tend()
            self.library.finish_job(job)

    def keep(self, picture: Picture, job: Job, card: ModelCard) -> KeptPicture:
        """Keep a finished picture, and remember how long it took."""
        self.pace.measure(picture.drawing, picture.execution, card, picture.seconds)
        store_pace(self.workspace, self.pace)
        loras = [use.name for use in picture.drawing.loras]
        hashes = self.adapter_folders(job.settings.get("lora") or ()).lora_hashes(loras) if loras else {}
        told = {"lora_hashes": hashes} if hashes else {}
        return self.library.keep(replace(picture, extras={**picture.extras, **told}), job, card.files)

    @cached_property
    def pace(self) -> Pace:
        """How fast this machine drew, as far as is known."""
        return stored_pace(self.workspace)

    def pictures(
        self,
        engine: "Engine",
        plan: ImagePlan,
        kept: Collection[int] = (),
        previews: bool = False,
        upscaler: object = None,
    ) -> Iterator[Progress | Note | Picture]:
        """The pictures of a plan, by the recipe that it is for; `upscaler` is how it was asked for, where one was."""
        from colabsd.recipes.redraw import draw_from_picture
        from colabsd.recipes.text import draw_text

        first = plan.drawings[0]
        if first.source_sha256:
            original, parents = original_of(self.workspace, first, engine.card.factor)
            events = draw_from_picture(engine, plan, original, parents=parents, kept=kept, previews=previews)
        else:
            events = draw_text(engine, plan, kept=kept, previews=previews)
        larger = first.enlargements
        return enlarged_as_drawn(events, larger, upscaler, self.cache, self.machine) if larger else events

    def load(
        self, card: ModelCard, plan: ImagePlan, settings: Mapping[str, Any]
    ) -> Generator[Progress, None, "Engine"]:
        """The engine for a plan's model, loaded once and kept until another one is asked for."""
        with stop_waits():
            from colabsd.engine.engine import load_engine

        folders = self.adapter_folders(settings.get("lora") or ())
        key = card.sha256, plan.drawings[0].vae_sha256, plan.execution
        if self._engine is None or self._engine_key != key:
            self._engine = None  # the old weights go before the new ones come
            autoencoder = autoencoder_of(plan.drawings[0], settings, folders)
            self._engine = yield from load_engine(card, plan.execution, autoencoder)
            self._engine_key = key
        self._engine.adapters = folders
        if plan.drawings[0].safety == "blur" and not card.has_checker:
            self._engine.checked_by = self.cache.home / _checker().folder
        return self._engine

    def unload(self) -> None:
        """Let go of the loaded engine, so that something else has its memory."""
        self._engine, self._engine_key = None, None

    def _bring_checker(self, drawing: Drawing, card: ModelCard) -> Generator[Progress | Note, None, None]:
        """The safety checker of a drawing, where it is asked for and none lies beside the model."""
        if drawing.safety == "blur" and not card.has_checker:
            yield from self.cache.bring(_checker())

    def bring_again(
        self, settings: Mapping[str, Any], drawing: Drawing
    ) -> Generator[Progress | Note, None, tuple[ModelCard, list[Note]]]:
        """The model that was asked for, and a note when its files are not those of the drawing any more."""
        card = yield from bring_model(self.model(settings.get("model") or drawing.model), self.cache)
        folders = self.adapter_folders(settings.get("lora") or ())
        yield from bring_adapters([drawing], settings.get("vae"), folders, self.cache)
        yield from self._bring_checker(drawing, card)
        changed = card.sha256 != drawing.model_sha256
        return card, [Note("note.model_changed", {"model": drawing.model})] if changed else []

    def execution_again(self, card: ModelCard, wanted: Execution) -> tuple[Execution, list[Note]]:
        """The way it was run, where this machine can; else the best that it can, with a note."""
        if wanted.device == "cpu" or self.machine.gpu is not None:
            found = choose_attention(replace(wanted, attention="sdpa"), self.machine, wanted.attention)
            return found, list(found.reasons[len(wanted.reasons) :])
        chosen = choose_execution(card, self.machine, None, None)
        return chosen, [Note("note.other_machine", {"before": wanted.device, "now": chosen.device})]

    def picture_path(self, name: str) -> Path:
        """The file of a picture: a path, or a name or key that the library knows. Raises: UnknownPictureError."""
        path = Path(name).expanduser()
        return path if path.is_file() else self.workspace.locate(self.library.find(name).path)

    def unknown_words(self, prompt: str, card: ModelCard) -> Iterator[Note]:
        """A note with three suggestions when the embedded model knows no thing that the prompt names."""
        if card.name != STARTER or card.folder is None or not prompt.strip():
            return
        starter = Starter(card.folder)
        if not starter.knows(prompt):
            suggestions = ", ".join(starter.suggest(prompt, self.language))
            yield Note("note.unknown_words", {"prompt": prompt[:80], "suggestions": suggestions})


def _checker() -> Wanted:
    row = find_addon(CHECKER)
    assert row is not None, "the catalog has it"
    return row.wanted
