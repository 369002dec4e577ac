"""Camera moves by name."""

import pytest

from colabsd.errors import InvalidSettingError
from colabsd.planning.camera_moves import MOVES, find_move, with_move
from colabsd.planning.video_values import film_values
from colabsd.settings.video import VideoSettings

FILM = VideoSettings(prompts=("a",), max_frames=12, zoom="0: (3)", width=200)
BEAT = {"beat": (0.5,) * 12}


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_every_move_gives_schedules_that_can_be_read(move: object) -> None:
    name = find_move(str(getattr(move, "name", ""))).name
    moved = with_move(FILM, name)
    numbers = film_values(moved, variables=BEAT).numbers
    still = film_values(with_move(FILM, "still"), variables=BEAT).numbers
    assert (numbers != still) == (name != "still")


def test_a_move_takes_others_out_and_half_of_it_is_half() -> None:
    once, half = (film_values(with_move(FILM, "zoom in", amount)).numbers["zoom"][1] for amount in (1.0, 0.5))
    assert (once, half) == (1.02, 1.01)
    assert with_move(with_move(FILM, "spiral"), "pan").angle == VideoSettings().angle


def test_moves_along_the_picture_go_by_its_width() -> None:
    assert film_values(with_move(FILM, "pan")).numbers["translation_x"][0] == -2.0


def test_moves_in_space_change_the_mode_of_the_camera_and_no_other() -> None:
    assert with_move(FILM, "orbit").animation_mode == "3D"
    assert with_move(VideoSettings(animation_mode="Interpolation"), "orbit").animation_mode == "Interpolation"


def test_an_unknown_move_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidSettingError) as caught:
        with_move(FILM, "zoom on")
    assert caught.value.facts["nearest"] == "zoom in"
