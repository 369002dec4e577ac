"""`colabsd finish`: drafts drawn again with more steps, or refined, each compared with its draft."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, number_of
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.settings.fields import field_specs
from colabsd.settings.images import ImageSettings


def build(language: Language) -> click.Command:
    """The command in a language."""
    steps = number_of("steps", field_specs(ImageSettings)["steps"])
    return SpeakingCommand(
        "finish",
        language=language,
        explained=say("cli.finish.help", language),
        callback=finish,
        params=[
            SpeakingArgument(
                "pictures",
                label=say("cli.metavar.pictures", language),
                explained=say("cli.finish.pictures", language),
                example="colabsd finish 142501-k3v7q2ma-0000 142501-k3v7q2ma-0003",
                nargs=-1,
            ),
            SpeakingOption(
                "--steps",
                type=steps,
                metavar=say("cli.metavar.integer", language),
                help=say("cli.finish.steps", language),
            ),
            SpeakingOption("--refine/--no-refine", default=None, help=say("cli.finish.refine", language)),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def finish(
    console: Console, /, *, pictures: tuple[str, ...], steps: int | None, refine: bool | None, folder: Path | None
) -> int:
    """Draw and keep the finals, print their paths, and tell how near each is to its draft."""
    with opened_studio(console, folder) as studio:
        follow(studio.finish(pictures, steps=steps, refine=refine), console, studio, resume_command(folder))
    return 0
