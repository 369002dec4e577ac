"""`colabsd train`: learn a subject from photos, go on with what was left, look at trainings, take another step."""

from pathlib import Path
from typing import Any, get_args

import click

from colabsd.artifacts import LoraForm
from colabsd.cli.console import Console
from colabsd.cli.follow_training import follow_training
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingGroup, SpeakingOption
from colabsd.cli.training_runs import build_forget, build_list, build_show, run_argument, told_plan
from colabsd.language import Language, say
from colabsd.settings.fields import field_specs
from colabsd.settings.training import TrainingSettings

START = "start"
FLAGS = ("--json", "--quiet", "--debug")
HELP = ("--help", "-h")
EXAMPLES = (
    ("colabsd train PHOTOS --subject sks --class dog", "cli.train.example.start"),
    ("colabsd train PHOTOS --subject sks --class dog --dry-run", "cli.train.example.dry_run"),
    ("colabsd train PHOTOS --subject sks --class dog --prior on --name rex", "cli.train.example.prior"),
    ("colabsd train resume", "cli.train.example.resume"),
    ('colabsd generate "sks dog in the snow <lora:rex:0.8>"', "cli.train.example.use"),
)


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return TrainGroup(
        "train",
        language=language,
        explained=say("cli.train.help", language),
        builders={
            START: build_start,
            "resume": build_resume,
            "list": build_list,
            "show": build_show,
            "export": build_export,
            "forget": build_forget,
        },
        appendix=("cli.section.examples", [(command, say(key, language)) for command, key in EXAMPLES]),
    )


class TrainGroup(SpeakingGroup):
    """`colabsd train PHOTOS` is `colabsd train start PHOTOS`: what names no command is photos."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((word for word in args if word not in FLAGS), None)
        if first is not None and first not in self.builders and first not in HELP:
            args = [START, *args]
        return super().parse_args(ctx, args)


def build_start(language: Language) -> click.Command:
    """`colabsd train start` in a language."""
    names = [name for name in field_specs(TrainingSettings) if name != "photos"]
    options = setting_options(TrainingSettings, language, names)
    for option in options:
        if option.name == "class_word":
            option.opts.append("--class")
    return SpeakingCommand(
        START,
        language=language,
        explained=say("cli.train.start.help", language),
        callback=start,
        params=[
            SpeakingArgument(
                "photos",
                label=say("cli.metavar.photos", language),
                explained=say("cli.train.photos", language),
                example="colabsd train PHOTOS --subject sks --class dog",
            ),
            SpeakingOption(
                "--dry-run", is_flag=True, section="cli.section.training", help=say("cli.train.dry_run", language)
            ),
            *options,
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def start(console: Console, /, *, photos: str, dry_run: bool, folder: Path | None, **asked: Any) -> int:
    """Say what it takes; then train, and print where the result is."""
    given = {name: value for name, value in asked.items() if value is not None}
    settings = TrainingSettings(photos=str(Path(photos).expanduser().resolve()), **given)
    with opened_studio(console, folder) as studio:
        if dry_run:
            told_plan(console, studio, studio.plan_training(settings), settings.model)
            return 0
        follow_training(studio.train(settings), console, studio, resume_command(folder))
    return 0


def build_resume(language: Language) -> click.Command:
    """`colabsd train resume` in a language."""
    return SpeakingCommand(
        "resume",
        language=language,
        explained=say("cli.train.resume.help", language),
        callback=resume,
        params=[run_argument(language, required=False), folder_option(language), *general_options(language)],
    )


@click.pass_obj
def resume(console: Console, /, *, name: str | None, folder: Path | None) -> int:
    """Go on with the training of that name, or with all that were left."""
    with opened_studio(console, folder) as studio:
        follow_training(studio.resume_training(name), console, studio, resume_command(folder))
    return 0


def build_export(language: Language) -> click.Command:
    """`colabsd train export` in a language."""
    step = SpeakingOption(
        "--step",
        type=click.IntRange(min=1),
        metavar=say("cli.metavar.integer", language),
        section="cli.section.training",
        help=say("cli.train.export.step", language),
    )
    form = SpeakingOption(
        "--form",
        type=click.Choice(get_args(LoraForm)),
        default="kohya",
        section="cli.section.training",
        help=say("cli.train.export.form", language),
    )
    return SpeakingCommand(
        "export",
        language=language,
        explained=say("cli.train.export.help", language),
        callback=export,
        params=[run_argument(language), step, form, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def export(console: Console, /, *, name: str, step: int | None, form: LoraForm, folder: Path | None) -> int:
    """Keep another step as an adapter of its own, and print where it is."""
    with opened_studio(console, folder) as studio:
        follow_training(studio.export_training(name, step, form), console, studio, resume_command(folder))
    return 0


def resume_command(folder: Path | None) -> str:
    """The command that goes on with what was left in a workspace."""
    if folder is None:
        return "colabsd train resume"
    import shlex

    return f"colabsd train resume --output {shlex.quote(str(folder))}"
