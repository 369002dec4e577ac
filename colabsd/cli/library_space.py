"""`colabsd library space`: what fills the folder."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import tell_progress
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingCommand
from colabsd.cli.text import table
from colabsd.language import Language, say
from colabsd.language.amounts import megabytes
from colabsd.progress import Progress


def build_space(language: Language) -> click.Command:
    """`colabsd library space` in a language."""
    return SpeakingCommand(
        "space",
        language=language,
        explained=say("cli.library.space.help", language),
        callback=show_space,
        params=[folder_option(language), *general_options(language)],
    )


@click.pass_obj
def show_space(console: Console, /, *, folder: Path | None) -> int:
    """A line per kind, the largest first, then what is left."""
    from colabsd.library.space import KINDS, measure_space

    line = progress_line(console.language, console.width, console.environ)
    with opened_studio(console, folder) as studio:
        for event in measure_space(studio.workspace):
            if isinstance(event, Progress):
                tell_progress(event, line, console)
                continue
            line.clear()
            if console.as_json:
                for kind in event.kinds:
                    console.write_json("space", kind=kind.kind or "other", files=kind.files, bytes=kind.bytes)
                console.write_json("free", bytes=event.free, waiting=event.waiting.bytes)
                continue
            rows = [
                (megabytes(kind.bytes), str(kind.files), say(KINDS[kind.kind], console.language))
                for kind in event.kinds
            ]
            for row in table(rows, console.width):
                console.result(row)
            facts = {"used": megabytes(event.bytes), "free": megabytes(event.free), "place": studio.workspace.root}
            console.result(say("cli.library.space.sum", console.language, **facts))
            if event.waiting.files:
                facts = {"count": event.waiting.files, "size": megabytes(event.waiting.bytes)}
                console.result(say("cli.library.space.waiting", console.language, **facts))
    return 0
