"""Films: planned in words, drawn, left, found again and gone on with, encoded. Loads no network before it draws."""

import secrets
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from colabsd.artifacts import Clip, Frame
from colabsd.environment.interrupts import stop_waits
from colabsd.errors import DamagedFilmError, UnknownModelError
from colabsd.library.films import Film, Films
from colabsd.models.addons import MOTION, find_addon
from colabsd.models.cards import ModelCard
from colabsd.models.registry import bring_model
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.planning.schedules import parse_text_schedule
from colabsd.planning.video import plan_video as exact_film
from colabsd.planning.video_plans import VideoPlan
from colabsd.planning.video_stretches import drawn_frames, written_frames
from colabsd.progress import Note, Progress
from colabsd.settings.codec import settings_to_json
from colabsd.settings.images import ImageSettings
from colabsd.settings.video import VideoSettings
from colabsd.storage.budget import check_room
from colabsd.storage.names import runtime_name
from colabsd.studio.adapters import bring_adapters, check_families
from colabsd.studio.film_cuts import clip_of, cut_and_keep
from colabsd.studio.film_inputs import depth_of, keep_inputs, located, look_at_inputs
from colabsd.studio.paces import store_pace
from colabsd.studio.prompting import prompt_sources
from colabsd.studio.workshop import SEEDS, Workshop

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine
    from colabsd.video.film_store import FilmStore

FilmEvent: TypeAlias = "Progress | Note | Film | Frame | Clip"
FRAME_BYTES, STATE_BYTES, FILM_BYTES = 2.0, 3.0, 0.1
"""About the bytes per pixel of a frame's file, of a kept state, and of a frame in the film."""
STATES = 25  # frames, of which one state stays


@dataclass(frozen=True, kw_only=True)
class FilmForecast:
    """What a film takes: seconds, without downloads, and bytes on this machine and on Drive. `frames` are all of it,
    `drawn` those that the model draws; `measured` whether the seconds are more than a guess.
    """

    frames: int
    drawn: int
    seconds: float
    local_bytes: int
    kept_bytes: int
    measured: bool


def plan_video(workshop: Workshop, settings: VideoSettings) -> VideoPlan:
    """See `Studio.plan_video`."""
    return _planned(workshop, settings, workshop.model(settings.model), {})


def forecast_video(workshop: Workshop, plan: VideoPlan, settings: VideoSettings | None = None) -> FilmForecast:
    """See `Studio.forecast_video`."""
    drawn, frames, pixels = drawn_frames(plan), written_frames(plan), plan.size.pixels
    cards = _named_cards(workshop, settings or VideoSettings(), plan)
    execution = plan.execution
    seconds = 0.0
    for name, card in cards.items():
        drawings = tuple(one for one in map(plan.drawing, drawn) if one.model == name)
        if drawings:
            seconds += workshop.pace.forecast(_as_pictures(drawings, execution), card, workshop.machine)
    kept = int(pixels * (FRAME_BYTES + FILM_BYTES) * frames) if workshop.workspace.remote else 0
    return FilmForecast(
        frames=frames,
        drawn=len(drawn),
        seconds=seconds,
        local_bytes=int(pixels * (FRAME_BYTES * frames + STATE_BYTES * (2 + len(drawn) / STATES))),
        kept_bytes=kept or int(pixels * FILM_BYTES * frames),
        measured=bool(cards) and all(workshop.pace.knows(card, execution) for card in cards.values()),
    )


def film(workshop: Workshop, settings: VideoSettings, *, previews: bool = False) -> Iterator[FilmEvent]:
    """See `Studio.film`."""
    settings = _with_whole_paths(settings)
    known = workshop.model(settings.model)
    plan = _planned(workshop, settings, known, {})  # what is wrong is told before anything is downloaded
    cards = yield from _brought(workshop, settings, plan)
    if any(card.sha256 != sha256 for card, sha256 in _digests(plan, cards)):
        settled = replace(settings, seed=plan.frames[0].seed)
        plan = _planned(workshop, settled, cards.get(plan.frames[0].model, known), cards)
    yield from plan.notes
    yield from workshop.unknown_words(plan.frames[0].prompt, cards[plan.frames[0].model])
    for card in cards.values():
        drawings = tuple(one for one in _kinds(plan) if one.model == card.name)
        workshop.check_fit(_as_pictures(drawings, plan.execution), card, ImageSettings(lora=settings.lora))
    check_room(workshop.workspace.near, forecast_video(workshop, plan, settings).local_bytes)
    yield from keep_inputs(workshop.workspace, plan)
    now = datetime.now(UTC).astimezone()
    name = settings.name or runtime_name(now, secrets.token_bytes)
    started = Films(workshop.workspace).start(name, settings_to_json(settings), plan, now)
    workshop.library.wake()
    yield from go_on(workshop, started, previews)


