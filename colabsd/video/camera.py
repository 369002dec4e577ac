"""The camera's values of one frame as matrices: a homography in 2D, a turn and a step in 3D. Knows no pixels.

Behaviour is that of Deforum's notebook (MIT) and of the extension for A1111, as measured. Directions: in 2D a positive
`translation_x` moves the picture right, `translation_y` down, `angle` turns it counter-clockwise, `zoom` above 1
enlarges. In 3D the camera moves, and x is the other way: a positive `translation_x` moves the picture left,
`translation_y` down, `translation_z` towards the viewer; `rotation_3d_x` down, `rotation_3d_y` left, `rotation_3d_z`
counter-clockwise. 2D translations are pixels, 3D ones 1/200 of the depth's unit; angles are degrees.
"""

import math
from typing import Any, Literal, TypeAlias

import numpy as np

from colabsd.geometry import Size
from colabsd.planning.camera_checks import check_camera
from colabsd.planning.video_plans import CameraValues

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Dialect = Literal["notebook", "a1111"]
STEP = 1 / 200
"""What a unit of a 3D translation is in units of depth."""


def matrix_2d(camera: CameraValues, size: Size, dialect: Dialect, *, flip_drops_translation: bool = False) -> Matrix:
    """(3, 3): source pixels (x, y, 1) to where they are shown; pixel centres are whole numbers.

    M = R T: first moved, then turned and enlarged about the pivot; with `perspective_flip` F R T. The notebook's pivot
    is (W // 2, H // 2), A1111's the fractions `transform_center_x`, `transform_center_y`. Both of Deforum's versions
    lose T when they flip; `flip_drops_translation` keeps it so, for films whose look depends on that.
    Raises: InvalidCameraError.
    """
    check_camera(camera)
    turn = _turn_and_enlarge(camera, _pivot(camera, size, dialect))
    # Deforum rounds the translation to 32 bits.
    move = _moved(float(np.float32(camera.translation_x)), float(np.float32(camera.translation_y)))
    if not camera.perspective_flip:
        return turn @ move
    flip, side = flip_homography(camera, size)
    flip = flip @ _moved((size.width - side) / 2, (size.height - side) / 2)
    return flip @ turn if flip_drops_translation else flip @ turn @ move


def flip_homography(camera: CameraValues, size: Size) -> tuple[Matrix, float]:
    """((3, 3), side): the picture as a plane tilted in front of a camera, on a square canvas of `side` pixels.

    The plane is turned by theta about the line of sight, by gamma about y and by phi about x, as far from the camera
    as its diagonal needs at a field of view of `perspective_flip_fv` degrees. Not tilted it is not quite the identity.
    """
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * (size.width / 2, size.height / 2)
    half_view = math.radians(camera.perspective_flip_fv) / 2
    diagonal = math.hypot(size.width, size.height)
    side, distance = diagonal / math.cos(half_view), diagonal / (2 * math.sin(half_view))
    turn = _about_x(camera.perspective_flip_phi) @ _about_y(camera.perspective_flip_gamma)
    plane = np.column_stack([corners, np.zeros(4)]) @ (turn @ _about_z(camera.perspective_flip_theta)).T
    # A point of the plane as it is seen: x and y by depth, scaled so that the field of view is the range -1 to 1. The
    # depth is a pixel more than it should be; films made with Deforum have it so.
    seen = plane[:, :2] / math.tan(half_view) / (distance + 1 - plane[:, 2])[:, None]
    source = corners + np.array([size.width / 2, size.height / 2])
    return _homography(source, (seen + 1) * side / 2), side


def rotation_3d(camera: CameraValues) -> Matrix:
    """(3, 3) for row vectors, p R: about x, then y, then z."""
    turn: Matrix = _about_x(camera.rotation_3d_x) @ _about_y(camera.rotation_3d_y) @ _about_z(camera.rotation_3d_z)
    return turn


def translation_3d(camera: CameraValues) -> Matrix:
    """(3,) in units of depth: how points move before the camera."""
    return np.array([-camera.translation_x, camera.translation_y, -camera.translation_z]) * STEP


def _pivot(camera: CameraValues, size: Size, dialect: Dialect) -> tuple[float, float]:
    if dialect == "notebook":
        return size.width // 2, size.height // 2
    return size.width * camera.transform_center_x, size.height * camera.transform_center_y


def _turn_and_enlarge(camera: CameraValues, pivot: tuple[float, float]) -> Matrix:
    """The rotation matrix of OpenCV: `angle` degrees counter-clockwise and `zoom` times larger about the pivot."""
    x, y = pivot
    angle = math.radians(camera.angle)
    along, across = camera.zoom * math.cos(angle), camera.zoom * math.sin(angle)
    return np.array(
        [[along, across, (1 - along) * x - across * y], [-across, along, across * x + (1 - along) * y], [0, 0, 1]]
    )


def _moved(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def _about_x(degrees: float) -> Matrix:
    """Right-handed, as the next two."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _about_y(degrees: float) -> Matrix:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _about_z(degrees: float) -> Matrix:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def _homography(source: Matrix, target: Matrix) -> Matrix:
    """(3, 3) that takes four points (4, 2) to four others, its last number 1: eight linear equations."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)
