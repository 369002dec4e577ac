"""`colabsd plan`: what a request would draw, how, and what memory that takes, without drawing it."""

from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.generate import read_prompt, size_option
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options, with_size
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand
from colabsd.language import Language, say
from colabsd.planning.forecasts import GIB, Forecast, forecast_memory, work_of
from colabsd.planning.memory import available_bytes
from colabsd.planning.plans import ImagePlan
from colabsd.settings.images import ImageSettings


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "plan",
        language=language,
        explained=say("cli.plan.help", language),
        callback=show_plan,
        params=[
            SpeakingArgument(
                "prompt",
                label="PROMPT",
                explained=say("cli.generate.prompt", language),
                example=say("cli.plan.example", language),
            ),
            *setting_options(ImageSettings, language),
            size_option(language),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def show_plan(console: Console, /, *, prompt: str, size: str | None, folder: Path | None, **asked: Any) -> int:
    """The plan in a few lines; what was chosen or changed, with its reasons, on stderr."""
    values = with_size(asked, ImageSettings, size)
    given = {name: value for name, value in values.items() if value is not None}
    settings = ImageSettings(prompt=read_prompt(prompt), **given)
    with opened_studio(console, folder) as studio:
        plan, card = studio.plan(settings), studio.model(settings.model)
        batch = max(map(len, plan.batches))
        forecast = forecast_memory(card, plan.execution, plan.drawings[0].size, batch, work_of(card, plan.drawings[0]))
        available = available_bytes(studio.machine, plan.execution)
    for note in plan.notes:
        console.tell(note.key, **note.facts)
    if console.as_json:
        bytes_needed = {
            "weights": forecast.weights,
            "activations": forecast.activations,
            "runtime": forecast.runtime,
            "ram": forecast.ram,
        }
        console.write_json("plan", **plan.as_json(), bytes=bytes_needed, available_bytes=available)
    else:
        _show(console, plan, batch, forecast, available, studio.machine.free_ram_bytes)
    return 0


def _show(console: Console, plan: ImagePlan, batch: int, forecast: Forecast, available: int, free_ram: int) -> None:
    drawing, execution = plan.drawings[0], plan.execution
    facts = {
        "model": drawing.model,
        "size": drawing.size,
        "sampler": drawing.sampler,
        "schedule": drawing.schedule,
        "steps": drawing.steps,
        "guidance": f"{drawing.guidance:g}",
    }
    console.result(console.sentence("cli.plan.drawing", facts))
    facts = {"count": len(plan.drawings), "batch": batch, "seed": drawing.seed}
    console.result(console.sentence("cli.plan.pictures", facts))
    facts = {"device": execution.device, "precision": execution.precision, "attention": execution.attention}
    console.result(console.sentence("cli.plan.execution", facts))
    facts = {
        "needed": _gb(forecast.total),
        "available": _gb(available) if available else "?",
        "weights": _gb(forecast.weights),
        "work": _gb(forecast.activations),
        "runtime": _gb(forecast.runtime),
    }
    console.result(console.sentence("cli.plan.memory", facts))
    if forecast.ram:
        facts = {"needed": _gb(forecast.ram), "available": _gb(free_ram) if free_ram else "?"}
        console.result(console.sentence("cli.plan.ram", facts))


def _gb(size: int) -> str:
    return f"{size / GIB:.1f}"
