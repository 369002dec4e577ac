"""From a picture that is to be drawn anew to an exact plan. Arithmetic only: nothing knows its pixels here."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from colabsd.environment.machine import Machine
from colabsd.errors import UsageError
from colabsd.geometry import Size, fit_ratio, snap
from colabsd.models.cards import ModelCard, Variant
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan, Note
from colabsd.planning.prompts import NOTHING_NAMED, PromptSources
from colabsd.settings.fields import check_settings
from colabsd.settings.redraw import RedrawSettings

# Pictures whose area is so many times the trained one keep their size; others get about the trained area.
SMALLEST_SHARE, LARGEST_SHARE = 0.6, 2.0
MOST_STEPS = 1000  # the timesteps that models were trained at
ALMOST_ALL = 0.999  # a strength of 1 counts as this where the steps are to be exact, as in A1111
STRENGTHS: dict[tuple[Variant, bool], float] = {  # by the model's variant and whether there is a mask
    ("text", False): 0.6,
    ("text", True): 0.75,
    ("inpaint", False): 0.6,
    ("inpaint", True): 1.0,
}
MASK_BLUR_PX = 4.0
IMAGE_GUIDANCE = 1.5


@dataclass(frozen=True, kw_only=True)
class Source:
    """A picture to draw anew, as planning knows it: the sha256 of its file, its size, and its mask's sha256."""

    sha256: str
    size: Size
    mask_sha256: str = ""


def plan_redraw(
    settings: RedrawSettings,
    source: Source,
    *,
    card: ModelCard,
    machine: Machine,
    new_seed: Callable[[], int],
    sources: PromptSources = NOTHING_NAMED,
) -> ImagePlan:
    """The exact plan of a redraw. Raises: as `plan_images`."""
    check_settings(settings)
    notes: list[Note] = []
    size = choose_size(settings, source.size, card)
    if size != source.size:
        notes.append(Note("note.redraw_size", {"asked": source.size, "size": size}))
    sized = replace(settings, width=size.width, height=size.height)
    plan = plan_images(sized, card=card, machine=machine, new_seed=new_seed, sources=sources)
    masked = bool(source.mask_sha256)
    strength = _plan_strength(settings, card, masked, notes)
    guidance = IMAGE_GUIDANCE if settings.image_guidance is None else float(settings.image_guidance)
    steps, edits = plan.drawings[0].steps, card.variant == "edit"
    if edits and (plan.drawings[0].guidance_start, plan.drawings[0].guidance_stop) != (0, 1):
        notes.append(Note("note.guidance_interval_ignored", {"model": card.name}))
    total, left_out = drawn_steps(steps, strength, settings.exact_steps)
    if total - left_out < steps:
        facts = {"steps": steps, "count": total - left_out, "strength": f"{strength:g}"}
        notes.append(Note("note.redraw_steps", facts))
    drawings = tuple(
        replace(
            drawing,
            source_sha256=source.sha256,
            mask_sha256=source.mask_sha256,
            strength=strength,
            exact_steps=settings.exact_steps,
            mask_blur=_plan_blur(settings, masked),
            image_guidance=guidance if edits else 1.0,
            guidance_start=0.0 if edits else drawing.guidance_start,
            guidance_stop=1.0 if edits else drawing.guidance_stop,
        )
        for drawing in plan.drawings
    )
    return replace(plan, drawings=drawings, notes=(*plan.notes, *notes))


def drawn_steps(steps: int, strength: float, exact: bool) -> tuple[int, int]:
    """How many steps the schedule of noise has, and how many of them are left out at its beginning.

    Of `steps` the last int(steps * strength) are drawn, as diffusers does, and never none. With `exact` the schedule
    is made longer, so that just `steps` are drawn, as A1111 does when it is told to, but no longer than models know.
    """
    if exact:
        total = min(max(steps, int(steps / min(strength, ALMOST_ALL))), MOST_STEPS)
        return total, total - steps
    return steps, steps - max(1, min(int(steps * strength), steps))


def choose_size(settings: RedrawSettings, picture: Size, card: ModelCard) -> Size:
    """The size to draw at: as asked; a missing side by the picture's ratio; without any, the picture's own.

    A picture much larger or smaller than what the model was trained at is drawn at about that area. Sides are
    multiples of what the model can draw.
    """
    ratio = picture.width / picture.height
    if settings.width and settings.height:
        asked = Size(settings.width, settings.height)
    elif settings.width:
        asked = Size(settings.width, max(1, round(settings.width / ratio)))
    elif settings.height:
        asked = Size(max(1, round(settings.height * ratio)), settings.height)
    elif SMALLEST_SHARE <= picture.pixels / card.size.pixels <= LARGEST_SHARE:
        asked = picture
    else:
        return fit_ratio(picture, card.size.pixels, card.multiple)
    return Size(snap(asked.width, card.multiple), snap(asked.height, card.multiple))


def _plan_strength(settings: RedrawSettings, card: ModelCard, masked: bool, notes: list[Note]) -> float:
    """Models that change pictures begin with noise alone: they are shown the picture at every step."""
    if card.variant == "edit":
        if masked:
            raise UsageError("error.redraw.no_mask", model=card.name)
        if settings.strength is not None and settings.strength != 1:
            notes.append(Note("note.strength_ignored", {"model": card.name}))
        return 1.0
    return STRENGTHS[card.variant, masked] if settings.strength is None else float(settings.strength)


def _plan_blur(settings: RedrawSettings, masked: bool) -> float:
    if not masked:
        return 0.0
    return MASK_BLUR_PX if settings.mask_blur is None else float(settings.mask_blur)
