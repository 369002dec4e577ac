"""What a press or a change does, brought to the thread where it belongs.

Since JupyterLab 4.4 and ipykernel 7, widget messages arrive in a thread of their own ("subshells"). There the stop
button of the notebook would not reach the work (Python raises KeyboardInterrupt in the main thread only), and SQLite
refuses connections that another thread opened. So everything is done in the main thread, as in a cell; elsewhere, as
in Colab, messages arrive there anyway.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def on_press(button: Any, do: Callable[[], object]) -> None:
    """Call `do` in the main thread whenever the button is pressed."""
    button.on_click(lambda _: in_main_thread(do))


def on_change(widget: Any, do: Callable[[], object]) -> None:
    """Call `do` in the main thread whenever the widget has another value."""
    widget.observe(lambda change: in_main_thread(do), "value")


def in_main_thread(do: Callable[[], object]) -> None:
    """Do it now where this is the main thread, else as soon as the main thread has nothing else to do."""
    if threading.current_thread() is threading.main_thread():
        do()
        return
    loop = main_loop()
    if loop is None:
        do()
        return
    loop.add_callback(_stoppable, do)


def main_loop() -> Any:
    """The loop of the kernel's main thread (tornado's), or None where there is no kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(getattr(shell, "kernel", None), "io_loop", None)


def _stoppable(do: Callable[[], object]) -> None:
    with stop_button_heard():
        do()


@contextmanager
def stop_button_heard() -> Iterator[None]:
    """The notebook's stop button raises KeyboardInterrupt; between messages kernels turn a deaf ear to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass  # stopped where nothing is left to stop
    finally:
        signal.signal(signal.SIGINT, before)
