"""What a move reveals is found, and drawn by a model into a picture that otherwise stays to the pixel."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from colabsd.engine.engine import Engine, load_engine
from colabsd.environment.machine import Machine
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Drawing, Execution
from colabsd.planning.video_plans import CameraValues
from colabsd.progress import Progress
from colabsd.settings.images import ImageSettings
from colabsd.video.camera import matrix_2d
from colabsd.video.holes import draw_into, from_image, holes, to_image
from colabsd.video.warp import grid_2d, grid_3d

SIZE = Size(64, 48)


@pytest.fixture(scope="module")
def block() -> Tensor:
    """Depth of a near block before a far wall."""
    depth = torch.full((48, 64), 2.0)
    depth[16:32, 24:40] = 1.0
    return depth


def plane(camera: CameraValues) -> Tensor:
    return grid_2d(matrix_2d(camera, SIZE, "notebook"), SIZE)


def test_what_comes_in_at_the_sides_is_a_hole() -> None:
    found = holes(plane(CameraValues(translation_x=5, translation_y=-3)), SIZE, grow=0)[0, 0]
    assert bool(found[:, :5].all())
    assert bool(found[-3:].all())
    assert not bool(found[:-3, 5:].any())


def test_zooming_in_and_resting_leave_no_holes(block: Tensor) -> None:
    assert not bool(holes(plane(CameraValues(zoom=1.3)), SIZE, grow=0).any())
    assert not bool(holes(grid_3d(CameraValues(), block), SIZE, block, grow=0).any())


def test_behind_a_block_that_goes_left_there_is_a_hole_as_wide_as_its_way_and_before_it_none(block: Tensor) -> None:
    grid = grid_3d(CameraValues(translation_x=20, fov=90), block)
    way = round(float(grid[0, 24, 32, 0]) - 32)  # of the block, in pixels
    found = holes(grid, SIZE, block, grow=0)[0, 0]
    assert bool(found[16:32, 40 - way : 40].all())
    assert not bool(found[16:32, : 40 - way - 1].any())
    assert not bool(found[:15, :50].any())


def test_holes_grow_by_as_many_pixels_as_asked() -> None:
    grid = plane(CameraValues(translation_x=5))
    assert holes(grid, SIZE, grow=3)[0, 0].sum(dim=1).tolist() == [8] * 48


def test_pictures_go_to_images_and_back_unchanged() -> None:
    picture = torch.randint(0, 256, (1, 3, 5, 7), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(from_image(to_image(picture)), picture)
    assert to_image(picture).size == (7, 5)


@pytest.fixture(scope="module")
def engine(small_card: ModelCard) -> Engine:
    loading = load_engine(small_card, Execution())
    while True:
        try:
            next(loading)
        except StopIteration as end:
            loaded: Engine = end.value
            return loaded


@pytest.fixture(scope="module")
def drawing(small_card: ModelCard) -> Drawing:
    machine = Machine(cores=1, ram_bytes=8 * 2**30, free_ram_bytes=8 * 2**30)
    settings = ImageSettings(prompt="a wall", seed=1, width=64, height=64, steps=2)
    plan = plan_images(settings, card=small_card, machine=machine, new_seed=lambda: 0)
    return replace(plan.drawings[0], strength=1.0)


def test_holes_are_drawn_and_everything_else_stays_to_the_pixel(engine: Engine, drawing: Drawing) -> None:
    picture = torch.full((1, 3, 64, 64), 40.0)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 3:60, 13] = 1  # thinner than a latent
    events = list(draw_into(engine, drawing, picture, mask))
    assert any(isinstance(event, Progress) for event in events)
    drawn = events[-1]
    assert isinstance(drawn, Tensor)
    changed = (drawn != picture).any(dim=1, keepdim=True)
    assert bool(changed[mask == 1].float().mean() > 0.9)
    assert not bool(changed[mask == 0].any())


def test_without_holes_nothing_is_drawn(engine: Engine, drawing: Drawing) -> None:
    picture = torch.full((1, 3, 64, 64), 40.0)
    assert list(draw_into(engine, drawing, picture, torch.zeros(1, 1, 64, 64))) == [picture]
