"""`colabsd video check`, `import` and `list`: settings files and films looked at, nothing drawn. Loads no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.cli.text import harmless, table
from colabsd.errors import StorageError
from colabsd.language import Language, say
from colabsd.language.amounts import duration, megabytes
from colabsd.planning.deforum_export import write_deforum
from colabsd.planning.deforum_files import Imported, Outcome
from colabsd.planning.video_plans import VideoPlan
from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from colabsd.library.films import Film
    from colabsd.studio.film_checks import CheckedFilm, CheckedSettings
    from colabsd.studio.filming import FilmForecast

OUTCOMES: "dict[Outcome, str]" = {
    "understood": "cli.video.understood",
    "renamed": "cli.video.renamed",
    "changed": "cli.video.changed",
    "ignored": "cli.video.ignored",
    "impossible": "cli.video.impossible",
    "unknown": "cli.video.unknown",
}
TOLD: "tuple[Outcome, ...]" = ("renamed", "changed", "impossible", "unknown")
"""What became of a key is told for these; of the others it is enough how many they are."""


def build_check(language: Language) -> click.Command:
    """`colabsd video check` in a language."""
    return SpeakingCommand(
        "check",
        language=language,
        explained=say("cli.video.check.help", language),
        callback=check,
        params=[_file(language, "check"), folder_option(language), *general_options(language)],
    )


@click.pass_obj
def check(console: Console, /, *, file: str, folder: Path | None) -> int:
    """A settings file: what it asks for, and whether all of it can be drawn. A film: its figures over time."""
    with opened_studio(console, folder) as studio:
        found: Any = studio.check_video(Path(file))
        if hasattr(found, "figures"):
            _tell_film(console, found)
        else:
            _tell_settings(console, found)
    return 0


def build_import(language: Language) -> click.Command:
    """`colabsd video import` in a language."""
    to = SpeakingOption(
        "--to",
        type=click.Path(path_type=Path),
        metavar=say("cli.metavar.file", language),
        section="cli.section.files",
        help=say("cli.video.import.to", language),
    )
    return SpeakingCommand(
        "import",
        language=language,
        explained=say("cli.video.import.help", language),
        callback=import_settings,
        params=[_file(language, "import"), to, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def import_settings(console: Console, /, *, file: str, to: Path | None, folder: Path | None) -> int:
    """What became of every key; with `--to` the settings as a file that Deforum reads."""
    with opened_studio(console, folder) as studio:
        imported = studio.import_video_settings(Path(file))
        _tell_report(console, imported)
        if to is not None:
            if to.exists():
                raise StorageError("error.storage.exists", path=to)
            with storage_errors(to):
                to.write_text(write_deforum(imported.settings, imported.kept), encoding="utf-8")
            console.result(str(to))
    return 0


def build_list(language: Language) -> click.Command:
    """`colabsd video list` in a language."""
    return list_command("list", language)


def list_command(name: str, language: Language) -> click.Command:
    """The films of a workspace, by whatever name the command has."""
    query = SpeakingArgument(
        "query",
        label=say("cli.metavar.words", language),
        explained=say("cli.video.list.query", language),
        example="colabsd video list apple",
        required=False,
    )
    return SpeakingCommand(
        name,
        language=language,
        explained=say("cli.video.list.help", language),
        callback=list_films,
        params=[query, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def list_films(console: Console, /, *, query: str | None, folder: Path | None) -> int:
    """A row for each film, the newest first."""
    from colabsd.library.films import Films

    with opened_studio(console, folder) as studio:
        films = Films(studio.workspace).search(query or "")
        if console.as_json:
            for film in films:
                console.write_json("film", **_facts(film))
            return 0
        if not films:
            console.tell("cli.video.list.none")
        unfinished = console.sentence("cli.video.list.unfinished", {})
        rows = [
            [
                film.name,
                f"{film.started.astimezone():%Y-%m-%d %H:%M}",
                str(len(film.plan.frames)),
                str(film.plan.size),
                str(studio.workspace.root / film.files[0]) if film.files else unfinished,
                harmless(film.prompt),
            ]
            for film in films
        ]
        for line in table(rows, console.width):
            console.result(line)
    return 0


def told_forecast(console: Console, plan: VideoPlan, forecast: "FilmForecast") -> None:
    """What a film takes, before it is drawn."""
    facts = {
        "frames": forecast.frames,
        "drawn": forecast.drawn,
        "size": plan.size,
        "fps": f"{plan.fps:g}",
        "length": duration(forecast.frames / plan.fps),
        "room": megabytes(forecast.local_bytes),
    }
    if console.as_json:
        told = {"seconds": forecast.seconds, "local_bytes": forecast.local_bytes, "kept_bytes": forecast.kept_bytes}
        console.write_json("forecast", frames=forecast.frames, drawn=forecast.drawn, key=plan.key, **told)
        return
    console.tell("cli.video.forecast", **facts)
    console.tell("cli.grid.time" if forecast.measured else "cli.grid.time_guessed", time=duration(forecast.seconds))


def _tell_settings(console: Console, checked: "CheckedSettings") -> None:
    _tell_report(console, checked.imported)
    for note in checked.plan.notes:
        console.tell(note.key, **note.facts)
    told_forecast(console, checked.plan, checked.forecast)
    if not console.as_json:
        console.result(console.sentence("cli.video.check.right", {"mode": checked.plan.mode}))


def _tell_report(console: Console, imported: Imported) -> None:
    """How many keys there are of each outcome, and which, where that matters."""
    if console.as_json:
        rows = [{"key": row.key, "outcome": row.outcome, "setting": row.setting} for row in imported.rows]
        console.write_json("settings", dialect=imported.settings.dialect, rows=rows)
    for note in imported.notes:
        console.tell(note.key, **note.facts)
    if console.as_json:
        return
    for outcome, key in OUTCOMES.items():
        rows_of = imported.of(outcome)
        if rows_of:
            names = ", ".join(row.key for row in rows_of) if outcome in TOLD else ""
            line = console.sentence(key, {"count": len(rows_of)})
            console.result(f"{line}: {harmless(names)}" if names else line)


def _tell_film(console: Console, checked: "CheckedFilm") -> None:
    figures = checked.figures
    if console.as_json:
        facts = {"frames": checked.frames, "fps": checked.fps, "sound": checked.has_sound}
        console.write_json("film", path=checked.path, **facts, figures=figures.as_json())
        return
    told = {name: f"{getattr(figures, name):.2f}" for name in ("change", "jump", "drift", "spread")}
    console.result(console.sentence("cli.video.check.film", {"frames": checked.frames, "fps": f"{checked.fps:g}"}))
    console.result(console.sentence("cli.video.check.change", told))
    console.result(console.sentence("cli.video.check.drift", told))


def _facts(film: "Film") -> dict[str, Any]:
    return {
        "name": film.name,
        "started": film.started.isoformat(),
        "finished": film.is_finished,
        "files": list(film.files),
        "frames": len(film.plan.frames),
        "fps": film.plan.fps,
        "prompt": film.prompt,
        "key": film.plan.key,
    }


def _file(language: Language, command: str) -> SpeakingArgument:
    return SpeakingArgument(
        "file",
        label=say("cli.metavar.file", language),
        explained=say("cli.video.file_argument", language),
        example=f"colabsd video {command} settings.txt",
    )
