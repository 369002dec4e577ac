"""`colabsd generate`: pictures from a sentence."""

import sys
from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, one_of, setting_options, with_size
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.settings.images import ImageSettings
from colabsd.settings.samplers import SAMPLERS

FORMATS = ("png", "jpeg", "webp")


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "generate",
        language=language,
        explained=say("cli.generate.help", language),
        callback=generate,
        appendix=("cli.section.samplers", [(row.label, say(row.character, language)) for row in SAMPLERS]),
        params=[
            SpeakingArgument(
                "prompt",
                label="PROMPT",
                explained=say("cli.generate.prompt", language),
                example=say("cli.generate.example", language),
            ),
            *setting_options(ImageSettings, language),
            size_option(language),
            folder_option(language),
            format_option(language),
            *general_options(language),
        ],
    )


def size_option(language: Language) -> SpeakingOption:
    """`--size`, for width and height together."""
    return SpeakingOption(
        "--size", metavar="512x512", section="cli.section.picture", help=say("cli.option.size", language)
    )


def format_option(language: Language) -> SpeakingOption:
    """`--format`, the kind of file."""
    return SpeakingOption(
        "--format",
        "image_format",
        type=one_of("format", FORMATS),
        default=FORMATS[0],
        metavar="|".join(FORMATS),
        section="cli.section.files",
        help=say("cli.option.format", language),
    )


@click.pass_obj
def generate(
    console: Console, /, *, prompt: str, size: str | None, folder: Path | None, image_format: Any, **asked: Any
) -> int:
    """Draw, keep and print the paths."""
    values = with_size(asked, ImageSettings, size)
    settings = ImageSettings(
        prompt=read_prompt(prompt), **{name: value for name, value in values.items() if value is not None}
    )
    with opened_studio(console, folder) as studio:
        follow(studio.draw(settings, image_format=image_format), console, studio, resume_command(folder))
    return 0


def read_prompt(argument: str) -> str:
    """The prompt given, or all of stdin for `-`, without the line end that `echo` adds."""
    if argument != "-":
        return argument
    if sys.stdin is None:
        return ""
    stream = getattr(sys.stdin, "buffer", None)
    text = stream.read().decode("utf-8", "replace") if stream else sys.stdin.read()
    return text.removesuffix("\n").removesuffix("\r")
