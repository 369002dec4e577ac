"""`colabsd again`: a picture drawn again from what it says of itself."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say

DIFFERENT = 1


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "again",
        language=language,
        explained=say("cli.again.help", language),
        callback=again,
        params=[
            SpeakingArgument(
                "picture",
                label=say("cli.metavar.picture", language),
                explained=say("cli.again.picture", language),
                example="colabsd again colabsd/pictures/2026-11-24/….png",
            ),
            SpeakingOption(
                "--model", "-m", metavar=say("cli.metavar.text", language), help=say("cli.again.model", language)
            ),
            SpeakingOption("--verify", is_flag=True, help=say("cli.again.verify", language)),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def again(console: Console, /, *, picture: str, model: str | None, verify: bool, folder: Path | None) -> int:
    """Draw it again and print the path, or compare and say whether they are equal."""
    with opened_studio(console, folder) as studio:
        outcome = follow(studio.again(picture, model=model, verify=verify), console, studio, resume_command(folder))
    comparison = outcome.comparison
    if comparison is None:
        return 0
    facts = {
        "pixels": comparison.pixels,
        "differing": comparison.differing_pixels,
        "largest": comparison.largest_difference,
    }
    if console.as_json:
        console.write_json("comparison", path=comparison.path, equal=comparison.equal, **facts)
    else:
        key = "cli.again.equal" if comparison.equal else "cli.again.different"
        console.result(console.sentence(key, facts))
    return 0 if comparison.equal else DIFFERENT