def resume_film(workshop: Workshop, name: str | None = None, *, previews: bool = False) -> Iterator[FilmEvent]:
    """See `Studio.resume_film`."""
    known = Films(workshop.workspace)
    left = [known.find(name)] if name is not None else known.unfinished()
    if not left:
        yield Note("note.film.nothing_left", {})
    for one in left:
        yield from go_on(workshop, one, previews)


def films(workshop: Workshop) -> list[Film]:
    """See `Studio.films`."""
    return Films(workshop.workspace).all()


def go_on(workshop: Workshop, started: Film, previews: bool = False) -> Iterator[FilmEvent]:
    """Do what is left of a film; of a finished one only tell what came out.

    Raises: FilmRunningError, DamagedFilmError, and what drawing and encoding raise.
    """
    known = Films(workshop.workspace)
    with known.locked(started) as held:
        yield held
        if held.is_finished:
            clip = clip_of(workshop, held)
            yield Note("note.film.finished", {"name": held.name, "path": clip.path})
            yield clip
            return
        settings = _settings_of(held)
        plan = held.plan
        cards = yield from _brought(workshop, settings, plan)
        for card, sha256 in _digests(plan, cards):
            if card.sha256 != sha256:
                raise DamagedFilmError("error.film.model_changed", name=held.name, model=card.name)
        first = cards[plan.frames[0].model]
        execution, notes = workshop.execution_again(first, plan.execution)
        yield from notes
        here = replace(held, plan=replace(plan, execution=execution))
        store = yield from _drawn(workshop, known, here, cards, settings, previews)
        yield from cut_and_keep(workshop, known, here, store.frames)


def store_of(workshop: Workshop, known: Films, one: Film) -> "FilmStore":
    """Where a film's frames are while it is drawn; on Drive archives go there too."""
    with stop_waits():
        from colabsd.video.archives import Archives
        from colabsd.video.film_store import FilmStore

    store = FilmStore.at(known.local(one.name), one.name, one.plan)
    if workshop.workspace.remote:

        def publish(data: bytes, name: str) -> None:
            known.publish(one, name, data)
            workshop.library.wake()

        store.archives = Archives(known.places(one), store.frames, store.states, publish)
    return store


def _drawn(
    workshop: Workshop,
    known: Films,
    one: Film,
    cards: Mapping[str, ModelCard],
    settings: VideoSettings,
    previews: bool,
) -> Generator[FilmEvent, None, "FilmStore"]:
    """Draw the frames that are missing."""
    with stop_waits():
        from colabsd.video.footage import InputFootage
        from colabsd.video.painting import EnginePainter
        from colabsd.video.render import render

    plan, workspace = one.plan, workshop.workspace

    def engine_of(drawing: Drawing) -> "Generator[Progress, None, Engine]":
        single = _as_pictures((drawing,), plan.execution)
        return (yield from workshop.load(cards[drawing.model], single, {"lora": settings.lora}))

    store = store_of(workshop, known, one)
    if plan.mode == "AnimateDiff":
        yield from _animated(workshop, one, cards, store, previews)
        return store
    footage = InputFootage(plan, lambda name: located(workspace, one, name))
    depth = yield from depth_of(workspace, one, workshop.cache, plan.execution)
    painter = EnginePainter(plan, engine_of, previews)
    for event in render(painter, plan, store, footage=footage, depth=depth):
        yield event
        for drawing, seconds in painter.taken():
            workshop.pace.measure(drawing, plan.execution, cards[drawing.model], seconds)
        workshop.library.tend()
    store_pace(workspace, workshop.pace)
    return store


def _animated(
    workshop: Workshop, one: Film, cards: Mapping[str, ModelCard], store: "FilmStore", previews: bool
) -> Iterator[FilmEvent]:
    """Draw a film of the mode AnimateDiff, all of it together, with the motion modules of the catalog."""
    with stop_waits():
        from colabsd.video.animation import render_together
        from colabsd.video.motion import load_moving_engine

    row = find_addon(MOTION)
    assert row is not None, "the catalog has it"
    yield from workshop.cache.bring(row.wanted)
    folder = workshop.cache.home / row.wanted.folder
    card, execution = cards[one.plan.frames[0].model], one.plan.execution
    yield from render_together(lambda: load_moving_engine(card, execution, folder), one.plan, store, previews=previews)
    workshop.library.tend()


