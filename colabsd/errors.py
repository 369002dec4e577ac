"""The errors people may meet. Each carries facts; the words for them live in `language/`, one sentence per language."""

from typing import ClassVar

from colabsd.language import Language, say, say_on_page


class ColabsdError(Exception):
    """Base of everything colabsd raises on purpose.

    Keyword arguments are the facts that the sentence names; `str(error)` is English, `error.tell("es")` is Spanish.
    """

    key: ClassVar[str] = "error.general"
    exit_code: ClassVar[int] = 1

    def __init__(self, message_key: str | None = None, **facts: object) -> None:
        super().__init__(message_key or self.key, facts)
        self.message_key = message_key or self.key
        self.facts = facts

    def __str__(self) -> str:
        return self.tell("en")

    def tell(self, language: Language) -> str:
        """The error as a sentence with a way out, in the reader's language."""
        return say(self.message_key, language, **self.facts)

    def tell_on_page(self, language: Language) -> str:
        """The same for those who have no command line before them."""
        return say_on_page(self.message_key, language, **self.facts)


class UsageError(ColabsdError):
    """What was asked cannot be done as it was asked. Exit code 2."""

    exit_code = 2


class InvalidSettingError(UsageError):
    """A setting has a value that it cannot have. Facts: field, value, and the limits that the sentence names."""

    key = "error.setting.kind"


class InvalidGridError(UsageError):
    """A grid that cannot be as it was asked. Facts: what the sentence names."""

    key = "error.grid.axes"


class InvalidCameraError(UsageError):
    """A frame of a film that cannot be seen through its camera's values. Facts: frame, and what the sentence names."""

    key = "error.camera.number"


class UnknownSamplerError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_sampler"


class UnknownScheduleError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_schedule"


class UnknownModelError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_model"


class UnsupportedModelError(UsageError):
    """The files are a model, but not of a family that can be drawn with. Facts: path, found."""

    key = "error.unsupported_model"


class NotEnoughMemoryError(UsageError):
    """Facts: needed_gb, available_gb, width, height."""

    key = "error.memory"


class OutOfMemoryError(ColabsdError):
    """The forecast was wrong: memory ran out while drawing, and no smaller way is left. No facts."""

    key = "error.out_of_memory"


class MissingWeightsError(ColabsdError):
    """Facts: path."""

    key = "error.weights.missing"


class DamagedWeightsError(ColabsdError):
    """Facts: path, reason."""

    key = "error.weights.damaged"


class UnsafePickleError(ColabsdError):
    """A checkpoint wants to run code. Facts: path, wants."""

    key = "error.weights.unsafe"


class DamagedLoraError(ColabsdError):
    """A file that is no LoRA, or of a kind that cannot be merged. Facts: path, and what the sentence names."""

    key = "error.lora.none"


class LoraMismatchError(UsageError):
    """A LoRA that does not fit the model. Facts: name, and what the sentence names."""

    key = "error.lora.module"


class UnknownLoraError(UsageError):
    """A LoRA or textual inversion that is not there. Facts: name, nearest, or what the sentence names."""

    key = "error.lora.unknown"


class DamagedEmbeddingError(ColabsdError):
    """A file that is no textual inversion, or of another model's. Facts: path, and what the sentence names."""

    key = "error.embedding.none"


class CheckpointError(ColabsdError):
    """The state of a training that cannot be gone on from. Facts: path, and what the sentence names."""

    key = "error.checkpoint.damaged"


class DivergedError(ColabsdError):
    """The loss is no number any more; what was learnt before is kept. Facts: step, rate, and what the sentence names."""

    key = "error.training.diverged"


class ExportError(ColabsdError):
    """What was written is not what was trained; the file got no name. Facts: name, place, difference (a share)."""

    key = "error.export.differs"


class UnknownVaeError(UsageError):
    """Facts: name, folder."""

    key = "error.vae.unknown"


class UnknownUpscalerError(UsageError):
    """An upscaler that is not there, or no longer the same. Facts: name, folder, and nearest or sha256."""

    key = "error.upscaler.unknown"


class UnsupportedUpscalerError(UsageError):
    """A file of weights that makes no picture larger. Facts: path, and what the sentence names."""

    key = "error.upscaler.kind"


class MissingPackageError(ColabsdError):
    """An optional package that is not installed. Facts: name, command (which installs it)."""

    key = "error.package_missing"


