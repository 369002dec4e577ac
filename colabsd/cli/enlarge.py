"""`colabsd enlarge`: kept pictures made larger."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, number_of
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.settings.fields import FieldSpec

FACTOR = FieldSpec(kind="integer", group="picture", minimum=2, maximum=8)
DEFAULT_FACTOR = 4


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "enlarge",
        language=language,
        explained=say("cli.enlarge.help", language),
        callback=enlarge,
        params=[
            SpeakingArgument(
                "pictures",
                label=say("cli.metavar.pictures", language),
                explained=say("cli.enlarge.pictures", language),
                example="colabsd enlarge 142501-k3v7q2ma-0000 --factor 4",
                nargs=-1,
            ),
            SpeakingOption(
                "--factor",
                "-f",
                type=number_of("factor", FACTOR),
                default=str(DEFAULT_FACTOR),
                metavar="2|4|8",
                help=say("cli.enlarge.factor", language),
            ),
            SpeakingOption(
                "--upscaler",
                "-u",
                metavar=say("cli.metavar.text", language),
                help=say("cli.enlarge.upscaler", language),
            ),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def enlarge(
    console: Console, /, *, pictures: tuple[str, ...], factor: int, upscaler: str | None, folder: Path | None
) -> int:
    """Enlarge, keep and print the paths."""
    with opened_studio(console, folder) as studio:
        follow(studio.enlarge(pictures, factor=factor, upscaler=upscaler), console, studio, resume_command(folder))
    return 0
