"""What happens when another cell of the notebook has run. Knows nothing of pages."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from colabsd.errors import ColabsdError

EVENT = "post_run_cell"


class AfterCells:
    """Calls `refresh` after every cell. Of those that listen under one name only the newest does."""

    def __init__(self, name: str, refresh: Callable[[], None]) -> None:
        self.name = name
        self._refresh = refresh

    def listen(self) -> None:
        """From now on, where there is a notebook."""
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        if shell is None:
            return
        for heard in tuple(shell.events.callbacks[EVENT]):
            listener = getattr(heard, "__self__", None)
            if isinstance(listener, AfterCells) and listener.name == self.name:
                shell.events.unregister(EVENT, heard)
        shell.events.register(EVENT, self._called)

    def _called(self, _result: Any) -> None:
        with suppress(ColabsdError):  # told where it is done; a cell that has nothing to do with it stays clean
            self._refresh()
