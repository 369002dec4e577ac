"""From a film as it was asked for to its exact plan: every frame's values, with the reasons of what was chosen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from colabsd.environment.machine import Machine
from colabsd.models.cards import ModelCard
from colabsd.planning.frame_columns import Column
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Drawing, ImagePlan, Note
from colabsd.planning.prompts import NOTHING_NAMED, FinalPrompts, PromptSources, final_prompts
from colabsd.planning.video_frames import CAMERA, FrameTable
from colabsd.planning.video_parts import colours_of, film_file_of, footage_of, moving_of, noise_of
from colabsd.planning.video_plans import Mode, VideoPlan
from colabsd.planning.video_prompts import Sentences
from colabsd.planning.video_seeds import seeds
from colabsd.planning.video_values import ALL_CAMERA, CAMERA_NAMES, FilmValues, film_values
from colabsd.settings.fields import check_settings
from colabsd.settings.images import MAX_SEED, NEW_SEED, ImageSettings
from colabsd.settings.video import VideoSettings

FROM_NOISE = ("Interpolation", "AnimateDiff")
MOVING = ("2D", "3D")
MODULUS = MAX_SEED + 1
SEED_SCHEDULE = '0: (s), 1: (-1), "max_f-2": (-1), "max_f-1": (s)'
"""Deforum's own: the film's seed at both ends, others in between."""


@dataclass(frozen=True)
class Choices:
    """What models and samplers bring along: a drawing without prompts per frame, one for equal names."""

    plans: Mapping[tuple[str, str], ImagePlan]
    names: tuple[tuple[str, str], ...]

    def drawings(self) -> tuple[Drawing, ...]:
        return tuple(self.plans[name].drawings[0] for name in self.names)


def plan_video(
    settings: VideoSettings,
    *,
    card: ModelCard,
    machine: Machine,
    new_seed: Callable[[], int],
    sources: PromptSources = NOTHING_NAMED,
    cards: Callable[[str], ModelCard] | None = None,
    variables: Mapping[str, float | Sequence[float]] | None = None,
    input_frames: int | None = None,
    digests: Mapping[str, str] | None = None,
) -> VideoPlan:
    """The exact plan of a film on a machine.

    `card` is the model of `settings.model`, and `cards` finds those that a schedule of models names. `variables` are
    what a sound says, one number per frame and name; `input_frames` is how many frames the input film gives, and
    `digests` the sha256 of files by their paths.
    Raises: InvalidSettingError, InvalidScheduleError, InvalidSchedulesError (several, told together),
    InvalidCameraError, UnknownSamplerError, UnknownModelError, NotEnoughMemoryError, PromptError.
    """
    check_settings(settings)
    seed = new_seed() if settings.seed in (None, NEW_SEED) else settings.seed
    assert seed is not None
    if settings.seed_behavior == "schedule" and settings.seed_schedule is None:
        settings = replace(settings, seed_schedule=SEED_SCHEDULE)
    input_frames = input_frames if uses_film(settings) else None
    film = film_values(settings, seed=seed, variables=variables, input_frames=input_frames)
    choices = _choices(settings, film, seed, card, cards, machine, new_seed, sources)
    first = choices.plans[choices.names[0]]
    cadence, drawn = drawn_frames(settings, film.frames)
    notes = [note for plan in choices.plans.values() for note in plan.notes if note.key != "note.empty_prompt"]
    columns = (
        {"drawn": drawn}
        | _camera(settings, film)
        | _drawing_values(settings, film, choices.drawings())
        | _picture_values(settings, film)
        | _seeds(settings, film, seed, drawn, new_seed)
        | _prompts(settings, film, seed, sources, notes)
    )
    if not any(sentences.prompt for sentences in film.sentences):
        notes.append(Note("note.empty_prompt", {}))
    return VideoPlan(
        mode=cast("Mode", settings.animation_mode),
        dialect=film.dialect,
        width=first.drawings[0].width,
        height=first.drawings[0].height,
        frames=FrameTable(film.frames, {name: Column.of(values) for name, values in columns.items()}),
        compat=tuple(sorted(set(settings.compat))),
        cadence=cadence,
        flow_cadence=settings.optical_flow_cadence,
        moving=moving_of(settings),
        colours=colours_of(settings),
        noise=noise_of(settings, film.dialect),
        footage=footage_of(settings, digests or {}),
        fps=float(settings.fps),
        file=film_file_of(settings),
        execution=first.execution,
        notes=_distinct((*film.notes, *notes)),
    )


def uses_film(settings: VideoSettings) -> bool:
    """Whether an input film comes in."""
    mixed = settings.hybrid_motion != "None" or settings.hybrid_composite != "None"
    return settings.animation_mode == "Video Input" or (mixed and settings.animation_mode in MOVING)


def drawn_frames(settings: VideoSettings, frames: int) -> tuple[int, tuple[bool, ...]]:
    """The cadence, and which frames are drawn: every so-many-th, and the last one, lest the film end before it."""
    if settings.camera_only and settings.animation_mode in MOVING:
        return frames, (True, *(False for _ in range(frames - 1)))
    cadence = settings.diffusion_cadence if settings.animation_mode in MOVING else 1
    last = -1 if "cadence_tail" in settings.compat else frames - 1
    return cadence, tuple(frame % cadence == 0 or frame == last for frame in range(frames))


def _choices(
    settings: VideoSettings,
    film: FilmValues,
    seed: int,
    card: ModelCard,
    cards: Callable[[str], ModelCard] | None,
    machine: Machine,
    new_seed: Callable[[], int],
    sources: PromptSources,
) -> Choices:
    """A plan for every pair of model and sampler that the film's schedules name; all of one size."""
    models = film.names.get("checkpoint_schedule", (settings.model or "",) * film.frames)
    samplers = film.names.get("sampler_schedule", (settings.sampler or "",) * film.frames)
    names = tuple(zip(models, samplers, strict=True))
    asked = _image_settings(settings, film.sentences[0], seed)
    plans: dict[tuple[str, str], ImagePlan] = {}
    for model, sampler in dict.fromkeys(names):
        own = card if cards is None or model == (settings.model or "") else cards(model)
        wanted = replace(asked, sampler=sampler or None)
        plans[model, sampler] = plan = plan_images(
            wanted, card=own, machine=machine, new_seed=new_seed, sources=sources
        )
        asked = replace(asked, width=plan.drawings[0].width, height=plan.drawings[0].height)
    return Choices(plans, names)


