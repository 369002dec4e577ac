"""Models, and what goes with them: missing, damaged, unsafe, unknown, not fitting."""

from colabsd.errors.base import ColabsdError, UsageError


class UnknownModelError(UsageError):
    """Facts: name, nearest."""

    key = "error.unknown_model"


class UnsupportedModelError(UsageError):
    """The files are a model, but not of a family that can be drawn with. Facts: path, found."""

    key = "error.unsupported_model"


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


class UnknownVaeError(UsageError):
    """Facts: name, folder."""

    key = "error.vae.unknown"


class UnknownUpscalerError(UsageError):
    """An upscaler that is not there, or no longer the same. Facts: name, folder, and nearest or sha256."""

    key = "error.upscaler.unknown"


class UnsupportedUpscalerError(UsageError):
    """A file of weights that makes no picture larger. Facts: path, and what the sentence names."""

    key = "error.upscaler.kind"


class DownloadError(ColabsdError):
    """Facts: name, reason."""

    key = "error.download"
