"""Films, their schedules, their settings files."""

from colabsd.errors.base import ColabsdError, UsageError


class InvalidCameraError(UsageError):
    """A frame of a film that cannot be seen through its camera's values. Facts: frame, and what the sentence names."""

    key = "error.camera.number"


class InvalidScheduleError(UsageError):
    """A film's schedule that cannot be read. Facts: name, position (from 1), excerpt, and what the sentence names."""

    key = "error.film_schedule.empty"


class InvalidSchedulesError(UsageError):
    """Several schedules of a film that cannot be read: `parts`, one each. Facts: count."""

    key = "error.film_schedule.several"

    def __init__(self, parts: tuple[ColabsdError, ...]) -> None:
        super().__init__(count=len(parts))
        self.parts = parts


class InvalidDeforumFileError(UsageError):
    """A file that is no settings file of Deforum's. Facts: what the sentence names (line and column for the usual)."""

    key = "error.deforum.syntax"


class UnreadableVideoError(UsageError):
    """A film or sound that cannot be read as what is asked of it. Facts: path, and what the sentence names."""

    key = "error.video.unreadable"


class EncodingError(ColabsdError):
    """A film could not be written, or not with what is asked. Facts: path, reason, or what the sentence names."""

    key = "error.video.encoding"


class UnknownFilmError(UsageError):
    """A film that the workspace does not have. Facts: name, nearest."""

    key = "error.film.unknown"


class FilmRunningError(UsageError):
    """Another living process draws this film. Facts: name."""

    key = "error.film.running"


class DamagedFilmError(ColabsdError):
    """What is kept of a film cannot be gone on with. Facts: name, and what the sentence names."""

    key = "error.film.damaged"
