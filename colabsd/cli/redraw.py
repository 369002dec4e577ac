"""`colabsd redraw`: pictures from a picture and a sentence."""

from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.generate import format_option, read_prompt, size_option
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options, with_size
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand
from colabsd.language import Language, say
from colabsd.settings.redraw import RedrawSettings


def build(language: Language) -> click.Command:
    """The command in a language."""
    example = say("cli.redraw.example", language)
    return SpeakingCommand(
        "redraw",
        language=language,
        explained=say("cli.redraw.help", language),
        callback=redraw,
        params=[
            SpeakingArgument(
                "image",
                label=say("cli.metavar.picture", language),
                explained=say("cli.redraw.image", language),
                example=example,
            ),
            SpeakingArgument("prompt", label="PROMPT", explained=say("cli.redraw.prompt", language), example=example),
            *setting_options(RedrawSettings, language),
            size_option(language),
            folder_option(language),
            format_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def redraw(
    console: Console,
    /,
    *,
    image: str,
    prompt: str,
    size: str | None,
    folder: Path | None,
    image_format: Any,
    **asked: Any,
) -> int:
    """Draw, keep and print the paths."""
    values = with_size(asked, RedrawSettings, size)
    settings = RedrawSettings(
        image=image, prompt=read_prompt(prompt), **{name: value for name, value in values.items() if value is not None}
    )
    with opened_studio(console, folder) as studio:
        follow(studio.redraw(settings, image_format=image_format), console, studio, resume_command(folder))
    return 0
