"""Curves of a film's schedules and the strip of its camera: what is on them."""

import pytest
from PIL import Image

from colabsd.planning.video_plans import CameraValues, FramePlan, FrameTable, VideoPlan
from colabsd.sheets.curves import PANEL_HEIGHT
from colabsd.sheets.schedules import MOST_POINTS, camera_strip, schedule_curves


def film(frames: int = 20, **camera: float) -> VideoPlan:
    """A film whose camera values grow with the frames."""
    table = FrameTable.of(
        FramePlan(
            index=index,
            strength=0.5 if index else 0.0,
            camera=CameraValues(**{name: 1 + value * index for name, value in camera.items()}),  # type: ignore[arg-type]
        )
        for index in range(frames)
    )
    return VideoPlan(mode="2D", dialect="a1111", width=64, height=64, frames=table)


def test_what_changes_has_a_panel_and_what_stands_still_has_none() -> None:
    still, zooming = (schedule_curves(one, "film", "en").height for one in (film(), film(zoom=0.01)))
    both = schedule_curves(film(zoom=0.01, angle=0.1), "film", "en").height
    assert zooming - still == both - zooming == PANEL_HEIGHT


def test_long_films_are_thinned_out() -> None:
    assert schedule_curves(film(MOST_POINTS * 3, zoom=0.01), "film", "es").width == 960


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_strip_has_every_picture_in_order(language: str) -> None:
    pictures = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    strip = camera_strip(pictures, (0, 5, 9), title="film", language=language)  # type: ignore[arg-type]
    found = [strip.convert("RGB").crop(strip.getbbox()).getcolors(1_000_000)]
    assert {(255, 0, 0), (0, 255, 0), (0, 0, 255)} <= {colour for _, colour in found[0]}  # type: ignore[union-attr]
