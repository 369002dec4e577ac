"""From a draft to its final: the same drawing with more steps, or the draft refined where that is another picture."""

from dataclasses import dataclass, replace

from colabsd.errors import UsageError
from colabsd.models.cards import FewSteps, ModelCard
from colabsd.planning.few_steps import contradictions, few_step_lora, tuned
from colabsd.planning.plans import Drawing, Note
from colabsd.settings.fields import check_value, field_specs
from colabsd.settings.images import ImageSettings
from colabsd.settings.samplers import Sampler, find_sampler

# What finals get: beyond it pictures hardly change. Samplers that ask the model twice a step are there sooner.
STEPS_BY_ORDER = {1: 50, 2: 40}
STEPS_BY_SAMPLER = {"LCM": 8}
REFINE_STRENGTH = 0.3


@dataclass(frozen=True)
class Final:
    """How a draft is finished. `refined`: a second pass over the draft's own pixels, at low strength."""

    drawing: Drawing
    refined: bool
    notes: tuple[Note, ...] = ()


def plan_final(draft: Drawing, sha256: str, card: ModelCard, *, steps: int | None, refine: bool | None) -> Final:
    """The final of a draft whose file has that sha256, with the card of its model as it is now.

    `steps` None is what suits sampler and model. `refine` None refines where more steps would make another picture, or
    none that is better; a refined draft keeps its steps. Raises: InvalidSettingError, UsageError where the model
    cannot refine, UnknownSamplerError.
    """
    check_steps(steps)
    sampler = find_sampler(draft.sampler)
    few = tuned(card, few_step_lora(draft.loras)).few_steps
    another = sampler.changes_with_steps(draft.eta)
    enough = steps is None and draft.steps >= final_steps(sampler, few)
    can_refine = card.variant != "edit"
    if refine and not can_refine:
        raise UsageError("error.finish.edit", model=card.name)
    refined = can_refine and (another or enough) if refine is None else refine
    notes = contradictions(few, ImageSettings(steps=steps), sampler.label, card.name)
    if another:
        key = "note.finish.refined" if refined else "note.finish.another"
        notes.append(Note(key, {"sampler": sampler.label, "strength": f"{REFINE_STRENGTH:g}"}))
    elif enough:
        key = "note.finish.enough_refined" if refined else "note.finish.enough"
        notes.append(Note(key, {"steps": draft.steps, "strength": f"{REFINE_STRENGTH:g}"}))
    same = replace(draft, model=card.name, model_sha256=card.sha256)
    if refined:
        kept = steps or draft.steps
        drawing = replace(same, steps=kept, source_sha256=sha256, strength=REFINE_STRENGTH, exact_steps=False)
    else:
        drawing = replace(same, steps=steps or max(draft.steps, final_steps(sampler, few)))
    return Final(drawing, refined, tuple(notes))


def check_steps(steps: int | None) -> None:
    """Raises: InvalidSettingError for steps that cannot be."""
    check_value("steps", field_specs(ImageSettings)["steps"], steps)


def final_steps(sampler: Sampler, few: FewSteps | None) -> int:
    """The steps of finals: 40 or 50, or the most that a model of few steps, or a sampler for such, was made for."""
    if few is not None:
        return few.steps[1]
    return STEPS_BY_SAMPLER.get(sampler.label, STEPS_BY_ORDER[sampler.order])
