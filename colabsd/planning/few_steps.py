"""Models distilled to need few steps, and people who ask them for something else."""

from colabsd.models.cards import FewSteps
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings


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
