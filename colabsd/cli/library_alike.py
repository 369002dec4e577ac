"""`colabsd library alike`: kept pictures that look like a sentence or like another picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import tell_progress
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.cli.text import table
from colabsd.language import Language, say
from colabsd.progress import Note, Progress

if TYPE_CHECKING:
    from colabsd.studio.alike import Alike

DEFAULT_LIMIT = 10
EXAMPLE = 'colabsd library alike "una fruta roja"'


def build_alike(language: Language) -> click.Command:
    """`colabsd library alike` in a language."""
    like = SpeakingArgument(
        "like",
        label=say("cli.metavar.text", language),
        explained=say("cli.library.alike.like", language),
        example=EXAMPLE,
    )
    limit = SpeakingOption(
        "--limit",
        type=click.IntRange(min=1),
        default=DEFAULT_LIMIT,
        metavar=say("cli.metavar.integer", language),
        help=say("cli.library.alike.limit", language),
    )
    return SpeakingCommand(
        "alike",
        language=language,
        explained=say("cli.library.alike.help", language),
        callback=alike,
        params=[like, limit, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def alike(console: Console, /, *, like: str, limit: int, folder: Path | None) -> int:
    """The most alike first: cosine, name and prompt."""
    found: list[Alike] = []
    line = progress_line(console.language, console.width, console.environ)
    with opened_studio(console, folder) as studio:
        for event in studio.find_alike(like, limit=limit):
            if isinstance(event, Progress):
                tell_progress(event, line, console)
                continue
            line.clear()
            if isinstance(event, Note):
                console.tell(event.key, **event.facts)
            else:
                found.append(event)
        if console.as_json:
            for one in found:
                path = str(studio.workspace.final_path(one.record.path))
                console.write_json("picture", **{**one.record.as_json(), "path": path, "cosine": round(one.cosine, 4)})
            return 0
        rows = [(f"{one.cosine:.2f}", Path(one.record.path).stem, one.record.prompt) for one in found]
        for text in table(rows, console.width):
            console.result(text)
    return 0
