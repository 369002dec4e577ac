"""A shortage of memory in the middle of drawing becomes our error, on a GPU and on a processor."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from colabsd.errors import OutOfMemoryError

# RuntimeErrors of torch's CPU allocator, and of oneDNN, which has no other words for it
PROCESSOR_SAYS = ("can't allocate memory", "not enough memory", "could not create a primitive")


@contextmanager
def shortage_told() -> Iterator[None]:
    """Raise OutOfMemoryError where torch, in whatever words, had no memory left; hands back what torch keeps unused."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _is_shortage(error):
            raise
        shortage = OutOfMemoryError()
    else:
        return
    # Outside of the except clause, so that the failed call's tensors, which its traceback holds, are gone first.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    raise shortage


def _is_shortage(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in PROCESSOR_SAYS)
