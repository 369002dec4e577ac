"""What a training shows of itself: samples over steps and prompts, and the curves. Knows nothing of networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colabsd.geometry import Size
from colabsd.language import Language, say
from colabsd.sheets.curves import Line, Panel, draw_curves, smoothed
from colabsd.sheets.grid import SheetText, draw_sheet
from colabsd.sheets.labels import UNBROKEN

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_ROWS = 12  # of samples on a sheet; in between they are thinned out
MEMORY = 0.97  # of the smoothed loss: about the last thirty steps
WAY, FOLLOWING, KEPT, SCORE = "way", "following", "kept", "score"
NAMES: Mapping[str, str] = {
    WAY: "training.curve.likeness",
    FOLLOWING: "training.curve.following",
    KEPT: "training.curve.class",
    SCORE: "training.curve.score",
}


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """The samples after `step` steps, one for each prompt, and what was measured: shares in [0, 1] by name."""

    step: int
    images: Sequence["Image"]
    shares: Mapping[str, float]


def sample_sheet(
    rows: Sequence[SampleRow], prompts: Sequence[str], *, title: str, facts: str, best: int | None, language: Language
) -> "Image":
    """One row for each time that samples were drawn, one column for each prompt; `best` is the step to choose."""
    chosen = thinned(rows, best)
    sizes = [image.size for row in chosen for image in row.images]
    text = SheetText(
        title=title,
        columns=tuple(prompts),
        rows=tuple(_label(row, best, language) for row in chosen),
        row_name=say("training.sheet.steps", language),
        facts=facts,
        words=(say("training.sheet.formula", language),),
    )
    cells = ((column, place, image) for place, row in enumerate(chosen) for column, image in enumerate(row.images))
    return draw_sheet(text, Size(max(size[0] for size in sizes), max(size[1] for size in sizes)), cells)


def curves_picture(
    losses: Sequence[float], rows: Sequence[SampleRow], *, title: str, best: int | None, language: Language
) -> "Image":
    """The loss of every step with its smoothed course, and below it what was measured on the samples."""
    steps = range(1, len(losses) + 1)
    course = smoothed(losses, MEMORY)
    # A few high losses must not press the rest into a line.
    ordered = sorted(loss for loss in losses if loss == loss)
    most = ordered[min(len(ordered) - 1, int(len(ordered) * 0.98))] if ordered else None
    loss = Panel(
        title=say("training.curve.loss", language),
        lines=[
            Line(name="", points=list(zip(steps, losses, strict=True)), faint=True),
            Line(name=say("training.curve.smoothed", language), points=list(zip(steps, course, strict=True))),
        ],
        low=0.0,
        high=most or None,
    )
    measured = Panel(
        title=say("training.curve.samples", language),
        lines=[
            Line(
                name=say(key, language),
                points=[(row.step, row.shares[name]) for row in rows if name in row.shares],
                colour=place,
                dots=True,
            )
            for place, (name, key) in enumerate(NAMES.items())
        ],
        low=0.0,
        high=1.0,
    )
    mark = None if best is None else (float(best), say("training.curve.best", language, step=best))
    return draw_curves(title, [loss, measured], say("training.sheet.steps", language), mark)


def thinned(rows: Sequence[SampleRow], best: int | None) -> list[SampleRow]:
    """At most MOST_ROWS rows, evenly: the first, the last and the best always."""
    if len(rows) <= MOST_ROWS:
        return list(rows)
    places = {round(number * (len(rows) - 1) / (MOST_ROWS - 1)) for number in range(MOST_ROWS)}
    wanted = next((place for place, row in enumerate(rows) if row.step == best), None)
    if wanted is not None and wanted not in places:
        places.discard(min(places - {0, len(rows) - 1}, key=lambda place: abs(place - wanted)))
        places.add(wanted)
    return [row for place, row in enumerate(rows) if place in places]


def _label(row: SampleRow, best: int | None, language: Language) -> str:
    """`400 · ★ · like the photos 0.71 · …`."""
    parts = [f"{row.step}"]
    if row.step == best:
        parts[0] += f" · {say('training.sheet.best', language)}"
    parts += [
        f"{say(NAMES[name], language)}{UNBROKEN}{share:.2f}" for name, share in row.shares.items() if name in NAMES
    ]
    return " · ".join(parts)
