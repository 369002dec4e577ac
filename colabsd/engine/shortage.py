"""A shortage of memory in the middle of drawing becomes our error, on a GPU and on a processor."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from colabsd.errors import OutOfMemoryError

# RuntimeErrors of torch's CPU allocator, and of oneDNN, which has no other words for it
PROCESSOR_SAYS = ("can't allocate memory", "not enough memory", "could not create a primitive")


@contextmanager
def shortage_told() -> Iterator[None]:
    """Raise OutOfMemoryError where torch, in whatever words, had no memory left."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemoryError from error
    except RuntimeError as error:
        if any(words in str(error) for words in PROCESSOR_SAYS):
            raise OutOfMemoryError from error
        raise


def forget_failure() -> None:
    """Let go of a failed call's tensors, which its traceback held, and of what torch keeps unused.

    To be called when the error is not handled any more.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
