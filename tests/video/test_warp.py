"""Warped pictures equal Deforum's within a level, fill their borders as asked and go where the camera says."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from colabsd.geometry import Size
from colabsd.planning.video_plans import CameraValues
from colabsd.video.camera import Dialect, matrix_2d
from colabsd.video.depth import distances
from colabsd.video.warp import Border, Sampling, grid_2d, grid_3d, grid_of_flow, seen_from_outside, warp, whole_levels

DATA = Path(__file__).parents[1] / "data" / "video"
BORDERS: dict[str, Border] = {"border": "replicate", "reflection": "reflect", "zeros": "zeros"}
DRAWN = [
    (case, dialect)
    for case in json.loads((DATA / "warp2d.json").read_text(encoding="utf-8"))["cases"]
    for dialect in ("notebook", "a1111")
    if dialect in case.get("images", {})
]
IN_SPACE = json.loads((DATA / "warp3d.json").read_text(encoding="utf-8"))["cases"]
FEW = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def arrays() -> Any:
    with np.load(DATA / "warp3d.npz", allow_pickle=False) as found:
        return dict(found)


def camera_of(case: dict[str, Any]) -> CameraValues:
    known = {field.name for field in fields(CameraValues)}
    return CameraValues(**{name: case[name] for name in known & set(case)}, perspective_flip=case["flip"])


def picture_of(pixels: Any) -> Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float()


def picture_file(name: str) -> Tensor:
    with Image.open(DATA / name) as image:
        return picture_of(image.convert("RGB"))


def dot(size: Size, x: int, y: int) -> Tensor:
    picture = torch.zeros(1, 1, size.height, size.width)
    picture[0, 0, y - 1 : y + 2, x - 1 : x + 2] = 255.0
    return picture


def centre(picture: Tensor) -> tuple[float, float]:
    """Where the brightness lies, (x, y)."""
    weight = picture[0, 0] / picture.sum()
    rows, columns = torch.arange(weight.shape[0]).float(), torch.arange(weight.shape[1]).float()
    return float((weight.sum(0) * columns).sum()), float((weight.sum(1) * rows).sum())


@pytest.mark.parametrize(
    ("case", "dialect"), DRAWN, ids=lambda value: value["id"] if isinstance(value, dict) else value
)
def test_pictures_warped_in_the_plane_equal_deforums_within_a_level(case: dict[str, Any], dialect: Dialect) -> None:
    size = Size(case["W"], case["H"])
    grid = grid_2d(matrix_2d(camera_of(case), size, dialect, flip_drops_translation=True), size)
    found = whole_levels(warp(picture_file(case["images"]["input"]), grid, border=case["border"]))
    assert float((found - picture_file(case["images"][dialect])).abs().max()) <= 1


@pytest.mark.parametrize("case", IN_SPACE, ids=lambda case: case["variant"])
def test_pictures_warped_in_space_equal_deforums(case: dict[str, Any], arrays: Any) -> None:
    """At most a level, in few values: Deforum cuts to whole levels, where 32 bits decide now and then."""
    new = "new" in case["variant"]
    depth = torch.from_numpy(arrays[f"depth_{case['depth']}"])
    if new:
        depth = distances(depth, inverse=case["variant"].endswith("midas"))
    aspect = case["aspect"] if case["variant"] != "notebook" else 1.0
    offset = 0.0 if new else 1 / 512 - 0.0001  # that Deforum adds against the cutting
    grid = grid_3d(camera_of(case), depth, aspect=aspect)
    picture = picture_of(arrays["input"]) + offset
    warped = warp(picture, grid, border=BORDERS[case["padding"]], sampling=case["sampling"])
    apart = (whole_levels(warped, cut=True) - picture_of(arrays[case["output"]])).abs()
    assert float(apart.max()) <= 1
    assert float((apart > 0).float().mean()) <= (0.02 if new else 0.0005)


def test_a_camera_at_rest_changes_nothing_in_either_way() -> None:
    picture = torch.randint(0, 256, (1, 3, 33, 47), generator=torch.Generator().manual_seed(0)).float()
    flat = grid_2d(matrix_2d(CameraValues(), Size(47, 33), "a1111"), Size(47, 33))
    space = grid_3d(CameraValues(), torch.rand(33, 47) + 1)
    for border in get_args(Border):
        for sampling in get_args(Sampling):
            for grid in (flat, space):
                same = whole_levels(warp(picture, grid, border=border, sampling=sampling))
                assert torch.equal(same, picture), (border, sampling)


def test_rounding_keeps_the_brightness_that_cutting_loses() -> None:
    picture = torch.full((1, 3, 8, 8), 100.0) - 1e-3
    assert float(whole_levels(picture).mean()) == 100
    assert float(whole_levels(picture, cut=True).mean()) == 99


@pytest.mark.parametrize(
    ("camera", "right", "down"),
    [
        (CameraValues(translation_x=5), 5, 0),
        (CameraValues(translation_y=4), 0, 4),
        (CameraValues(zoom=1.5), 5, -4),
        (CameraValues(angle=10), -1.5, -2),
    ],
    ids=["translation_x", "translation_y", "zoom", "angle"],
)
def test_in_the_plane_things_go_where_the_names_say(camera: CameraValues, right: float, down: float) -> None:
    size = Size(64, 48)
    before = dot(size, 42, 16)  # right of the middle and above it
    x, y = centre(warp(before, grid_2d(matrix_2d(camera, size, "notebook"), size)))
    assert np.sign(round(x - 42, 1)) == np.sign(right)
    assert np.sign(round(y - 16, 1)) == np.sign(down)
    if camera.zoom == 1 and camera.angle == 0:
        assert (x - 42, y - 16) == pytest.approx((right, down), abs=1e-3)


@pytest.mark.parametrize(
    ("camera", "right", "down"),
    [
        (CameraValues(translation_x=20), -1, 0),
        (CameraValues(translation_y=20), 0, 1),
        (CameraValues(translation_z=30), 1, -1),
        (CameraValues(rotation_3d_x=4), 0, 1),
        (CameraValues(rotation_3d_y=4), -1, 0),
        (CameraValues(rotation_3d_z=6), -1, -1),
    ],
    ids=["translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z"],
)
def test_in_space_things_go_where_deforums_go(camera: CameraValues, right: int, down: int) -> None:
    size = Size(64, 64)
    before = dot(size, 44, 20)
    x, y = centre(warp(before, grid_3d(camera, torch.ones(64, 64))))
    if right:
        assert np.sign(x - 44) == right
    if down:
        assert np.sign(y - 20) == down
    if not right or not down:  # the other way hardly at all
        assert min(abs(x - 44), abs(y - 20)) < 1.2


def test_near_things_move_more_than_far_ones() -> None:
    near, far = (grid_3d(CameraValues(translation_x=10), torch.full((32, 32), z)) for z in (1.0, 2.0))
    at_rest = grid_3d(CameraValues(), torch.ones(32, 32))
    assert float((near - at_rest).abs().mean()) == pytest.approx(2 * float((far - at_rest).abs().mean()), rel=1e-4)


def test_a_camera_that_passes_through_what_it_films_still_gives_numbers() -> None:
    grid = grid_3d(CameraValues(translation_z=500), torch.rand(16, 16) + 1)
    assert bool(torch.isfinite(grid).all())


def test_each_border_shows_what_it_is_called() -> None:
    size = Size(6, 4)
    picture = torch.arange(6.0).expand(1, 1, 4, 6) * 10 + 1
    grid = grid_2d(matrix_2d(CameraValues(translation_x=2), size, "notebook"), size)
    expected = {"replicate": [1, 1, 1], "wrap": [41, 51, 1], "reflect": [11, 1, 1], "zeros": [0, 0, 1]}
    for border in get_args(Border):
        assert warp(picture, grid, border=border)[0, 0, 0, :3].tolist() == pytest.approx(expected[border], abs=1e-3)


@FEW
@given(shift=st.integers(-200, 200), width=st.integers(3, 40))
def test_wrapping_is_a_roll_however_far(shift: int, width: int) -> None:
    size = Size(width, 5)
    picture = torch.rand(1, 3, 5, width) * 255
    grid = grid_2d(matrix_2d(CameraValues(translation_x=shift), size, "notebook"), size)
    for sampling in get_args(Sampling):
        rolled = warp(picture, grid, border="wrap", sampling=sampling)
        torch.testing.assert_close(rolled, picture.roll(shift, dims=3), atol=0.05, rtol=0)  # of 32-bit places


def test_what_is_seen_beyond_the_edges_is_known() -> None:
    size = Size(20, 10)
    grid = grid_2d(matrix_2d(CameraValues(translation_x=3), size, "notebook"), size)
    assert seen_from_outside(grid, size)[0, 0].sum(dim=1).tolist() == [3] * 10


def test_a_flow_carries_along_it() -> None:
    size = Size(32, 32)
    flow = torch.tensor([4.0, -2.0]).expand(32, 32, 2)
    assert centre(warp(dot(size, 10, 20), grid_of_flow(flow))) == pytest.approx((14, 18), abs=1e-3)
    assert centre(warp(dot(size, 10, 20), grid_of_flow(flow, 0.5))) == pytest.approx((12, 19), abs=1e-3)
