"""What a camera's values of one frame must be, so that a picture can be seen through it. Knows no pixels."""

import math
from dataclasses import fields

from colabsd.errors import InvalidCameraError
from colabsd.planning.video_plans import CameraValues

ANGLES_OF_VIEW = ("fov", "perspective_flip_fv")
WIDEST = 180
"""Degrees; a camera sees less than half of what is around it."""


def check_camera(camera: CameraValues, frame: int = 0) -> None:
    """Raises: InvalidCameraError for a value that is not a number, a zoom of 0, or an angle of view out of range."""
    for field in fields(camera):
        value = getattr(camera, field.name)
        if not math.isfinite(value):
            raise InvalidCameraError(field=field.name, value=value, frame=frame)
        if field.name in ANGLES_OF_VIEW and not 0 < value < WIDEST:
            raise InvalidCameraError("error.camera.view", field=field.name, value=value, frame=frame, widest=WIDEST)
    if camera.zoom == 0:
        raise InvalidCameraError("error.camera.zoom", frame=frame)
    if camera.aspect_ratio == 0:
        raise InvalidCameraError("error.camera.aspect", frame=frame)
