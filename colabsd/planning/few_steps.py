"""Models, and LoRAs, distilled to need few steps, and people who ask them for something else."""

from collections.abc import Sequence
from dataclasses import replace

from colabsd.models.addons import ADDONS, AddOn
from colabsd.models.cards import FewSteps, ModelCard
from colabsd.planning.plans import LoraUse, Note
from colabsd.settings.images import ImageSettings


def few_step_lora(loras: Sequence[LoraUse]) -> AddOn | None:
    """The first of a drawing's LoRAs that was made for few steps, by its digest or its name in the catalog."""
    for use in loras:
        for row in ADDONS:
            known = use.name in row.words or any(file.sha256 == use.sha256 != "" for file in row.files)
            if row.draws_with is not None and known and use.unet:
                return row
    return None


def tuned(card: ModelCard, row: AddOn | None) -> ModelCard:
    """The card of a model as it is drawn with when a LoRA for few steps is in it."""
    if row is None or row.draws_with is None:
        return card
    defaults = row.draws_with
    return replace(
        card,
        default_sampler=defaults.sampler,
        default_schedule=defaults.schedule,
        default_steps=defaults.steps,
        default_guidance=defaults.guidance,
        few_steps=defaults.few_steps,
    )


def contradictions(few: FewSteps | None, settings: ImageSettings, sampler: str, model: str) -> list[Note]:
    """A note for each setting that was asked for and that the model was not made for. `sampler` is a label."""
    if few is None:
        return []
    notes = []
    if settings.steps is not None and not few.steps[0] <= settings.steps <= few.steps[1]:
        made = _range(*few.steps)
        notes.append(Note("note.few_steps.steps", {"model": model, "asked": settings.steps, "made": made}))
    if settings.guidance is not None and not few.guidance[0] <= max(settings.guidance, 1) <= few.guidance[1]:
        made = _range(*few.guidance)
        notes.append(Note("note.few_steps.guidance", {"model": model, "asked": settings.guidance, "made": made}))
    if settings.sampler is not None and sampler not in few.samplers:
        made = ", ".join(few.samplers)
        notes.append(Note("note.few_steps.sampler", {"model": model, "asked": sampler, "made": made}))
    return notes


def _range(least: float, most: float) -> str:
    return f"{least:g}" if least == most else f"{least:g}\N{EN DASH}{most:g}"
