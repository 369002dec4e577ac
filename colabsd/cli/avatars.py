"""`colabsd avatars`: from somebody's photos to pictures of them in many styles, as one archive with a contact sheet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow_training import follow_training
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.planning.avatars import MOST_EACH, AvatarWishes
from colabsd.settings.fields import field_specs
from colabsd.settings.training import TrainingSettings

SECTION = "cli.section.avatars"
LEFT_OUT = ("photos",)  # the argument


def build(language: Language) -> click.Command:
    """The command in a language."""
    options = setting_options(
        TrainingSettings, language, [x for x in field_specs(TrainingSettings) if x not in LEFT_OUT]
    )
    for option in options:
        if option.name == "class_word":
            option.opts.append("--class")
    return SpeakingCommand(
        "avatars",
        language=language,
        explained=say("cli.avatars.help", language),
        callback=avatars,
        params=[
            SpeakingArgument(
                "photos",
                label=say("cli.metavar.photos", language),
                explained=say("cli.train.photos", language),
                example="colabsd avatars PHOTOS --subject zwx --class woman --agreed",
            ),
            *_wishes(language),
            *options,
            folder_option(language),
            *general_options(language),
        ],
    )


def _wishes(language: Language) -> list[click.Option]:
    number, text = say("cli.metavar.integer", language), say("cli.metavar.text", language)
    count = click.IntRange(1, MOST_EACH)
    return [
        SpeakingOption("--agreed", is_flag=True, section=SECTION, help=say("cli.avatars.agreed", language)),
        SpeakingOption(
            "--style", multiple=True, metavar=text, section=SECTION, help=say("cli.avatars.style", language)
        ),
        SpeakingOption(
            "--each", type=count, metavar=number, default=6, section=SECTION, help=say("cli.avatars.each", language)
        ),
        SpeakingOption(
            "--closest", type=count, metavar=number, default=3, section=SECTION, help=say("cli.avatars.keep", language)
        ),
        SpeakingOption("--forget", is_flag=True, section=SECTION, help=say("cli.avatars.forget", language)),
    ]


@click.pass_obj
def avatars(
    console: Console,
    /,
    *,
    photos: str,
    agreed: bool,
    style: tuple[str, ...],
    each: int,
    closest: int,
    forget: bool,
    folder: Path | None,
    **asked: Any,
) -> int:
    """Make the pack; its archive goes to stdout."""
    given = {name: value for name, value in asked.items() if value is not None}
    settings = TrainingSettings(photos=str(Path(photos).expanduser().resolve()), **given)
    wishes = AvatarWishes(agreed=agreed, styles=style or None, each=each, keep=closest, forget=forget)
    with opened_studio(console, folder) as studio:
        packs: list[Any] = []
        events = _taking(studio.make_avatars(settings, wishes), packs)
        follow_training(events, console, studio, say("cli.avatars.again", console.language))
        for pack in packs:
            console.result(str(studio.workspace.root / "avatars" / pack.archive.name))
    return 0


def _taking(events: Iterator[Any], packs: list[Any]) -> Iterator[Any]:
    """All events; the finished pack is put aside."""
    for event in events:
        if type(event).__name__ == "AvatarPack":
            packs.append(event)
        yield event
