"""Following long work to its end: progress and notes to people, each picture's path to stdout, Ctrl-C to a way on."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colabsd.cli.console import Console
from colabsd.cli.progress import ProgressLine, progress_line
from colabsd.errors import ColabsdError
from colabsd.planning.plans import Note
from colabsd.progress import Progress

if TYPE_CHECKING:
    from colabsd.library.library import KeptPicture
    from colabsd.studio import Comparison, Imported, Studio

STOPPED = 130


@dataclass
class Outcome:
    """What long work left."""

    pictures: int = 0
    comparison: "Comparison | None" = None


def follow(
    events: "Iterator[Progress | Note | KeptPicture | Imported | Comparison]",
    console: Console,
    studio: "Studio",
    go_on: str,
) -> Outcome:
    """Drive the work and tell what happens. `go_on` is the command that finishes later what is left.

    Ctrl-C stops the work at its next step and leaves by click's Exit with code 130; errors pass through, after the way
    on was told when something was kept.
    """
    from colabsd.studio import Comparison, Imported

    outcome = Outcome()
    line = progress_line(console.language, console.width, console.environ)
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Progress):
                    tell_progress(event, line, console)
                    continue
                line.clear()
                if isinstance(event, Note):
                    console.tell(event.key, **event.facts)
                elif isinstance(event, Imported):
                    _tell_imported(event, console)
                elif isinstance(event, Comparison):
                    outcome.comparison = event
                else:
                    outcome.pictures += 1
                    _tell_picture(event, console)
    except KeyboardInterrupt:
        line.clear()
        _tell_stopped(console, studio, outcome.pictures, go_on)
        raise click.exceptions.Exit(STOPPED) from None
    except ColabsdError:
        line.clear()
        if outcome.pictures:
            console.tell("cli.kept_before_error", kept=outcome.pictures, command=go_on)
        raise
    finally:
        line.clear()
    return outcome


def resume_command(folder: Path | None) -> str:
    """The command that finishes what is left in a workspace."""
    if folder is None:
        return "colabsd resume"
    import shlex

    return f"colabsd resume --output {shlex.quote(str(folder))}"


def tell_progress(progress: Progress, line: ProgressLine, console: Console) -> None:
    """A report of long work: a redrawn line, an object of JSON, or nothing when quiet."""
    if console.quiet:
        return
    if console.as_json:
        facts = {name: getattr(progress, name) for name in ("stage", "done", "total", "item", "items")}
        console.write_json("progress", **facts)
    else:
        line.show(progress)


def _tell_imported(imported: "Imported", console: Console) -> None:
    if console.as_json:
        console.write_json("imported", **imported.as_json())
    elif imported.model is None:
        console.tell("cli.made_by", program=imported.program)
    else:
        console.tell("cli.made_by_model", program=imported.program, model=imported.model)


def _tell_picture(kept: "KeptPicture", console: Console) -> None:
    if console.as_json:
        drawing = kept.picture.drawing
        console.write_json("picture", path=kept.path, key=drawing.key, **drawing.as_json())
    else:
        console.result(str(kept.path))


def _tell_stopped(console: Console, studio: "Studio", kept: int, go_on: str) -> None:
    """Also when quiet: somebody who stopped a run wants to know what became of it."""
    try:
        left = bool(studio.unfinished())
    except ColabsdError:  # the folder cannot be read now; going on later finds out
        left = True
    console.tell_always("cli.stopped" if left else "cli.stopped_finished", kept=kept, command=go_on)
