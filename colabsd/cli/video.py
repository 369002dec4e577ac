"""`colabsd video`: films drawn, gone on with, checked without drawing, read from settings files, encoded again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow_film import follow_film, resume_command
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, number_of, setting_options, with_size
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingGroup, SpeakingOption
from colabsd.cli.video_checks import build_check, build_import, build_list, told_forecast
from colabsd.language import Language, say
from colabsd.planning.camera_moves import MOVES, with_move
from colabsd.settings.fields import field_specs
from colabsd.settings.video import VideoSettings

if TYPE_CHECKING:
    from colabsd.studio import Studio

EXAMPLES = (
    ('colabsd video render "0: a red apple" "30: a green tree" --zoom "0: (1.03)"', "cli.video.example.two"),
    ("colabsd video render --file settings.txt --dry-run", "cli.video.example.file"),
    ('colabsd video render "a garden" --animation-mode 3D --translation-z "0: (2)"', "cli.video.example.space"),
    ('colabsd video render "oil painting" --animation-mode "Video Input" --video-init-path clip.mp4',
     "cli.video.example.restyle"),
    ("colabsd video resume", "cli.video.example.resume"),
    ("colabsd video encode NAME --fps 24 --webp", "cli.video.example.encode"),
)  # fmt: skip


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return SpeakingGroup(
        "video",
        language=language,
        explained=say("cli.video.help", language),
        builders={
            "render": build_render,
            "resume": build_resume,
            "check": build_check,
            "import": build_import,
            "encode": build_encode,
            "list": build_list,
        },
        appendix=("cli.section.examples", [(command, say(key, language)) for command, key in EXAMPLES]),
        params=general_options(language),
    )


def build_render(language: Language) -> click.Command:
    """`colabsd video render` in a language."""
    names = [name for name in field_specs(VideoSettings) if name != "prompts"]
    prompts = SpeakingArgument(
        "prompts",
        label=say("cli.metavar.prompts", language),
        explained=say("cli.video.prompts", language),
        example='colabsd video render "0: a red apple" "30: a green tree"',
        nargs=-1,
        required=False,
    )
    own = [
        SpeakingOption(
            "--file",
            type=click.Path(path_type=Path),
            metavar=say("cli.metavar.file", language),
            section="cli.section.film",
            help=say("cli.video.file", language),
        ),
        SpeakingOption(
            "--move",
            metavar=" | ".join(move.name for move in MOVES),
            section="cli.section.camera",
            help=say("cli.video.move", language),
        ),
        SpeakingOption("--dry-run", is_flag=True, section="cli.section.film", help=say("cli.video.dry_run", language)),
        SpeakingOption("--size", metavar="512x512", section="cli.section.film", help=say("cli.option.size", language)),
    ]
    return SpeakingCommand(
        "render",
        language=language,
        explained=say("cli.video.render.help", language),
        callback=render,
        params=[
            prompts,
            *own,
            *setting_options(VideoSettings, language, names),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def render(
    console: Console,
    /,
    *,
    prompts: tuple[str, ...],
    file: Path | None,
    move: str | None,
    dry_run: bool,
    size: str | None,
    folder: Path | None,
    **asked: Any,
) -> int:
    """Say what it takes; then draw the film and print where it is."""
    values = with_size(asked, VideoSettings, size)
    given = {name: value for name, value in values.items() if value is not None}
    given |= {"prompts": prompts} if prompts else {}
    with opened_studio(console, folder) as studio:
        settings = _from_file(console, studio, file)
        settings = replace(settings, **given)
        if move is not None:
            settings = replace(with_move(settings, move), **given)
        plan = studio.plan_video(settings)
        told_forecast(console, plan, studio.forecast_video(plan, settings))
        if dry_run:
            for note in plan.notes:
                console.tell(note.key, **note.facts)
            return 0
        follow_film(studio.film(settings), console, studio, resume_command(folder))
    return 0


def _from_file(console: Console, studio: "Studio", file: Path | None) -> VideoSettings:
    """The settings of a file, after what is to be said of it; without one those that nobody asked anything of."""
    if file is None:
        return VideoSettings()
    imported = studio.import_video_settings(file)
    for note in imported.notes:
        console.tell(note.key, **note.facts)
    return imported.settings


def build_resume(language: Language) -> click.Command:
    """`colabsd video resume` in a language."""
    return SpeakingCommand(
        "resume",
        language=language,
        explained=say("cli.video.resume.help", language),
        callback=resume,
        params=[_name(language, required=False), folder_option(language), *general_options(language)],
    )


@click.pass_obj
def resume(console: Console, /, *, name: str | None, folder: Path | None) -> int:
    """Go on with the film of that name, or with all that were left."""
    with opened_studio(console, folder) as studio:
        follow_film(studio.resume_film(name), console, studio, resume_command(folder))
    return 0


def build_encode(language: Language) -> click.Command:
    """`colabsd video encode` in a language."""
    fps = field_specs(VideoSettings)["fps"]
    section = "cli.section.film_file"
    return SpeakingCommand(
        "encode",
        language=language,
        explained=say("cli.video.encode.help", language),
        callback=encode,
        params=[
            _name(language),
            SpeakingOption(
                "--fps",
                type=number_of("fps", fps),
                metavar=say("cli.metavar.number", language),
                section=section,
                help=say("field.fps.help", language),
            ),
            SpeakingOption("--gif", is_flag=True, section=section, help=say("field.make_gif.help", language)),
            SpeakingOption("--webp", is_flag=True, section=section, help=say("field.make_webp.help", language)),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def encode(console: Console, /, *, name: str, fps: float | None, gif: bool, webp: bool, folder: Path | None) -> int:
    """Write the film once more and print where it is."""
    with opened_studio(console, folder) as studio:
        follow_film(studio.encode_film(name, fps=fps, gif=gif, webp=webp), console, studio, resume_command(folder))
    return 0


def _name(language: Language, *, required: bool = True) -> SpeakingArgument:
    return SpeakingArgument(
        "name",
        label=say("cli.metavar.name", language),
        explained=say("cli.video.name", language),
        example="colabsd video encode NAME --fps 24",
        required=required,
    )
