"""From what was asked to exact plans of pictures: every None filled in, every change with its reason. No torch."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidSettingError
from colabsd.geometry import Size, snap
from colabsd.models.cards import ModelCard
from colabsd.planning.memory import check_memory, choose_batch, choose_execution
from colabsd.planning.plans import NOISES, Drawing, ImagePlan, Note
from colabsd.settings.fields import check_settings
from colabsd.settings.images import MAX_SEED, NEW_SEED, ImageSettings
from colabsd.settings.samplers import Sampler, find_sampler, find_schedule, split_label

MODULUS = MAX_SEED + 1
REPEATING_RATIO = 1.6  # from about this many times the trained side on, things are drawn twice
DEFAULT_SCHEDULE = "Automatic"


def plan_images(
    settings: ImageSettings, *, card: ModelCard, machine: Machine, new_seed: Callable[[], int]
) -> ImagePlan:
    """The exact plan of a request on a machine with a model whose files are known (`card.sha256`).

    `new_seed` is called when no seed was asked for. Raises: InvalidSettingError, UnknownSamplerError,
    UnknownScheduleError, NotEnoughMemoryError.
    """
    check_settings(settings)
    notes: list[Note] = []
    execution = choose_execution(card, machine, settings.device, settings.precision)
    size = _plan_size(settings, card, notes)
    sampler, schedule = _plan_sampler(settings, card)
    drawing = Drawing(
        prompt=_clean(settings.prompt, notes),
        negative_prompt=_clean(settings.negative_prompt, notes),
        model=card.name,
        model_sha256=card.sha256,
        width=size.width,
        height=size.height,
        sampler=sampler.label,
        schedule=schedule,
        steps=settings.steps or card.default_steps,
        guidance=card.default_guidance if settings.guidance is None else float(settings.guidance),
        clip_skip=_plan_clip_skip(settings, card),
        seed=0,
        eta=_plan_eta(settings, sampler, notes),
        noise=next(noise for noise in NOISES if noise == (settings.noise or "cpu")),
    )
    if not drawing.prompt.strip():
        notes.append(Note("note.empty_prompt", {}))
    batch = settings.batch or choose_batch(card, machine, execution, size, settings.count)
    batch = min(batch, settings.count)
    check_memory(card, machine, execution, size, batch)
    return ImagePlan(
        drawings=_seeded(drawing, settings, new_seed),
        batches=tuple(
            tuple(range(first, min(first + batch, settings.count))) for first in range(0, settings.count, batch)
        ),
        execution=execution,
        notes=(*execution.reasons, *notes),
    )


def _plan_size(settings: ImageSettings, card: ModelCard, notes: list[Note]) -> Size:
    """The size asked for, a missing side from the model's own, snapped to what the model can draw."""
    asked = Size(settings.width or card.size.width, settings.height or card.size.height)
    size = Size(snap(asked.width, card.multiple), snap(asked.height, card.multiple))
    if size != asked:
        notes.append(Note("note.size_snapped", {"asked": asked, "size": size, "multiple": card.multiple}))
    longest, trained = max(size.width, size.height), max(card.size.width, card.size.height)
    if longest >= trained * REPEATING_RATIO:
        notes.append(Note("note.size_large", {"size": size, "trained": card.size}))
    if min(size.width, size.height) * 2 < min(card.size.width, card.size.height):
        notes.append(Note("note.size_small", {"size": size, "trained": card.size}))
    return size


def _plan_sampler(settings: ImageSettings, card: ModelCard) -> tuple[Sampler, str]:
    """The sampler and the schedule's label. Raises: UnknownSamplerError, UnknownScheduleError, InvalidSettingError."""
    name, schedule_in_name = split_label(settings.sampler or card.default_sampler)
    sampler = find_sampler(name)
    asked = settings.schedule or schedule_in_name
    if asked is None:
        schedule = card.default_schedule if card.default_schedule in sampler.schedules else DEFAULT_SCHEDULE
        return sampler, schedule
    schedule = find_schedule(asked).label
    if schedule not in sampler.schedules:
        raise InvalidSettingError(
            "error.schedule_unsupported",
            sampler=sampler.label,
            schedule=schedule,
            choices=", ".join(sampler.schedules),
        )
    return sampler, schedule


def _plan_clip_skip(settings: ImageSettings, card: ModelCard) -> int:
    clip_skip = settings.clip_skip or 1
    if clip_skip > card.text_layers:
        raise InvalidSettingError("error.setting.above", field="clip_skip", value=clip_skip, maximum=card.text_layers)
    return clip_skip


def _plan_eta(settings: ImageSettings, sampler: Sampler, notes: list[Note]) -> float | None:
    if sampler.has_eta:
        return sampler.default_eta if settings.eta is None else float(settings.eta)
    if settings.eta is not None:
        notes.append(Note("note.eta_ignored", {"sampler": sampler.label}))
    return None


def _clean(text: str, notes: list[Note]) -> str:
    """The text without characters that no keyboard makes: controls, lone surrogates. Line ends and tabs stay."""
    kept = "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs"))
    if kept != text:
        notes.append(Note("note.control_characters", {"removed": len(text) - len(kept)}))
    return kept


def _seeded(drawing: Drawing, settings: ImageSettings, new_seed: Callable[[], int]) -> tuple[Drawing, ...]:
    """One drawing per picture: seed + i, or, for variations, one seed and variation seed + i (as A1111 counts)."""
    seed = new_seed() if settings.seed in (None, NEW_SEED) else settings.seed
    assert seed is not None
    if not settings.variation_strength:
        return tuple(replace(drawing, seed=(seed + index) % MODULUS) for index in range(settings.count))
    variation = new_seed() if settings.variation_seed in (None, NEW_SEED) else settings.variation_seed
    assert variation is not None
    return tuple(
        replace(
            drawing,
            seed=seed,
            variation_seed=(variation + index) % MODULUS,
            variation_strength=float(settings.variation_strength),
        )
        for index in range(settings.count)
    )
