"""Prompts that ask for something that cannot be."""

from colabsd.errors.base import UsageError


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
