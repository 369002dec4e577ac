"""From what was asked to exact plans of pictures: every None filled in, every change with its reason. No torch."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidSettingError, UsageError
from colabsd.geometry import Size, snap
from colabsd.models.addons import AddOn
from colabsd.models.cards import ModelCard
from colabsd.models.starter import NAME as STARTER
from colabsd.planning.few_steps import contradictions, few_step_lora, tuned
from colabsd.planning.forecasts import work_of
from colabsd.planning.memory import choose_attention, choose_execution, fit_memory
from colabsd.planning.plans import EMPHASES, NOISES, Drawing, ImagePlan, Note, Safety
from colabsd.planning.prompts import NOTHING_NAMED, FinalPrompts, PromptSources, final_prompts
from colabsd.settings.fields import check_settings
from colabsd.settings.images import MAX_SEED, NEW_SEED, ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.samplers import Sampler, find_sampler, find_schedule, split_label

MODULUS = MAX_SEED + 1
REPEATING_RATIO = 1.6  # from about this many times the trained side on, things are drawn twice
DEFAULT_SCHEDULE = "Automatic"


def plan_images(
    settings: ImageSettings,
    *,
    card: ModelCard,
    machine: Machine,
    new_seed: Callable[[], int],
    sources: PromptSources = NOTHING_NAMED,
) -> ImagePlan:
    """The exact plan of a request on a machine with a model whose files are known (`card.sha256`).

    `new_seed` is called when no seed was asked for; `sources` are what prompts may name. Raises: InvalidSettingError,
    UnknownSamplerError, UnknownScheduleError, NotEnoughMemoryError, PromptError.
    """
    check_settings(settings)
    if card.variant == "edit" and not isinstance(settings, RedrawSettings):
        raise UsageError("error.redraw.needs_picture", model=card.name)
    notes: list[Note] = []
    chosen = choose_execution(card, machine, settings.device, settings.precision)
    chosen = choose_attention(chosen, machine, settings.attention)
    size = _plan_size(settings, card, notes)
    seed = new_seed() if settings.seed in (None, NEW_SEED) else settings.seed
    assert seed is not None
    prompts = final_prompts(settings, sources, seed, notes)
    drawings = _drawings(settings, card, size, seed, prompts, notes, new_seed)
    if not prompts[0].prompt.strip():
        notes.append(Note("note.empty_prompt", {}))
    work = replace(work_of(card, drawings[0]), loras=any(one.loras for one in drawings))
    fitted = fit_memory(card, machine, chosen, size, settings.batch, settings.count, work, settings.offload)
    return ImagePlan(
        drawings=drawings,
        batches=batches_of(drawings, fitted.batch),
        execution=fitted.execution,
        notes=(*chosen.reasons, *fitted.notes, *notes),
        prompting=tuple(final.drawn for final in prompts) if any(final.drawn for final in prompts) else (),
    )


def _drawings(
    settings: ImageSettings,
    card: ModelCard,
    size: Size,
    seed: int,
    prompts: Sequence[FinalPrompts],
    notes: list[Note],
    new_seed: Callable[[], int],
) -> tuple[Drawing, ...]:
    """One drawing per picture; pictures whose prompts name a LoRA for few steps are drawn as it wants it."""
    rows = [few_step_lora(final.loras) for final in prompts]
    bases: dict[AddOn | None, Drawing] = {}
    for row in dict.fromkeys(rows):
        tuned_card, own_notes = tuned(card, row), list[Note]()
        bases[row] = base = _plan_drawing(settings, tuned_card, size, seed, own_notes)
        if row is not None:
            facts = {"name": row.name, "steps": base.steps, "guidance": f"{base.guidance:g}", "sampler": base.sampler}
            own_notes.append(Note("note.few_steps.lora", facts))
        own_notes += contradictions(tuned_card.few_steps, settings, base.sampler, row.name if row else card.name)
        notes += [note for note in own_notes if note not in notes]
    return tuple(
        replace(
            seeded,
            prompt=final.prompt,
            negative_prompt=final.negative_prompt,
            loras=final.loras,
            embeddings=final.embeddings,
        )
        for final, seeded in zip(prompts, _seeded([bases[row] for row in rows], settings, new_seed), strict=True)
    )


def _plan_drawing(settings: ImageSettings, card: ModelCard, size: Size, seed: int, notes: list[Note]) -> Drawing:
    """The first drawing of a request, but for its prompts."""
    sampler, schedule = _plan_sampler(settings, card)
    return Drawing(
        prompt="",
        negative_prompt="",
        model=card.name,
        model_sha256=card.sha256,
        width=size.width,
        height=size.height,
        sampler=sampler.label,
        schedule=schedule,
        steps=settings.steps or card.default_steps,
        guidance=card.default_guidance if settings.guidance is None else float(settings.guidance),
        guidance_start=0.0 if settings.guidance_start is None else float(settings.guidance_start),
        guidance_stop=1.0 if settings.guidance_stop is None else float(settings.guidance_stop),
        feature_reuse=settings.feature_reuse or 1,
        clip_skip=_plan_clip_skip(settings, card),
        seed=seed,
        eta=_plan_eta(settings, sampler, notes),
        noise=next(noise for noise in NOISES if noise == (settings.noise or "cpu")),
        noise_seed_delta=settings.noise_seed_delta or 0,
        safety=_plan_safety(settings, card, notes),
        emphasis=next(emphasis for emphasis in EMPHASES if emphasis == (settings.emphasis or "original")),
        **_plan_told_sizes(settings, card, size, notes),
    )


def _plan_told_sizes(settings: ImageSettings, card: ModelCard, size: Size, notes: list[Note]) -> dict[str, Any]:
    """What SDXL is told of sizes; other families are told nothing. A missing side follows the other's ratio."""
    width, height = settings.original_width, settings.original_height
    cut = {"crop_left": settings.crop_left or 0, "crop_top": settings.crop_top or 0}
    if card.family != "sdxl":
        if width or height or any(cut.values()):
            notes.append(Note("note.told_sizes_ignored", {"model": card.name}))
        return {}
    width, height = (
        width or (max(1, round(height * size.width / size.height)) if height else size.width),
        height or (max(1, round(width * size.height / size.width)) if width else size.height),
    )
    same = (width, height) == (size.width, size.height)
    return cut if same else {**cut, "original_width": width, "original_height": height}


