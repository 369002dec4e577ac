"""`colabsd library star`, `unstar`, `delete` and `export`: what becomes of kept pictures."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.errors import UsageError
from colabsd.language import Language, say
from colabsd.progress import Progress

if TYPE_CHECKING:
    from colabsd.library.deletion import Deletion

YES = frozenset({"y", "yes", "s", "si", "sí"})


def build_star(language: Language) -> click.Command:
    """`colabsd library star` in a language."""
    return _build_names("star", say("cli.library.star.help", language), star_pictures, language)


def build_unstar(language: Language) -> click.Command:
    """`colabsd library unstar` in a language."""
    return _build_names("unstar", say("cli.library.unstar.help", language), unstar_pictures, language)


def build_delete(language: Language) -> click.Command:
    """`colabsd library delete` in a language."""
    yes = _option("--yes", "-y", is_flag=True, help=say("cli.library.delete.yes", language))
    return _build_names("delete", say("cli.library.delete.help", language), delete_pictures, language, yes)


def build_export(language: Language) -> click.Command:
    """`colabsd library export` in a language."""
    file, query = say("cli.metavar.file", language), say("cli.metavar.query", language)
    options = (
        _option("--to", "path", metavar=file, help=say("cli.export.to", language)),
        _option("--query", metavar=query, help=say("cli.export.query", language)),
        _option("--with-text", is_flag=True, help=say("cli.export.with_text", language)),
    )
    explained = say("cli.export.help", language)
    return _build_names("export", explained, export_pictures, language, *options, required=False)


def _option(*names: str, **facts: Any) -> SpeakingOption:
    return SpeakingOption(*names, section="cli.section.files", **facts)


def _build_names(
    name: str,
    explained: str,
    callback: Callable[..., Any],
    language: Language,
    *options: SpeakingOption,
    required: bool = True,
) -> click.Command:
    """A command on pictures that are named one after the other."""
    endings = {"delete": " --yes", "export": " --to apples.zip"}
    names = SpeakingArgument(
        "names",
        label=say("cli.metavar.picture", language),
        explained=say("cli.library.names", language),
        example=f"colabsd library {name} 142501-k3v7q2ma-0000{endings.get(name, '')}",
        nargs=-1,
        required=required,
    )
    return SpeakingCommand(
        name,
        language=language,
        explained=explained,
        callback=callback,
        params=[names, *options, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def star_pictures(console: Console, /, *, names: tuple[str, ...], folder: Path | None) -> int:
    """Give pictures a star."""
    return _star(console, names, folder, on=True)


@click.pass_obj
def unstar_pictures(console: Console, /, *, names: tuple[str, ...], folder: Path | None) -> int:
    """Take their stars away."""
    return _star(console, names, folder, on=False)


def _star(console: Console, names: Sequence[str], folder: Path | None, *, on: bool) -> int:
    with opened_studio(console, folder) as studio:
        paths = list(dict.fromkeys(record.path for record in studio.library.find_all(names)))  # all or none
        for path in paths:
            studio.library.star(path, on)
            if console.as_json:
                console.write_json("star", path=str(studio.workspace.root / path), starred=on)
    if not console.as_json:
        console.tell("cli.library.starred" if on else "cli.library.unstarred", count=len(paths))
    return 0


@click.pass_obj
def delete_pictures(console: Console, /, *, names: tuple[str, ...], yes: bool, folder: Path | None) -> int:
    """Tell what would be deleted, ask unless that was answered already, and delete."""
    with opened_studio(console, folder) as studio:
        deletion = studio.library.deletion(names)
        if not yes and not _is_meant(deletion, console):
            console.tell("cli.library.delete.left")
            return 0
        _drive(studio.library.delete(names), console, "cli.library.delete.stopped")
    if console.as_json:
        for record in deletion.records:
            console.write_json("deleted", path=str(studio.workspace.root / record.path), bytes=record.bytes)
    else:
        console.tell("cli.library.deleted", count=len(deletion.records), size=_size(deletion.bytes))
    return 0


@click.pass_obj
def export_pictures(
    console: Console,
    /,
    *,
    names: tuple[str, ...],
    path: str | None,
    query: str | None,
    with_text: bool,
    folder: Path | None,
) -> int:
    """Write the pictures that are named, or that a query asks for, into one ZIP file, and print its path."""
    if path is None or bool(names) == (query is not None):
        raise UsageError("error.cli.export")
    target = Path(path).expanduser()
    with opened_studio(console, folder) as studio:
        chosen = list(names) if query is None else [record.path for record in studio.library.search(query)]
        if not chosen:
            console.tell("cli.library.none_found", query=query)
            return 0
        _drive(studio.library.export_zip(chosen, target, with_text=with_text), console, "cli.export.stopped")
    if console.as_json:
        console.write_json("exported", path=target.absolute(), pictures=len(chosen))
    else:
        console.result(str(target))
    return 0


def _is_meant(deletion: "Deletion", console: Console) -> bool:
    """Ask on a terminal. Raises: UsageError where nobody can answer."""
    facts = {"count": len(deletion.records), "size": _size(deletion.bytes), "copies": len(deletion.copies)}
    if console.as_json or not sys.stdin.isatty():
        raise UsageError("error.cli.delete", count=facts["count"])
    console.tell_always("cli.library.delete.what", **facts)
    print(say("cli.library.delete.question", console.language), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in YES


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _drive(events: Iterator[Progress], console: Console, stopped: str) -> None:
    """Follow the work to its end. Ctrl-C stops it, tells `stopped`, and leaves by click's Exit with code 130."""
    line = progress_line(console.language, console.width, console.environ)
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                tell_progress(event, line, console)
    except KeyboardInterrupt:
        line.clear()
        console.tell_always(stopped)
        raise click.exceptions.Exit(STOPPED) from None
    finally:
        line.clear()