class DownloadError(ColabsdError):
    """Facts: name, reason."""

    key = "error.download"


class StorageError(ColabsdError):
    """A file could not be written, read or trusted. Facts: path, reason."""

    key = "error.storage.write"


class DriveError(ColabsdError):
    """Google Drive cannot be had, or not any more. Facts: place, reason, where the sentence names them."""

    key = "error.drive.failed"


class UnreadableVideoError(UsageError):
    """A film or sound that cannot be read as what is asked of it. Facts: path, and what the sentence names."""

    key = "error.video.unreadable"


class InvalidScheduleError(UsageError):
    """A film's schedule that cannot be read. Facts: name, position (from 1), excerpt, and what the sentence names."""

    key = "error.film_schedule.empty"


class InvalidDeforumFileError(UsageError):
    """A file that is no settings file of Deforum's. Facts: what the sentence names (line and column for the usual)."""

    key = "error.deforum.syntax"


class InvalidSchedulesError(UsageError):
    """Several schedules of a film that cannot be read: `errors`, one each. Facts: count."""

    key = "error.film_schedule.several"

    def __init__(self, errors: tuple[ColabsdError, ...]) -> None:
        super().__init__(count=len(errors))
        self.errors = errors

    def tell(self, language: Language) -> str:
        return "\n".join((super().tell(language), *(f"- {error.tell(language)}" for error in self.errors)))

    def tell_on_page(self, language: Language) -> str:
        return "\n".join((super().tell_on_page(language), *(f"- {one.tell_on_page(language)}" for one in self.errors)))


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


class NoPageError(UsageError):
    """Something that only Colab's page can do, where none answers. No facts."""

    key = "error.no_page"


class JobRunningError(UsageError):
    """Another living process draws this job. Facts: job."""

    key = "error.job_running"


class NotAPictureError(UsageError):
    """Facts: path, reason."""

    key = "error.picture.unreadable"


class UnusableMaskError(UsageError):
    """A mask that is none for its picture. Facts: path, and what the sentence names."""

    key = "error.mask"


class NoManifestError(UsageError):
    """A picture says nothing that it could be drawn again from. Facts: path."""

    key = "error.picture.no_manifest"


class DamagedManifestError(UsageError):
    """A picture's own account of itself is broken or contradicts itself. Facts: path, reason."""

    key = "error.picture.damaged_manifest"


class DamagedMetadataError(UsageError):
    """What another program wrote into a picture cannot be read. Facts: path, and with the usual key program."""

    key = "error.import.damaged"


class UnknownPictureError(UsageError):
    """Facts: name."""

    key = "error.picture.unknown"


class QueryError(UsageError):
    """A library search that cannot be read. Facts: query, position, reason."""

    key = "error.query"


class PromptError(UsageError):
    """A prompt asks for something that cannot be."""


class UnknownWildcardError(PromptError):
    """Facts: name, nearest (with the key `error.prompt.wildcard_none` only name)."""

    key = "error.prompt.wildcard"


class UnsafeWildcardError(PromptError):
    """A wildcard's name leads out of its folder. Facts: name."""

    key = "error.prompt.wildcard_path"


class UnknownVariableError(PromptError):
    """Facts: name."""

    key = "error.prompt.variable"


class PromptCycleError(PromptError):
    """Wildcards or variables that need themselves. Facts: chain."""

    key = "error.prompt.cycle"


class EndlessPromptError(PromptError):
    """A template that grows beyond all bounds. Facts: limit (characters)."""

    key = "error.prompt.endless"


class UnknownStyleError(PromptError):
    """Facts: name, nearest (with the key `error.prompt.style_none` only name)."""

    key = "error.prompt.style"


class DamagedStylesError(PromptError):
    """A table of styles that cannot be read. Facts: line."""

    key = "error.prompt.styles"


class InvalidNetworkError(PromptError):
    """A tag with a weight that is no number. Facts: tag, value."""

    key = "error.prompt.network"


class PromptTooLongError(PromptError):
    """A prompt, or all texts of its schedules together, that would fill the memory. Facts: chunks, limit."""

    key = "error.prompt.too_long"


class EmbeddingTooLongError(PromptError):
    """Facts: name, vectors, limit."""

    key = "error.prompt.embedding"
