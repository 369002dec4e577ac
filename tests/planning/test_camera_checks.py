"""A camera through which nothing can be seen is refused before anything is drawn, with the frame and the value."""

import math

import pytest

from colabsd.errors import InvalidCameraError
from colabsd.planning.camera_checks import check_camera
from colabsd.planning.video_plans import CameraValues


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["angle", "zoom", "translation_x", "rotation_3d_y", "fov", "perspective_flip_fv"])
def test_what_is_no_finite_number_is_named_with_its_frame(field: str, value: float) -> None:
    with pytest.raises(InvalidCameraError) as caught:
        check_camera(CameraValues(**{field: value}), frame=57)
    for language in ("en", "es"):
        assert field in caught.value.tell(language)
        assert "57" in caught.value.tell(language)


@pytest.mark.parametrize(
    "camera",
    [
        CameraValues(zoom=0),
        CameraValues(aspect_ratio=0),
        CameraValues(fov=0),
        CameraValues(fov=180),
        CameraValues(perspective_flip_fv=-10),
    ],
)
def test_a_camera_that_shows_nothing_is_refused(camera: CameraValues) -> None:
    with pytest.raises(InvalidCameraError):
        check_camera(camera)


def test_usual_and_bold_values_pass() -> None:
    check_camera(CameraValues())
    check_camera(CameraValues(zoom=-3, angle=1e6, translation_x=-1e5, fov=179))
