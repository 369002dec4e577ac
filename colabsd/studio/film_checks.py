"""Looking before and after: a settings file read and checked without drawing, a film's figures over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from colabsd.environment.interrupts import stop_waits
from colabsd.planning.deforum_files import Imported, load_deforum
from colabsd.planning.video_plans import VideoPlan
from colabsd.studio.filming import FilmForecast, forecast_video, plan_video
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from colabsd.video.figures import TemporalFigures

FILMS = frozenset((".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif"))


@dataclass(frozen=True, kw_only=True)
class CheckedSettings:
    """A settings file that could be drawn: what became of its keys, the film's plan, what it takes."""

    imported: Imported
    plan: VideoPlan
    forecast: FilmForecast


@dataclass(frozen=True, kw_only=True)
class CheckedFilm:
    """A film as it is: frames, speed, and what happens from frame to frame."""

    path: Path
    frames: int
    fps: float
    has_sound: bool
    figures: "TemporalFigures"


Checked: TypeAlias = CheckedSettings | CheckedFilm


def import_video_settings(file: Path) -> Imported:
    """See `Studio.import_video_settings`."""
    return load_deforum(Path(file).expanduser())


def check_video(workshop: Workshop, file: Path) -> Checked:
    """See `Studio.check_video`."""
    path = Path(file).expanduser()
    return _checked_film(path) if path.suffix.lower() in FILMS else _checked_settings(workshop, path)


def _checked_settings(workshop: Workshop, path: Path) -> CheckedSettings:
    imported = load_deforum(path)
    plan = plan_video(workshop, imported.settings)
    return CheckedSettings(imported=imported, plan=plan, forecast=forecast_video(workshop, plan, imported.settings))


def _checked_film(path: Path) -> CheckedFilm:
    with stop_waits():
        from colabsd.video.figures import temporal_figures
        from colabsd.video.input_video import look_at_video, read_frames

    facts = look_at_video(path)
    figures = temporal_figures(frame.pixels for frame in read_frames(path, facts.size, fps=facts.fps))
    return CheckedFilm(path=path, frames=facts.frames, fps=facts.fps, has_sound=facts.has_sound, figures=figures)
