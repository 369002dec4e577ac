"""What is seen of a film before it is drawn: its schedules as curves, its camera on a picture of a grid."""

from typing import TYPE_CHECKING

from colabsd.environment.interrupts import stop_waits
from colabsd.language import say
from colabsd.planning.video_plans import VideoPlan
from colabsd.sheets.schedules import camera_strip, schedule_curves
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 6
LONGEST = 600  # frames through which a grid is moved; what comes after them is not previewed


def preview_schedules(workshop: Workshop, plan: VideoPlan) -> "Image":
    """See `Studio.preview_schedules`."""
    return schedule_curves(plan, say("sheet.film.schedules", workshop.language), workshop.language)


def preview_camera(workshop: Workshop, plan: VideoPlan) -> "Image":
    """See `Studio.preview_camera`."""
    with stop_waits():
        from colabsd.video.preview import frames_shown
        from colabsd.video.preview import preview_camera as moved_grid

    shown = frames_shown(min(len(plan.frames), LONGEST), SHOWN)
    title = say("sheet.film.camera", workshop.language)
    return camera_strip(moved_grid(plan, shown), shown, title=title, language=workshop.language)