def _image_settings(settings: VideoSettings, sentences: Sentences, seed: int) -> ImageSettings:
    """What is asked of the film's first picture."""
    return ImageSettings(
        prompt=sentences.prompt,
        negative_prompt=sentences.negative_prompt,
        style=settings.style,
        model=settings.model,
        lora=settings.lora,
        width=settings.width,
        height=settings.height,
        seed=seed,
        steps=settings.steps,
        clip_skip=settings.clip_skip,
        device=settings.device,
        precision=settings.precision,
        attention=settings.attention,
        offload=settings.offload,
    )


def _camera(settings: VideoSettings, film: FilmValues) -> dict[str, Sequence[Any]]:
    """The camera's values; what the mode has no use for keeps its default."""
    columns: dict[str, Sequence[Any]] = {
        CAMERA + CAMERA_NAMES.get(name, name): values for name, values in film.numbers.items() if name in ALL_CAMERA
    }
    if settings.enable_perspective_flip and settings.animation_mode in MOVING:
        columns[CAMERA + "perspective_flip"] = (True,) * film.frames
    return columns


def _drawing_values(settings: VideoSettings, film: FilmValues, drawings: Sequence[Drawing]) -> dict[str, Sequence[Any]]:
    """What the model is asked with, frame by frame: from schedules, or as model and sampler have it."""
    numbers = film.numbers
    steps = numbers.get("steps_schedule")
    guidance = numbers.get("cfg_scale_schedule")
    layers = numbers.get("clipskip_schedule")
    etas = numbers.get("eta_schedule")
    variation = numbers.get("subseed_strength_schedule")
    columns: dict[str, Sequence[Any]] = {
        "sampler": [one.sampler for one in drawings],
        "schedule": [one.schedule for one in drawings],
        "model": [one.model for one in drawings],
        "model_sha256": [one.model_sha256 for one in drawings],
        "steps": [max(1, int(value)) for value in steps] if steps else [one.steps for one in drawings],
        "guidance": guidance or [one.guidance for one in drawings],
        "clip_skip": [max(1, int(value)) for value in layers] if layers else [one.clip_skip for one in drawings],
        "eta": [
            one.eta if one.eta is None or etas is None else min(1.0, max(0.0, etas[frame]))
            for frame, one in enumerate(drawings)
        ],
    }
    if variation and any(variation):
        varied = numbers.get("subseed_schedule", (0.0,) * film.frames)
        columns["variation_strength"] = [min(1.0, max(0.0, value)) for value in variation]
        columns["variation_seed"] = [int(value) % MODULUS for value in varied]
    return columns


