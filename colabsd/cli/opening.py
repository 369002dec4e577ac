"""Opening the studio for one command; behind it all is brought to Drive. torch comes only when something is drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.cli.console import Console
from colabsd.cli.saving import finish_saving
from colabsd.environment.allocator import keep_big_blocks

if TYPE_CHECKING:
    from colabsd.storage.workspace import Workspace
    from colabsd.studio import Studio


def workspace_of(console: Console, folder: Path | None) -> "Workspace":
    """The workspace that the studio would be opened on, without opening it: on Colab it may be on Drive."""
    from colabsd.environment.colab import Colab
    from colabsd.studio.place import find_place

    return find_place(folder, console.environ, Colab(environ=console.environ), None).workspace


@contextmanager
def opened_studio(console: Console, folder: Path | None) -> "Iterator[Studio]":
    """The studio on the workspace asked for. Raises: StorageError."""
    from colabsd.studio import open_studio

    studio = open_studio(folder, language=console.language, environ=console.environ)
    if studio.machine.gpu is None:  # before torch takes its first block
        keep_big_blocks(console.environ)
    with studio.library:
        try:
            yield studio
        finally:
            finish_saving(console, studio.library)
