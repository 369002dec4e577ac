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
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from colabsd.library.library import KeptPicture, KeptSheet
    from colabsd.studio import Comparison, Imported, Pair, Studio

STOPPED = 130
ALIKE = 0.6  # of SSIM, from where two pictures have one composition


@dataclass
class Outcome:
    """What long work left."""

    pictures: int = 0
    comparison: "Comparison | None" = None


def follow(
    events: "Iterator[Progress | Note | KeptPicture | Imported | Comparison | Pair | KeptSheet]",
    console: Console,
    studio: "Studio",
    go_on: str,
) -> Outcome:
    """Drive the work and tell what happens. `go_on` is the command that finishes later what is left.

    Ctrl-C stops the work at its next step and leaves by click's Exit with code 130; errors pass through, after the way
    on was told when something was kept.
    """
    from colabsd.library.library import KeptSheet
    from colabsd.studio import Comparison, Imported, Pair

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
                elif isinstance(event, Pair):
                    _tell_pair(event, console)
                elif isinstance(event, KeptSheet):
                    _tell_sheet(event, studio.workspace, console)
                else:
                    outcome.pictures += 1
                    _tell_picture(event, studio.workspace.root / event.record.path, console)
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


def _tell_picture(kept: "KeptPicture", path: Path, console: Console) -> None:
    """`path` is the place where people find it, on Drive too: the command ends when it is there."""
    if console.as_json:
        drawing = kept.picture.drawing
        console.write_json("picture", path=path, key=drawing.key, **drawing.as_json())
    else:
        console.result(str(path))


def _tell_sheet(sheet: "KeptSheet", workspace: Workspace, console: Console) -> None:
    """A sheet's path, as a picture's; in JSON with the paths of the pictures in its cells."""
    path = workspace.root / workspace.relative(sheet.path)
    if console.as_json:
        cells = [{"place": cell.place, "path": cell.record and cell.record.path} for cell in sheet.cells]
        console.write_json("sheet", path=path, number=sheet.number, cells=cells)
    else:
        console.result(str(path))


def _tell_pair(pair: "Pair", console: Console) -> None:
    """How near a final is to its draft."""
    if console.as_json:
        facts = {"draft": pair.draft.path, "final": pair.final.record.path, "similarity": round(pair.similarity, 4)}
        console.write_json("pair", **facts)
        return
    key = "cli.finish.alike" if pair.similarity >= ALIKE else "cli.finish.changed"
    console.tell(key, draft=Path(pair.draft.path).name, similarity=f"{pair.similarity:.2f}")


def _tell_stopped(console: Console, studio: "Studio", kept: int, go_on: str) -> None:
    """Also when quiet: somebody who stopped a run wants to know what became of it."""
    try:
        left = bool(studio.unfinished())
    except ColabsdError:  # the folder cannot be read now; going on later finds out
        left = True
    console.tell_always("cli.stopped" if left else "cli.stopped_finished", kept=kept, command=go_on)
