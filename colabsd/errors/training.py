"""Photos and trainings."""

from colabsd.errors.base import ColabsdError, UsageError


class UnknownPhotosError(UsageError):
    """Kept photos of no such name. Facts: name, known (with the key `error.photos.none_kept` only name)."""

    key = "error.photos.unknown"


class DamagedPhotosError(ColabsdError):
    """The kept photos of a training cannot be read. Facts: path, and what the sentence names."""

    key = "error.photos.damaged"


class UnknownTrainingError(UsageError):
    """A training that the workspace does not have. Facts: name, nearest."""

    key = "error.training.unknown"


class DamagedTrainingError(ColabsdError):
    """What is kept of a training cannot be read, or not by this version. Facts: name, and what the sentence names."""

    key = "error.training.damaged"


class TrainingRunningError(UsageError):
    """Another living process goes on with this training. Facts: name."""

    key = "error.training.running"


class CheckpointError(ColabsdError):
    """The state of a training that cannot be gone on from. Facts: path, and what the sentence names."""

    key = "error.checkpoint.damaged"


class DivergedError(ColabsdError):
    """The loss is no number any more; what was learnt before is kept. Facts: step, rate, what the sentence names."""

    key = "error.training.diverged"


class ExportError(ColabsdError):
    """What was written is not what was trained; the file got no name. Facts: name, place, difference (a share)."""

    key = "error.export.differs"
