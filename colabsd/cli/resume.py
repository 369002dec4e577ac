"""`colabsd resume`: the pictures that stopped or killed runs left undrawn."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingCommand
from colabsd.language import Language, say


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "resume",
        language=language,
        explained=say("cli.resume.help", language),
        callback=resume,
        params=[folder_option(language), *general_options(language)],
    )


@click.pass_obj
def resume(console: Console, /, *, folder: Path | None) -> int:
    """Finish every unfinished job and print the paths."""
    with opened_studio(console, folder) as studio:
        if not studio.unfinished():
            console.tell("cli.resume.nothing")
            return 0
        follow(studio.resume(), console, studio, resume_command(folder))
    return 0