def with_autoencoder(plan: ImagePlan, name: str, sha256: str) -> ImagePlan:
    """The plan, drawn with another autoencoder than the model's own."""
    return replace(plan, drawings=tuple(replace(one, vae=name, vae_sha256=sha256) for one in plan.drawings))


def batches_of(drawings: Sequence[Drawing], largest: int) -> tuple[tuple[int, ...], ...]:
    """Neighbours that differ in their seeds only, at most `largest` together."""
    batches: list[tuple[int, ...]] = []
    for _, same in groupby(range(len(drawings)), key=lambda index: _texts(drawings[index])):
        indexes = tuple(same)
        batches += [indexes[first : first + largest] for first in range(0, len(indexes), largest)]
    return tuple(batches)


def _texts(drawing: Drawing) -> tuple[str, str]:
    return drawing.prompt, drawing.negative_prompt


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


def _plan_safety(settings: ImageSettings, card: ModelCard, notes: list[Note]) -> Safety:
    """A model's own checker is asked unless somebody says no; Stable Diffusion 1's is brought when somebody asks."""
    asked, brought = settings.safety == "blur", card.family == "sd1" and card.name != STARTER
    if asked and not (card.has_checker or brought):
        notes.append(Note("note.safety_absent", {"model": card.name}))
    return "blur" if (card.has_checker and settings.safety != "off") or (asked and brought) else "off"


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


def _seeded(drawings: Sequence[Drawing], settings: ImageSettings, new_seed: Callable[[], int]) -> tuple[Drawing, ...]:
    """The drawings with their seeds: seed + i; or, for variations, one seed and variation seed + i, as A1111 counts."""
    if not settings.variation_strength:
        return tuple(replace(one, seed=(one.seed + index) % MODULUS) for index, one in enumerate(drawings))
    variation = new_seed() if settings.variation_seed in (None, NEW_SEED) else settings.variation_seed
    assert variation is not None
    return tuple(
        replace(
            one,
            variation_seed=(variation + index) % MODULUS,
            variation_strength=float(settings.variation_strength),
        )
        for index, one in enumerate(drawings)
    )
