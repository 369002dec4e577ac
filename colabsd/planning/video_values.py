"""All schedules of a film's settings as numbers per frame: read together, checked together. Knows no model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from colabsd.errors import ColabsdError, InvalidScheduleError, InvalidSchedulesError, InvalidSettingError
from colabsd.planning.camera_checks import check_camera
from colabsd.planning.key_frames import Method
from colabsd.planning.plans import Note
from colabsd.planning.schedules import Dialect, Variables, parse_schedule, parse_text_schedule
from colabsd.planning.video_frames import CameraValues
from colabsd.planning.video_prompts import PromptKeys, Sentences, prompt_keys
from colabsd.settings.fields import check_settings
from colabsd.settings.video import COMPAT, SCHEDULES, TEXT_SCHEDULES, VideoSettings

PLANE = ("angle", "zoom", "translation_x", "translation_y", "transform_center_x", "transform_center_y")
SPACE = (
    *("translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z"),
    *("fov_schedule", "aspect_ratio_schedule"),
)
FLIP = ("perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma", "perspective_flip_fv")
CAMERA_NAMES = {"fov_schedule": "fov", "aspect_ratio_schedule": "aspect_ratio"}
MOVED: Mapping[str, tuple[str, ...]] = {"2D": PLANE, "3D": SPACE}
ALL_CAMERA = frozenset((*PLANE, *SPACE, *FLIP))
TELLING = (("notebook", ("max_frames",)), ("a1111", ("max_f", "(s)")))


@dataclass(frozen=True, kw_only=True)
class FilmValues:
    """What a film's schedules say: numbers and names per frame by setting, and the sentences of every frame.

    A schedule that was not given is not in them; nor are those that the film's mode has no use for.
    """

    dialect: Dialect
    frames: int
    numbers: Mapping[str, tuple[float, ...]]
    names: Mapping[str, tuple[str, ...]]
    prompts: PromptKeys
    sentences: tuple[Sentences, ...]
    notes: tuple[Note, ...] = ()


@dataclass
class _Reading:
    """What was read so far, and what could not be."""

    errors: list[ColabsdError] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @contextmanager
    def part(self) -> Iterator[None]:
        """What fails in it is told at the end, with the rest."""
        try:
            yield
        except (InvalidScheduleError, InvalidSettingError) as error:
            self.errors.append(error)


def dialect_of(settings: VideoSettings) -> Dialect:
    """The dialect that is asked for, or else the one whose names the schedules use; a1111 where nothing tells."""
    if settings.dialect is not None:
        return cast("Dialect", settings.dialect)
    texts = " ".join(str(getattr(settings, name) or "") for name in SCHEDULES)
    return next((cast("Dialect", one) for one, words in TELLING if any(word in texts for word in words)), "a1111")


def film_length(settings: VideoSettings, input_frames: int | None) -> int:
    """How many frames a film has: as many as are asked for, and with an input film not more than that has."""
    return settings.max_frames if not input_frames else min(settings.max_frames, input_frames)


def film_values(
    settings: VideoSettings, *, seed: int = 0, variables: Variables | None = None, input_frames: int | None = None
) -> FilmValues:
    """Every schedule of a film, for every frame.

    All of them are read before anything is told. Raises: InvalidSettingError, InvalidScheduleError for one that cannot
    be read, InvalidSchedulesError for several, InvalidCameraError for a camera that sees nothing.
    """
    check_settings(settings)
    _check_compat(settings.compat)
    dialect, frames = dialect_of(settings), film_length(settings, input_frames)
    known: Variables = {"max_f": frames - 1, "max_frames": frames, "s": seed, **(variables or {})}
    reading = _Reading()
    numbers = _numbers(settings, dialect, frames, known, reading)
    names = _names(settings, dialect, frames, known, reading)
    keys = prompt_keys((), "", frames, known)
    sentences: tuple[Sentences, ...] = ()
    with reading.part():
        keys = prompt_keys(settings.prompts, settings.negative_prompt, frames, known)
        sentences = keys.over(frames, known)
    if len(reading.errors) == 1:
        raise reading.errors[0]
    if reading.errors:
        raise InvalidSchedulesError(tuple(reading.errors))
    _check_camera(settings, numbers)
    if input_frames and input_frames < settings.max_frames:
        reading.notes.append(Note("note.film.input_short", {"asked": settings.max_frames, "frames": input_frames}))
    reading.notes += [
        Note("note.film_prompt.beyond", {"frame": start, "last": frames - 1})
        for start in keys.starts
        if start >= frames
    ]
    return FilmValues(
        dialect=dialect,
        frames=frames,
        numbers=numbers,
        names=names,
        prompts=keys,
        sentences=sentences,
        notes=tuple(reading.notes),
    )


def needed(settings: VideoSettings) -> tuple[str, ...]:
    """The schedules of numbers that count in a film's mode."""
    camera = MOVED.get(settings.animation_mode, ())
    flip = FLIP if settings.enable_perspective_flip and camera else ()
    unused = ALL_CAMERA - {*camera, *flip} | (set() if settings.seed_behavior == "schedule" else {"seed_schedule"})
    return tuple(name for name in SCHEDULES if name not in unused and getattr(settings, name) is not None)


def _check_compat(names: Sequence[str]) -> None:
    for name in names:
        if name not in COMPAT:
            raise InvalidSettingError("error.setting.choice", field="compat", value=name, choices=", ".join(COMPAT))


def _numbers(
    settings: VideoSettings, dialect: Dialect, frames: int, known: Variables, reading: _Reading
) -> dict[str, tuple[float, ...]]:
    """The schedules of numbers that count, and none of the others; those are read all the same, for their errors."""
    method, strict = cast("Method", settings.key_frame_method), "strict_schedules" in settings.compat
    counting = needed(settings)
    numbers: dict[str, tuple[float, ...]] = {}
    for name in SCHEDULES:
        text = getattr(settings, name)
        if text is None:
            continue
        with reading.part():
            schedule = parse_schedule(text, dialect, name=name, method=method, strict=strict)
            if name in counting:
                reading.notes += schedule.notes
                values = schedule.values(frames, known, reading.notes)
                _check_finite(name, values)
                numbers[name] = values
    return numbers


def _check_finite(name: str, values: Sequence[float]) -> None:
    """Raises: InvalidScheduleError for a value that is infinite."""
    if not all(map(math.isfinite, values)):
        frame, value = next((frame, value) for frame, value in enumerate(values) if not math.isfinite(value))
        raise InvalidScheduleError("error.film_schedule.infinite", name=name, frame=frame, value=value)


def _names(
    settings: VideoSettings, dialect: Dialect, frames: int, known: Variables, reading: _Reading
) -> dict[str, tuple[str, ...]]:
    strict = "strict_schedules" in settings.compat
    names: dict[str, tuple[str, ...]] = {}
    for name in TEXT_SCHEDULES:
        text = getattr(settings, name)
        if text is not None:
            with reading.part():
                schedule = parse_text_schedule(text, dialect, name=name, strict=strict)
                names[name] = schedule.values(frames, known)
    return names


def _check_camera(settings: VideoSettings, numbers: Mapping[str, Sequence[float]]) -> None:
    """Raises: InvalidCameraError for the first frame at which a value is none that a camera can have."""
    still = CameraValues(perspective_flip=settings.enable_perspective_flip)
    for name in numbers:
        if name in ALL_CAMERA:
            seen: set[float] = set()
            for frame, value in enumerate(numbers[name]):
                if value not in seen:
                    seen.add(value)
                    changed: dict[str, Any] = {CAMERA_NAMES.get(name, name): value}
                    check_camera(replace(still, **changed), frame)
