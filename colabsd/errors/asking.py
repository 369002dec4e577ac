"""What is wrong with what was asked for, and what the machine cannot do of it."""

from colabsd.errors.base import ColabsdError, UsageError


class InvalidSettingError(UsageError):
    """A setting has a value that it cannot have. Facts: field, value, and the limits that the sentence names."""

    key = "error.setting.kind"


class InvalidGridError(UsageError):
    """A grid that cannot be as it was asked. Facts: what the sentence names."""

    key = "error.grid.axes"


class UnknownSamplerError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_sampler"


class UnknownScheduleError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_schedule"


class NotEnoughMemoryError(UsageError):
    """Facts: needed_gb, available_gb, width, height."""

    key = "error.memory"


class OutOfMemoryError(ColabsdError):
    """The forecast was wrong: memory ran out while drawing, and no smaller way is left. No facts."""

    key = "error.out_of_memory"


class MissingPackageError(ColabsdError):
    """An optional package that is not installed. Facts: name, command (which installs it)."""

    key = "error.package_missing"


class NoPageError(UsageError):
    """Something that only Colab's page can do, where none answers. No facts."""

    key = "error.no_page"


class JobRunningError(UsageError):
    """Another living process draws this job. Facts: job."""

    key = "error.job_running"
