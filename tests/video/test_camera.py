"""Matrices equal Deforum's; what Deforum loses with the perspective flip is there, or lost as well where asked."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colabsd.errors import InvalidCameraError
from colabsd.geometry import Size
from colabsd.planning.video_plans import CameraValues
from colabsd.video.camera import Dialect, flip_homography, matrix_2d, rotation_3d, translation_3d

DATA = Path(__file__).parents[1] / "data" / "video"
CASES_2D = json.loads((DATA / "warp2d.json").read_text(encoding="utf-8"))["cases"]
CASES_3D = json.loads((DATA / "warp3d.json").read_text(encoding="utf-8"))["cases"]


def camera_of(case: dict[str, Any]) -> CameraValues:
    known = {field.name for field in fields(CameraValues)}
    return CameraValues(**{name: case[name] for name in known & set(case)}, perspective_flip=case["flip"])


@pytest.mark.parametrize("dialect", ["notebook", "a1111"])
@pytest.mark.parametrize("case", CASES_2D, ids=lambda case: case["id"])
def test_matrices_equal_deforums(case: dict[str, Any], dialect: Dialect) -> None:
    """Within 1e-9; with the flip, whose corners Deforum rounds to 32 bits, within 2e-5 and 2e-7 in the last row."""
    found = matrix_2d(camera_of(case), Size(case["W"], case["H"]), dialect, flip_drops_translation=True)
    apart = np.abs(found - np.array(case[f"matrix_{dialect}"]))
    assert apart[:2].max() < (2e-5 if case["flip"] else 1e-9)
    assert apart[2].max() < (2e-7 if case["flip"] else 1e-9)


@pytest.mark.parametrize("case", [case for case in CASES_2D if case["flip"]], ids=lambda case: case["id"])
def test_the_flip_alone_equals_deforums(case: dict[str, Any]) -> None:
    found, side = flip_homography(camera_of(case), Size(case["W"], case["H"]))
    np.testing.assert_allclose(found, case["flip_M33"], atol=2e-5)
    assert side == pytest.approx(case["flip_side"], abs=1e-9)


@pytest.mark.parametrize("case", CASES_3D, ids=lambda case: case["id"])
def test_turn_and_step_in_space_equal_deforums(case: dict[str, Any]) -> None:
    np.testing.assert_allclose(rotation_3d(camera_of(case)), case["R"], atol=1e-7)  # which are 32 bits
    np.testing.assert_allclose(translation_3d(camera_of(case)), case["T"], atol=1e-12)


def test_with_the_flip_the_picture_still_moves_unless_the_old_way_is_asked_for() -> None:
    size = Size(96, 64)
    still = CameraValues(perspective_flip=True, perspective_flip_phi=7)
    moved = CameraValues(perspective_flip=True, perspective_flip_phi=7, translation_x=10)
    at_rest = matrix_2d(still, size, "a1111")
    assert np.allclose(matrix_2d(moved, size, "a1111", flip_drops_translation=True), at_rest)
    ten_right = np.array([[1, 0, 10], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(matrix_2d(moved, size, "a1111"), at_rest @ ten_right, atol=1e-9)


def test_the_two_dialects_turn_about_their_own_pivots() -> None:
    camera, size = CameraValues(zoom=2, transform_center_x=0.25, transform_center_y=0), Size(65, 97)
    np.testing.assert_allclose(matrix_2d(camera, size, "notebook") @ (32, 48, 1), (32, 48, 1))
    np.testing.assert_allclose(matrix_2d(camera, size, "a1111") @ (16.25, 0, 1), (16.25, 0, 1))


def test_positive_values_move_right_down_turn_left_and_enlarge() -> None:
    size = Size(100, 100)
    moved = matrix_2d(CameraValues(translation_x=3, translation_y=5), size, "a1111") @ (50, 50, 1)
    np.testing.assert_allclose(moved, (53, 55, 1))
    right_of_centre = matrix_2d(CameraValues(angle=90), size, "a1111") @ (60, 50, 1)
    np.testing.assert_allclose(right_of_centre, (50, 40, 1), atol=1e-9)  # above it: counter-clockwise
    np.testing.assert_allclose(matrix_2d(CameraValues(zoom=2), size, "a1111") @ (60, 50, 1), (70, 50, 1))


def test_a_zoom_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidCameraError):
        matrix_2d(CameraValues(zoom=0), Size(64, 64), "notebook")
