"""`colabsd photos keep`, `list` and `erase`: sets of photos in the folder, and how they go for good."""

import sys
from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.library_keeping import YES
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.photos_reading import photo_parameters, read_set, shaped
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.cli.text import table
from colabsd.language import Language, say
from colabsd.language.amounts import megabytes


def build_keep(language: Language) -> click.Command:
    """`colabsd photos keep` in a language."""
    text = say("cli.metavar.text", language)
    shape = SpeakingOption("--shape", metavar=text, help=say("cli.photos.crop.shape", language))
    return SpeakingCommand(
        "keep",
        language=language,
        explained=say("cli.photos.keep.help", language),
        callback=keep,
        params=[*photo_parameters("keep", language), shape, folder_option(language), *general_options(language)],
    )


def build_list(language: Language) -> click.Command:
    """`colabsd photos list` in a language."""
    return SpeakingCommand(
        "list",
        language=language,
        explained=say("cli.photos.list.help", language),
        callback=list_sets,
        params=[folder_option(language), *general_options(language)],
    )


def build_erase(language: Language) -> click.Command:
    """`colabsd photos erase` in a language."""
    name = SpeakingArgument(
        "name",
        label=say("cli.metavar.name", language),
        explained=say("cli.photos.erase.name", language),
        example="colabsd photos erase 45600a64 --yes",
    )
    yes = SpeakingOption("--yes", "-y", is_flag=True, help=say("cli.photos.erase.yes", language))
    return SpeakingCommand(
        "erase",
        language=language,
        explained=say("cli.photos.erase.help", language),
        callback=erase,
        params=[name, yes, folder_option(language), *general_options(language)],
    )


@click.pass_obj
def keep(console: Console, /, *, shape: str | None, **asked: Any) -> int:
    """Keep a set and print its name."""
    chosen = shaped(read_set(console, asked), shape)
    with opened_studio(console, asked["folder"]) as studio:
        kept = studio.keep_photos(chosen)
        path = studio.workspace.final_path(f"photos/{kept.path.name}")
    if console.as_json:
        console.write_json("photos", name=kept.name, path=path, sha256=kept.sha256, bytes=kept.bytes)
    else:
        console.tell("cli.photos.kept", count=len(chosen.photos), path=path)
        console.result(kept.name)
    return 0


@click.pass_obj
def list_sets(console: Console, /, *, folder: Path | None) -> int:
    """A line per kept set."""
    with opened_studio(console, folder) as studio:
        found = studio.photo_sets()
        rows = [(kept.name, megabytes(kept.bytes), str(kept.path)) for kept in found]
    for kept, line in zip(found, table(rows, console.width), strict=True):
        if console.as_json:
            console.write_json("photos", name=kept.name, path=kept.path, sha256=kept.sha256, bytes=kept.bytes)
        else:
            console.result(line)
    if not found:
        console.tell("cli.photos.none")
    return 0


@click.pass_obj
def erase(console: Console, /, *, name: str, yes: bool, folder: Path | None) -> int:
    """Tell what would go, ask unless that was answered already, and erase."""
    from colabsd.studio.photos import find_kept

    with opened_studio(console, folder) as studio:
        kept = find_kept(studio.workspace, name)
        if not yes and not _is_meant(console, kept.name):
            console.tell("cli.photos.erase.left")
            return 0
        trainings = studio.erase_photos(kept.name)
    if console.as_json:
        console.write_json("erased", name=kept.name, trainings=list(trainings))
        return 0
    console.tell("cli.photos.erased", name=kept.name)
    if trainings:
        console.tell("cli.photos.erased_trainings", names=", ".join(trainings))
    return 0


def _is_meant(console: Console, name: str) -> bool:
    """Ask; without somebody at a terminal nothing is erased."""
    if console.as_json or not sys.stdin.isatty():
        return False
    print(say("cli.photos.erase.sure", console.language, name=name), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in YES