def _picture_values(settings: VideoSettings, film: FilmValues) -> dict[str, Sequence[Any]]:
    """What stays of the frame before, and what is done to it before it is drawn on."""
    numbers = film.numbers
    columns: dict[str, Sequence[Any]] = {"strength": _strengths(settings, film)}
    for name in ("contrast", "sigma", "amount", "threshold"):
        columns[name] = numbers[name + "_schedule"]
    columns["noise"] = [max(0.0, value) for value in numbers["noise_schedule"]]
    columns["kernel"] = [max(1, int(value) | 1) for value in numbers["kernel_schedule"]]  # a blur's width is odd
    columns["noise_multiplier"] = numbers.get("noise_multiplier_schedule", (1.0,) * film.frames)
    columns["cadence_flow_factor"] = numbers["cadence_flow_factor_schedule"]
    if uses_film(settings):
        columns["hybrid_flow_factor"] = numbers["hybrid_flow_factor_schedule"]
        columns["hybrid_alpha"] = [min(1.0, max(0.0, one)) for one in numbers["hybrid_comp_alpha_schedule"]]
    return columns


def _strengths(settings: VideoSettings, film: FilmValues) -> list[float]:
    """How much stays, in [0, 1]: of the input film everywhere, else of the first picture and of the frame before."""
    if settings.animation_mode in FROM_NOISE:
        return [0.0] * film.frames
    strengths = [min(1.0, max(0.0, value)) for value in film.numbers["strength_schedule"]]
    if settings.animation_mode == "Video Input":
        return [strengths[0]] * film.frames if "video_strength" in settings.compat else strengths
    strengths[0] = float(settings.strength) if settings.use_init and settings.init_image else 0.0
    return strengths


def _seeds(
    settings: VideoSettings, film: FilmValues, first: int, drawn: Sequence[bool], new_seed: Callable[[], int]
) -> dict[str, Sequence[Any]]:
    """The seed of every frame, which goes on with drawn frames, or with key frames where prompts go over."""
    walking = settings.animation_mode == "Interpolation"
    starts = [one for one in film.prompts.starts if one < film.frames] or [0]
    count = len(starts) + 1 if walking else sum(drawn)
    scheduled: Sequence[float] = film.numbers.get("seed_schedule", ())
    if not walking:
        scheduled = [value for value, one in zip(scheduled, drawn, strict=False) if one]
    found = seeds(
        settings.seed_behavior, first, count, every=settings.seed_iter_n, new_seed=new_seed, scheduled=scheduled
    )
    if walking:
        if settings.seed_behavior == "schedule":
            found = (*(int(scheduled[start]) % MODULUS for start in starts), int(scheduled[-1]) % MODULUS)
        return _walk(starts, film.frames, found)
    values, index = [], -1
    for one in drawn:
        index += one
        values.append(found[index])
    return {"seed": values}


def _walk(starts: Sequence[int], frames: int, found: Sequence[int]) -> dict[str, Sequence[Any]]:
    """From key frame to key frame: the seeds on both sides, and how far each frame has come. The last one holds."""
    ends = [*starts[1:], frames]
    blends, before, after = [0.0] * starts[0], [found[0]] * starts[0], [found[0]] * starts[0]
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        last = index == len(starts) - 1
        blends += [0.0 if last else step / (end - start) for step in range(end - start)]
        before += [found[index]] * (end - start)
        after += [found[index if last else index + 1]] * (end - start)
    return {"seed": before, "next_seed": after, "blend": blends}


def _prompts(
    settings: VideoSettings, film: FilmValues, seed: int, sources: PromptSources, notes: list[Note]
) -> dict[str, Sequence[Any]]:
    """The final prompts of every frame, with the LoRAs that they name; where prompts go over, the next ones too."""
    finals: dict[Sentences, FinalPrompts] = {}
    for one in dict.fromkeys(film.sentences):
        asked = ImageSettings(
            prompt=one.prompt, negative_prompt=one.negative_prompt, style=settings.style, lora=settings.lora
        )
        told: list[Note] = []
        finals[one] = final_prompts(asked, sources, seed, told)[0]
        if len(finals) <= 20:  # remarks on more prompts than people read tell nothing new
            notes += told
    shown = [finals[one] for one in film.sentences]
    columns: dict[str, Sequence[Any]] = {
        name: [getattr(one, name) for one in shown] for name in ("prompt", "negative_prompt", "loras", "embeddings")
    }
    if settings.animation_mode == "Interpolation":
        following = _following(film.prompts.starts, shown)
        columns["next_prompt"] = [one.prompt for one in following]
        columns["next_negative_prompt"] = [one.negative_prompt for one in following]
    return columns


def _following(starts: Sequence[int], shown: Sequence[FinalPrompts]) -> list[FinalPrompts]:
    """The prompts of the next key frame, for every frame; at the last one its own."""
    following = list(shown)
    inside = [start for start in starts if start < len(shown)]
    for start, end in zip((0, *inside[1:]), inside[1:], strict=False):
        following[start:end] = [shown[end]] * (end - start)
    return following


def _distinct(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Each note once."""
    return tuple({(note.key, str(note.facts)): note for note in notes}.values())