def _as_pictures(drawings: tuple[Drawing, ...], execution: Execution) -> ImagePlan:
    """Drawings as a plan of pictures, for what is forecast and loaded as for these."""
    return ImagePlan(drawings=drawings, batches=(), execution=execution)


def _planned(workshop: Workshop, settings: VideoSettings, card: ModelCard, cards: Mapping[str, ModelCard]) -> VideoPlan:
    """The exact plan with what is known of the models: of those that are here already, their digests."""
    inputs = look_at_inputs(settings)
    folders = workshop.adapter_folders(settings.lora or ())
    return exact_film(
        settings,
        card=card,
        machine=workshop.machine,
        new_seed=lambda: secrets.randbelow(SEEDS),
        sources=prompt_sources(workshop.workspace, ImageSettings(style=settings.style), folders),
        cards=lambda name: cards.get(name) or workshop.model(name),
        variables=inputs.variables,
        input_frames=inputs.frames,
        digests=inputs.digests,
    )


def _brought(
    workshop: Workshop, settings: VideoSettings, plan: VideoPlan
) -> Generator[Progress | Note, None, dict[str, ModelCard]]:
    """The models and adapters of a film, all on this disk, before its first frame."""
    folders = workshop.adapter_folders(settings.lora or ())
    kinds = _kinds(plan)
    cards: dict[str, ModelCard] = {}
    for name, known in _named_cards(workshop, settings, plan).items():
        cards[name] = card = yield from bring_model(known, workshop.cache)
        check_families([drawing for drawing in kinds if drawing.model == name], card.family, folders)
    yield from bring_adapters(kinds, None, folders, workshop.cache)
    return cards


def _named_cards(workshop: Workshop, settings: VideoSettings, plan: VideoPlan) -> dict[str, ModelCard]:
    """The models of a film by the names that they have in its plan, as they were asked for: by name or by path."""
    cards: dict[str, ModelCard] = {}
    wanted = set(plan.frames.column("model"))
    for asked in dict.fromkeys((settings.model, *_scheduled_models(settings, plan), *sorted(wanted))):
        if wanted <= cards.keys():
            break
        with suppress(UnknownModelError):  # of a plan whose settings are not known
            card = workshop.model(asked or None)
            cards.setdefault(card.name, card)
    return {name: card for name, card in cards.items() if name in wanted}


def _scheduled_models(settings: VideoSettings, plan: VideoPlan) -> tuple[str, ...]:
    """The models that a schedule of models names."""
    text = settings.checkpoint_schedule
    if text is None:
        return ()
    schedule = parse_text_schedule(text, plan.dialect, name="checkpoint_schedule")
    return schedule.values(len(plan.frames), {"max_frames": len(plan.frames), "s": plan.frames[0].seed})


def _kinds(plan: VideoPlan) -> list[Drawing]:
    """A drawing for every model with its LoRAs and words that the film has."""
    columns = (plan.frames.column(name) for name in ("model", "loras", "embeddings"))
    first: dict[object, int] = {}
    for index, kind in enumerate(zip(*columns, strict=True)):
        first.setdefault(kind, index)
    return [plan.drawing(index) for index in first.values()]


def _digests(plan: VideoPlan, cards: Mapping[str, ModelCard]) -> Iterator[tuple[ModelCard, str]]:
    """The models of a film with the digests that its plan has of them."""
    pairs = zip(plan.frames.column("model"), plan.frames.column("model_sha256"), strict=True)
    return ((cards[name], sha256) for name, sha256 in dict.fromkeys(pairs))


def _settings_of(one: Film) -> VideoSettings:
    """A film's settings as they were asked; fields of a later version are passed over."""
    from colabsd.settings.codec import settings_from_json
    from colabsd.settings.fields import field_specs

    names = field_specs(VideoSettings)
    return settings_from_json(VideoSettings, {name: value for name, value in one.settings.items() if name in names})


def _with_whole_paths(settings: VideoSettings) -> VideoSettings:
    """The settings with the paths of files from the root on, so that they are found again from anywhere."""
    names = ("init_image", "mask_file", "color_coherence_image_path", "video_init_path", "video_mask_path")
    changed: dict[str, Any] = {}
    for name in (*names, "soundtrack_path", "depth_algorithm", "model"):
        path = Path(getattr(settings, name) or "").expanduser()
        if getattr(settings, name) and path.exists():
            changed[name] = str(path.resolve())
    return replace(settings, **changed)
