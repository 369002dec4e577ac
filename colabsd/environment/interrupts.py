"""Being stopped (Ctrl-C, a notebook's stop button) at a moment when it does no harm."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_waits() -> Iterator[None]:
    """A stop waits until the block is done, and comes then.

    For imports of large native libraries: one that is half imported kills the process when it is imported again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stops: list[FrameType | None] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: stops.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if stops and callable(before):
        before(signal.SIGINT, stops[0])
