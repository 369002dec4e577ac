"""`colabsd train list`, `show` and `forget`, and what a plan of a training says in words. Loads no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand
from colabsd.cli.text import harmless, table
from colabsd.language import Language, say
from colabsd.language.amounts import duration
from colabsd.library.training_runs import TrainingRun
from colabsd.planning.training import TrainingPlan
from colabsd.planning.training_memory import forecast_training
from colabsd.settings.fields import field_specs
from colabsd.settings.training import TrainingSettings

if TYPE_CHECKING:
    from colabsd.studio import Studio

GB = 1e9
SHOWN = (
    "model", "method", "steps", "resolution", "batch", "learning_rate", "text_encoder", "rank", "alpha", "targets",
    "optimizer", "prior", "class_pictures", "snr_gamma", "seed", "sample_every", "checkpoint_every",
)  # fmt: skip


def run_argument(language: Language, *, required: bool = True) -> SpeakingArgument:
    """The name of a training."""
    return SpeakingArgument(
        "name",
        label=say("cli.metavar.name", language),
        explained=say("cli.train.name", language),
        example="colabsd train show rex",
        required=required,
    )


def build_list(language: Language) -> click.Command:
    """`colabsd train list` in a language."""
    return SpeakingCommand(
        "list",
        language=language,
        explained=say("cli.train.list.help", language),
        callback=list_runs,
        params=[folder_option(language), *general_options(language)],
    )


@click.pass_obj
def list_runs(console: Console, /, *, folder: Path | None) -> int:
    """A row for each training, the newest first."""
    with opened_studio(console, folder) as studio:
        runs = studio.training_runs()[::-1]
        if console.as_json:
            for run in runs:
                console.write_json("training", **_facts(run))
            return 0
        if not runs:
            console.tell("cli.train.list.none")
        rows = [
            [
                run.name,
                f"{run.step} / {run.plan.steps}",
                run.adapter or console.sentence("cli.train.list.unfinished", {}),
                f"{run.started.astimezone():%Y-%m-%d %H:%M}",
                harmless(", ".join(f"{one.word} {one.class_word}" for one in run.plan.subjects)),
            ]
            for run in runs
        ]
        for line in table(rows, console.width):
            console.result(line)
    return 0


def build_show(language: Language) -> click.Command:
    """`colabsd train show` in a language."""
    return SpeakingCommand(
        "show",
        language=language,
        explained=say("cli.train.show.help", language),
        callback=show,
        params=[run_argument(language), folder_option(language), *general_options(language)],
    )


@click.pass_obj
def show(console: Console, /, *, name: str, folder: Path | None) -> int:
    """What a training was asked, what was chosen, how far it has come."""
    with opened_studio(console, folder) as studio:
        run = studio.training_run(name)
        if console.as_json:
            console.write_json("training", **_facts(run), plan=run.plan.as_json(), settings=dict(run.settings))
            return 0
        told_plan(console, studio, run.plan, run.settings.get("model"))
        console.result(console.sentence("cli.train.show.step", {"step": run.step, "steps": run.plan.steps}))
        if run.is_finished:
            console.result(console.sentence("cli.train.show.adapter", {"adapter": run.adapter}))
    return 0


def build_forget(language: Language) -> click.Command:
    """`colabsd train forget` in a language."""
    return SpeakingCommand(
        "forget",
        language=language,
        explained=say("cli.train.forget.help", language),
        callback=forget,
        params=[run_argument(language), folder_option(language), *general_options(language)],
    )


@click.pass_obj
def forget(console: Console, /, *, name: str, folder: Path | None) -> int:
    """Erase the photos that were kept with a training."""
    with opened_studio(console, folder) as studio:
        studio.forget_training_photos(name)
        console.tell("cli.train.forget.done", name=name)
    return 0


def told_plan(console: Console, studio: "Studio", plan: TrainingPlan, model: str | None) -> None:
    """A plan: every value that was chosen, the reasons on stderr, minutes and gigabytes; `model` as it was asked."""
    forecast = forecast_training(plan, studio.model(model), studio.machine)
    facts = {
        "time": duration(forecast.seconds),
        "memory_gb": f"{forecast.device_bytes / GB:.1f}",
        "disk_gb": f"{forecast.disk_bytes / GB:.2f}",
    }
    for note in plan.notes:
        console.tell(note.key, **note.facts)
    if console.as_json:
        console.write_json("plan", key=plan.key, **plan.as_json(), seconds=forecast.seconds, **facts)
        return
    specs = field_specs(TrainingSettings)
    rows = [[say(f"field.{specs[name].named or name}.label", console.language), _told(plan, name)] for name in SHOWN]
    subjects = [[f"{one.word} {one.class_word}", f"{one.count} × {one.photo_prompt}"] for one in plan.subjects]
    for line in table([*subjects, *rows], console.width):
        console.result(line)
    console.result(console.sentence("cli.train.forecast", facts))


def _told(plan: TrainingPlan, name: str) -> str:
    value: Any = getattr(plan, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(run: TrainingRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "started": run.started.isoformat(),
        "step": run.step,
        "steps": run.plan.steps,
        "adapter": run.adapter or None,
    }
