"""`colabsd models download` and `colabsd models remove`: what is kept of models, and where."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.opening import workspace_of
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.language.amounts import duration
from colabsd.progress import Note, Progress

if TYPE_CHECKING:
    from colabsd.models.cache import WeightCache
    from colabsd.models.room import Forecast

T = TypeVar("T")


def build_download(language: Language) -> click.Command:
    """`colabsd models download` in a language."""
    return SpeakingCommand(
        "download",
        language=language,
        explained=say("cli.models.download.help", language),
        callback=download_model,
        params=[
            SpeakingArgument(
                "name",
                label=say("cli.metavar.name", language),
                explained=say("cli.models.show.name", language),
                example="colabsd models download sd15",
            ),
            _flag("--forecast", say("cli.models.download.forecast", language)),
            _flag("--not-on-drive", say("cli.models.download.not_on_drive", language)),
            folder_option(language),
            *general_options(language),
        ],
    )


def build_remove(language: Language) -> click.Command:
    """`colabsd models remove` in a language."""
    return SpeakingCommand(
        "remove",
        language=language,
        explained=say("cli.models.remove.help", language),
        callback=remove_models,
        params=[
            SpeakingArgument(
                "names",
                label=say("cli.metavar.name", language),
                explained=say("cli.models.remove.names", language),
                example="colabsd models remove sd15",
                nargs=-1,
            ),
            folder_option(language),
            *general_options(language),
        ],
    )


def _flag(name: str, explained: str) -> SpeakingOption:
    return SpeakingOption(name, is_flag=True, section="cli.section.files", help=explained)


def opened_cache(console: Console, folder: Path | None, *, keep: bool = True) -> "WeightCache":
    """The models of the workspace asked for; nothing is made yet."""
    from colabsd.models.cache import open_cache

    return open_cache(workspace_of(console, folder), console.environ, keep=keep)


@click.pass_obj
def download_model(console: Console, /, *, name: str, forecast: bool, not_on_drive: bool, folder: Path | None) -> int:
    """Bring a model or what goes with one, and print where it is; with `--forecast` only tell what that takes."""
    from colabsd.models.addons import find_addon
    from colabsd.models.registry import find_model, wanted_of

    cache = opened_cache(console, folder, keep=not not_on_drive)
    addon = find_addon(name)
    if addon is not None:
        wanted = addon.wanted
    else:
        card = find_model(name)
        own = card.folder or card.file
        if own is not None:
            _tell_place(console, card.name, own)
            return 0
        wanted = wanted_of(card)
    if forecast:
        _tell_forecast(console, _followed(cache.forecast(wanted), console, name))
        return 0
    kept = _followed(cache.bring(wanted), console, name)
    _tell_place(console, kept.name, kept.folder)
    return 0


@click.pass_obj
def remove_models(console: Console, /, *, names: tuple[str, ...], folder: Path | None) -> int:
    """Remove what was downloaded, and tell how much room that made."""
    from colabsd.models.room import gigabytes

    cache = opened_cache(console, folder)
    for name in names:
        freed = cache.remove(name)
        if console.as_json:
            console.write_json("removed", name=name, bytes=freed)
        else:
            console.tell("cli.models.removed", name=name, gb=gigabytes(freed))
    return 0


def _tell_place(console: Console, name: str, folder: Path) -> None:
    if console.as_json:
        console.write_json("kept", name=name, path=folder)
    else:
        console.result(str(folder))


def _tell_forecast(console: Console, forecast: "Forecast") -> None:
    """What bringing a model would take."""
    from colabsd.models.room import gigabytes

    if console.as_json:
        console.write_json("forecast", **vars(forecast))
        return
    facts = {"name": forecast.name, "place": forecast.place, "gb": gigabytes(forecast.needed_bytes)}
    console.result(console.sentence("cli.models.forecast", {**facts, "free_gb": gigabytes(forecast.free_bytes)}))
    if forecast.seconds is not None:
        console.result(console.sentence("cli.models.forecast.time", {"time": duration(forecast.seconds)}))
    if forecast.drive:
        console.result(console.sentence("cli.models.forecast.drive", {"name": forecast.name}))


def _followed(events: Generator[Progress | Note, None, T], console: Console, name: str) -> T:
    """The result of the work, telling what happens. Ctrl-C stops it and leaves by click's Exit with code 130."""
    line = progress_line(console.language, console.width, console.environ)
    try:
        with closing(events):
            while True:
                try:
                    event = next(events)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
                if isinstance(event, Progress):
                    tell_progress(event, line, console)
                else:
                    line.clear()
                    console.tell(event.key, **event.facts)
    except KeyboardInterrupt:
        line.clear()
        console.tell_always("cli.models.stopped", command=f"colabsd models download {name}")
        raise click.exceptions.Exit(STOPPED) from None
    finally:
        line.clear()
