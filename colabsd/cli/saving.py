"""The end of a command on a workspace on Drive: waiting until all is there, and saying what is not."""

from typing import TYPE_CHECKING

from colabsd.cli.console import Console
from colabsd.cli.follow import tell_progress
from colabsd.cli.progress import progress_line
from colabsd.progress import Progress

if TYPE_CHECKING:
    from colabsd.library.library import Library


def finish_saving(console: Console, library: "Library") -> None:
    """Wait with progress; what is left is told also when quiet. On an ordinary disk nothing is to be waited for.

    Ctrl-C ends the waiting, not what was done before: what is left goes on its way with the next command.
    """
    line = progress_line(console.language, console.width, console.environ)
    try:
        for event in library.flush():
            if isinstance(event, Progress):
                tell_progress(event, line, console)
                continue
            line.clear()
            tell = console.tell if event.key == "note.drive.saving" else console.tell_always
            tell(event.key, **event.facts)
    except KeyboardInterrupt:
        line.clear()
        console.tell_always("note.drive.left", count=library.ledger().on_the_way)
    finally:
        line.clear()
