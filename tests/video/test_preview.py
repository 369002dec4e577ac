"""A film's camera tried on a grid: it moves as the film's would."""

import numpy as np
import pytest

from colabsd.planning.video_plans import CameraValues, FramePlan, FrameTable, VideoPlan
from colabsd.video.preview import LONGEST_SIDE, frames_shown, preview_camera


def film(mode: str, camera: CameraValues, width: int = 96, height: int = 64) -> VideoPlan:
    frames = FrameTable.of(FramePlan(index=index, camera=camera) for index in range(6))
    return VideoPlan(mode=mode, dialect="a1111", width=width, height=height, frames=frames)  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "camera"), [("2D", CameraValues()), ("3D", CameraValues())])
def test_a_camera_that_stands_still_changes_nothing(mode: str, camera: CameraValues) -> None:
    first, last = preview_camera(film(mode, camera), (0, 5))
    difference = np.abs(np.asarray(first, dtype=float) - np.asarray(last, dtype=float))
    assert difference.max() <= 1  # one level of rounding


@pytest.mark.parametrize(
    ("mode", "camera"),
    [("2D", CameraValues(zoom=1.1)), ("3D", CameraValues(translation_z=5.0)), ("2D", CameraValues(angle=5.0))],
)
def test_a_camera_that_moves_changes_every_picture(mode: str, camera: CameraValues) -> None:
    pictures = [np.asarray(one, dtype=float) for one in preview_camera(film(mode, camera), (0, 2, 5))]
    assert np.abs(pictures[0] - pictures[1]).mean() > 1 and np.abs(pictures[1] - pictures[2]).mean() > 1


def test_a_large_film_is_tried_small_and_its_steps_are_smaller_too() -> None:
    small = preview_camera(film("2D", CameraValues(translation_x=2.0), 96, 96), (5,))[0]
    large = preview_camera(film("2D", CameraValues(translation_x=4.0), 2 * LONGEST_SIDE, 2 * LONGEST_SIDE), (5,))[0]
    assert max(large.size) == LONGEST_SIDE
    assert np.asarray(small).shape != np.asarray(large).shape


def test_frames_to_show_go_from_the_first_to_the_last() -> None:
    assert (
        frames_shown(60, 6) == (0, 12, 24, 35, 47, 59)
        and frames_shown(1, 6) == (0,)
        and frames_shown(3, 6) == (0, 1, 2)
    )
