"""`colabsd grid`: pictures that differ in one to three settings, side by side on a sheet."""

from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import follow, resume_command
from colabsd.cli.generate import format_option, read_prompt, size_option
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options, with_size
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.language.amounts import duration
from colabsd.planning.grids import GridPlan
from colabsd.settings.axes import read_axis
from colabsd.settings.fields import field_specs
from colabsd.settings.grids import GridSettings, known_study
from colabsd.settings.images import ImageSettings
from colabsd.settings.studies import study_grid

LEFT_OUT = ("count", "batch")  # a cell is one picture, drawn by itself
EXAMPLES = (
    ('colabsd grid "PROMPT" --axis steps=10,20,30 --axis "sampler=Euler,LMS"', "cli.grid.example.two"),
    ('colabsd grid "PROMPT" --axis guidance=3-9:2 --axis seed=7-10', "cli.grid.example.range"),
    ('colabsd grid "a cat, ink" --axis "words=ink|oil painting|"', "cli.grid.example.words"),
    ('colabsd grid "PROMPT" --study sampler --dry-run', "cli.grid.example.sampler"),
    ('colabsd grid "a cat" --study words --axis "words=ink|oil painting"', "cli.grid.example.styles"),
    ('colabsd grid "a cat" --study probe --axis words=smiling', "cli.grid.example.probe"),
)


def build(language: Language) -> click.Command:
    """The command in a language."""
    only = [name for name in field_specs(ImageSettings) if name not in LEFT_OUT]
    return SpeakingCommand(
        "grid",
        language=language,
        explained=say("cli.grid.help", language),
        callback=grid,
        appendix=("cli.section.examples", [(command, say(key, language)) for command, key in EXAMPLES]),
        params=[
            SpeakingArgument(
                "prompt",
                label="PROMPT",
                explained=say("cli.generate.prompt", language),
                example=say("cli.grid.example", language),
            ),
            *_own_options(language),
            *setting_options(ImageSettings, language, only),
            size_option(language),
            folder_option(language),
            format_option(language),
            *general_options(language),
        ],
    )


def _own_options(language: Language) -> list[click.Parameter]:
    section = "cli.section.grid"
    return [
        SpeakingOption(
            "--axis", "axes", multiple=True, metavar="steps=10,20", section=section, help=say("cli.grid.axis", language)
        ),
        SpeakingOption(
            "--study",
            type=known_study,
            default="",
            metavar="sampler|words|probe",
            section=section,
            help=say("cli.grid.study", language),
        ),
        SpeakingOption(
            "--title",
            default="",
            metavar=say("cli.metavar.text", language),
            section=section,
            help=say("cli.grid.title", language),
        ),
        SpeakingOption("--dry-run", is_flag=True, section=section, help=say("cli.grid.dry_run", language)),
    ]


@click.pass_obj
def grid(
    console: Console,
    /,
    *,
    prompt: str,
    axes: tuple[str, ...],
    study: Any,
    title: str,
    dry_run: bool,
    size: str | None,
    folder: Path | None,
    image_format: Any,
    **asked: Any,
) -> int:
    """Say what it takes; then draw, keep and print the paths, the sheets' last."""
    values = with_size(asked, ImageSettings, size)
    given = {name: value for name, value in values.items() if value is not None}
    base = ImageSettings(prompt=read_prompt(prompt), **given)
    found = study_grid(study, base, [read_axis(text) for text in axes])
    settings = GridSettings(base=found.base, axes=found.axes, study=found.study, title=title)
    with opened_studio(console, folder) as studio:
        plan = studio.plan_grid(settings)
        if dry_run:
            _show(console, plan)
            return 0
        _tell_forecast(console, plan)
        events = studio.draw_grid(plan.settings, image_format=image_format)
        follow(events, console, studio, resume_command(folder))
    return 0


def _show(console: Console, plan: GridPlan) -> None:
    """The plan: its axes, cells and time; what was chosen or changed on stderr."""
    for note in plan.notes:
        console.tell(note.key, **note.facts)
    if console.as_json:
        console.write_json("grid", **_facts(plan), axes=plan.settings.as_json()["axes"], seconds=plan.seconds)
        return
    for axis in plan.settings.axes:
        values = " | ".join(_value(value) for value in axis.values)
        console.result(console.sentence("cli.grid.values", {"setting": axis.setting, "values": values}))
    console.result(console.sentence("cli.grid.cells", _facts(plan)))
    console.result(console.sentence(_time_key(plan), {"time": duration(plan.seconds)}))


def _tell_forecast(console: Console, plan: GridPlan) -> None:
    console.tell("cli.grid.cells", **_facts(plan))
    console.tell(_time_key(plan), time=duration(plan.seconds))


def _facts(plan: GridPlan) -> dict[str, int]:
    columns, rows, sheets = plan.settings.shape
    pictures, kept = len(plan.drawings), len(plan.kept)
    return {"columns": columns, "rows": rows, "sheets": sheets, "pictures": pictures, "kept": kept}


def _time_key(plan: GridPlan) -> str:
    return "cli.grid.time" if plan.measured else "cli.grid.time_guessed"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return f"{value:g}" if isinstance(value, float) else str(value if value not in ("", None) else "-")
