"""Following a film to its end: progress with the time left, where it is, how to go on after Ctrl-C."""

import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colabsd.artifacts import Clip, Frame
from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.progress import progress_line
from colabsd.errors import ColabsdError
from colabsd.language.amounts import duration
from colabsd.library.films import Film
from colabsd.progress import Note, Progress

if TYPE_CHECKING:
    from colabsd.studio import Studio


def follow_film(
    events: "Iterator[Progress | Note | Film | Frame | Clip]", console: Console, studio: "Studio", go_on: str
) -> None:
    """Drive the work and tell what happens; the paths of what comes out go to stdout.

    Ctrl-C stops it at its next step, with every frame kept, and leaves by click's Exit with code 130.
    """
    line = progress_line(console.language, console.width, console.environ)
    frames = 0
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Progress):
                    tell_progress(event, line, console)
                elif isinstance(event, Frame):
                    frames += 1
                    _tell_frame(event, console)
                else:
                    line.clear()
                    _tell(event, console, studio)
    except KeyboardInterrupt:
        line.clear()
        console.tell_always("cli.video.stopped", frames=frames, command=go_on)
        raise click.exceptions.Exit(STOPPED) from None
    except ColabsdError:
        line.clear()
        if frames:
            console.tell("cli.video.kept_before_error", frames=frames, command=go_on)
        raise
    finally:
        line.clear()


def resume_command(folder: Path | None) -> str:
    """The command that goes on with what was left in a workspace."""
    return "colabsd video resume" + ("" if folder is None else f" --output {shlex.quote(str(folder))}")


def _tell(event: Note | Film | Clip, console: Console, studio: "Studio") -> None:
    if isinstance(event, Note):
        console.tell(event.key, **event.facts)
    elif isinstance(event, Film):
        _tell_film(event, console)
    else:
        _tell_clip(event, console, studio)


def _tell_film(film: Film, console: Console) -> None:
    if console.as_json:
        console.write_json("film", name=film.name, key=film.plan.key, frames=len(film.plan.frames))
    else:
        console.tell("cli.video.film", name=film.name)


def _tell_frame(frame: Frame, console: Console) -> None:
    """In words a frame is a step of the progress."""
    if console.as_json:
        console.write_json("frame", index=frame.index, path=frame.path, drawn=frame.drawn, key=frame.key)


def _tell_clip(clip: Clip, console: Console, studio: "Studio") -> None:
    workspace = studio.workspace
    paths = [workspace.root / workspace.relative(path) for path in (clip.path, *clip.shorts)]
    if console.as_json:
        facts = {name: getattr(clip, name) for name in ("name", "frames", "fps", "sha256", "sound", "key")}
        console.write_json("clip", path=paths[0], shorts=paths[1:], size=str(clip.size), **facts)
        return
    for path in paths:
        console.result(str(path))
    told = {"frames": clip.frames, "time": duration(clip.seconds), "fps": f"{clip.fps:g}", "size": clip.size}
    console.tell("cli.video.clip", **told)
