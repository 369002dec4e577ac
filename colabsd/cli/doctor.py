"""`colabsd doctor`: what is there, what is missing and what to do."""

from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.opening import workspace_of
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingCommand
from colabsd.cli.text import harmless, pad
from colabsd.environment.doctor import State, Surroundings, examine
from colabsd.environment.machine import look_at_machine
from colabsd.language import Language, say

STATES: dict[State, str] = {
    "ok": "doctor.state.ok",
    "advice": "doctor.state.advice",
    "missing": "doctor.state.missing",
    "broken": "doctor.state.broken",
}
SICK: frozenset[State] = frozenset({"missing", "broken"})


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "doctor",
        language=language,
        explained=say("cli.doctor.help", language),
        callback=doctor,
        params=[folder_option(language), *general_options(language)],
    )


@click.pass_obj
def doctor(console: Console, /, *, folder: Path | None) -> int:
    """One line per finding. Exit code 1 when something that drawing needs is missing or broken."""
    words = {state: say(key, console.language) for state, key in STATES.items()}
    width = max(len(word) for word in words.values())
    sick = False
    around = Surroundings(
        machine=look_at_machine(console.environ),
        folder=workspace_of(console, folder).root,
        check_starter=_check_starter,
        environ=console.environ,
    )
    for finding in examine(around):
        sick = sick or finding.state in SICK
        text = harmless(finding.tell(console.language))
        if console.as_json:
            console.write_json("finding", key=finding.key, state=finding.state, text=text)
        elif not console.quiet or finding.state != "ok":
            console.result(f"{pad(words[finding.state], width)}  {text}")
    return 1 if sick else 0


def _check_starter() -> None:
    """Raises: MissingWeightsError, DamagedWeightsError."""
    from colabsd.models.starter import Starter, starter_folder

    Starter(starter_folder()).check()
