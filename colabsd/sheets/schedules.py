"""A film's schedules as curves, and its camera's way as a strip of pictures. Knows nothing of how frames are drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from colabsd.geometry import Size
from colabsd.language import Language, say
from colabsd.planning.video_plans import CAMERA, VideoPlan
from colabsd.sheets.curves import Line, Panel, draw_curves
from colabsd.sheets.grid import SheetText, draw_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_POINTS = 960  # as many as there are pixels across
PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sheet.film.zoom", ("zoom",)),
    ("sheet.film.turn", ("angle", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")),
    ("sheet.film.move", ("translation_x", "translation_y", "translation_z")),
    ("sheet.film.view", ("fov",)),
)
DRAWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sheet.film.stays", ("strength",)),
    ("sheet.film.noise", ("noise",)),
    ("sheet.film.guidance", ("guidance",)),
    ("sheet.film.steps", ("steps",)),
)


def schedule_curves(plan: VideoPlan, title: str, language: Language) -> "Image":
    """What changes over a film, below each other: the camera's values, then those of drawing. What is constant is not
    shown, but for what stays of each frame.
    """
    panels = []
    for key, names in PANELS:
        found = (_line(plan, CAMERA + name, number) for number, name in enumerate(names))
        lines = [line for line in found if line is not None and _moves(line)]
        panels += [Panel(title=say(key, language), lines=lines)] if lines else []
    for key, names in DRAWN:
        found = (_line(plan, name, 0) for name in names)
        lines = [line for line in found if line is not None and (_changes(line) or line.name == "strength")]
        bounds = {"low": 0.0, "high": 1.0} if names == ("strength",) else {}
        panels += [Panel(title=say(key, language), lines=lines, **bounds)] if lines else []
    return draw_curves(title, panels, say("sheet.film.frame", language))


def camera_strip(pictures: Sequence["Image"], frames: Sequence[int], *, title: str, language: Language) -> "Image":
    """Pictures of some frames beside each other, each under its frame's number."""
    text = SheetText(
        title=title,
        columns=tuple(say("sheet.film.now", language, frame=frame) for frame in frames),
        rows=("",),
    )
    size = Size(*pictures[0].size)
    return draw_sheet(text, size, ((column, 0, picture) for column, picture in enumerate(pictures)))


def _line(plan: VideoPlan, name: str, colour: int) -> Line | None:
    """The values of one field; None where the film has no use for it. Long films are thinned out."""
    if name not in plan.frames.columns:
        return None
    values = plan.frames.column(name)
    step = max(1, len(values) // MOST_POINTS)
    points = [(float(frame), float(values[frame])) for frame in range(0, len(values), step)]
    return Line(name=name.removeprefix(CAMERA), points=points, colour=colour)


def _moves(line: Line) -> bool:
    """Whether a camera value does anything: it changes, or it is neither 0 nor, as a zoom, 1."""
    return _changes(line) or (line.name != "fov" and line.points[0][1] != (1.0 if line.name == "zoom" else 0.0))


def _changes(line: Line) -> bool:
    return len({height for _, height in line.points}) > 1
