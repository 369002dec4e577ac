"""Camera moves by name, as schedules: zoom in, orbit, pan, spiral, dolly, zoom with the beat. Text only."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from colabsd.errors import InvalidSettingError
from colabsd.settings.video import VideoSettings

USUAL_WIDTH = 512
"""Pixels; moves along the picture are shares of its width."""


@dataclass(frozen=True, kw_only=True)
class CameraMove:
    """A way to move: in the plane or in space, and a schedule per setting.

    In a schedule `{name}` stands for a number: 1 is the usual amount of `numbers`, 0 stands still.
    """

    name: str
    title: str
    mode: str = "2D"
    schedules: Mapping[str, str] = dataclasses.field(default_factory=dict)
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    needs_sound: bool = False


MOVES: tuple[CameraMove, ...] = (
    CameraMove(name="still", title="camera_move.still"),
    CameraMove(
        name="zoom in",
        title="camera_move.zoom_in",
        schedules={"zoom": "0: ({zoom})"},
        numbers={"zoom": 0.02},
    ),
    CameraMove(
        name="zoom out",
        title="camera_move.zoom_out",
        schedules={"zoom": "0: ({zoom})"},
        numbers={"zoom": -0.015},
    ),
    CameraMove(
        name="pan",
        title="camera_move.pan",
        schedules={"translation_x": "0: ({x})"},
        numbers={"x": -0.01},
    ),
    CameraMove(
        name="spiral",
        title="camera_move.spiral",
        schedules={"zoom": "0: ({zoom})", "angle": "0: ({angle})"},
        numbers={"zoom": 0.02, "angle": 1.5},
    ),
    CameraMove(
        name="sway",
        title="camera_move.sway",
        schedules={"translation_x": "0: ({x} * sin(t / 8))", "angle": "0: ({angle} * cos(t / 11))"},
        numbers={"x": 0.006, "angle": 0.5},
    ),
    CameraMove(
        name="dolly",
        title="camera_move.dolly",
        mode="3D",
        schedules={"translation_z": "0: ({z})"},
        numbers={"z": 3.0},
    ),
    CameraMove(
        name="orbit",
        title="camera_move.orbit",
        mode="3D",
        schedules={"translation_x": "0: ({x3})", "rotation_3d_y": "0: ({turn})"},
        numbers={"x3": 3.15, "turn": -0.7},
    ),
    CameraMove(
        name="beat zoom",
        title="camera_move.beat_zoom",
        schedules={"zoom": "0: (1 + {beat} * beat)"},
        numbers={"beat": 0.06},
        needs_sound=True,
    ),
)
MOVED = tuple(sorted({name for move in MOVES for name in move.schedules}))
FACTORS = ("zoom",)  # 1 stands still
SHARES = ("x",)  # of the width


def find_move(name: str) -> CameraMove:
    """Raises: InvalidSettingError with the moves that there are."""
    wanted = name.strip().casefold().replace("_", " ")
    found = next((move for move in MOVES if move.name == wanted), None)
    if found is None:
        names = [move.name for move in MOVES]
        nearest = (*get_close_matches(wanted, names, 1, 0.0), names[0])[0]
        facts = {"name": name, "nearest": nearest, "choices": ", ".join(names)}
        raise InvalidSettingError("error.camera_move", **facts)
    return found


def with_move(settings: VideoSettings, name: str, amount: float = 1.0, width: int = USUAL_WIDTH) -> VideoSettings:
    """The settings with a camera that moves so, `amount` times as much as is usual; other moves are taken out.

    `width` is the film's in pixels where the settings do not say it.

    Raises: InvalidSettingError for an unknown move.
    """
    move = find_move(name)
    still: dict[str, Any] = {
        field.name: field.default for field in dataclasses.fields(VideoSettings) if field.name in MOVED
    }
    across = settings.width or width
    shown = {number: _shown(number, value * amount, across) for number, value in move.numbers.items()}
    schedules = {setting: text.format(**shown) for setting, text in move.schedules.items()}
    mode = move.mode if schedules and settings.animation_mode in ("2D", "3D") else settings.animation_mode
    return dataclasses.replace(settings, **still | schedules | {"animation_mode": mode})


def _shown(number: str, value: float, width: int) -> str:
    return f"{round((number in FACTORS) + value * (width if number in SHARES else 1), 4):g}"
