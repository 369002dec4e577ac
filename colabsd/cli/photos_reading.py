"""Photos as commands name them: folders and files, what they show, which model they are for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import one_of
from colabsd.cli.progress import ProgressLine, progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingOption
from colabsd.language import Language, say
from colabsd.planning.photos import PHOTO_KINDS
from colabsd.progress import Note, Progress

if TYPE_CHECKING:
    from colabsd.training.photos import PhotoSet


def photo_parameters(command: str, language: Language) -> list[click.Parameter]:
    """The photos, what they show, and for which model, of `colabsd photos COMMAND`."""
    return [
        SpeakingArgument(
            "photos",
            label=say("cli.metavar.photos", language),
            explained=say("cli.photos.photos", language),
            example=f"colabsd photos {command} my-dog",
            nargs=-1,
        ),
        SpeakingOption(
            "--kind",
            type=one_of("kind", PHOTO_KINDS),
            default=PHOTO_KINDS[0],
            metavar="|".join(PHOTO_KINDS),
            help=say("cli.photos.kind", language),
        ),
        SpeakingOption(
            *("--model", "-m"), metavar=say("cli.metavar.text", language), help=say("cli.photos.model", language)
        ),
    ]


def read_set(console: Console, asked: dict[str, Any]) -> "PhotoSet":
    """The photos that a command names, by `photos`, `kind` and `model`; notes are told. Ctrl-C leaves with 130."""
    from colabsd.training.photos import PhotoSet

    line = progress_line(console.language, console.width, console.environ)
    with opened_studio(console, asked["folder"]) as studio:
        work = studio.photos(asked["photos"], asked["kind"], model=asked["model"])
        try:
            for event in _told(work, line, console):
                if isinstance(event, PhotoSet):
                    return event
        except KeyboardInterrupt:
            line.clear()
            raise click.exceptions.Exit(STOPPED) from None
        finally:
            line.clear()
    raise AssertionError("reading ends with a set or an error")


def shaped(chosen: "PhotoSet", shape: str | None) -> "PhotoSet":
    """The set with crops of the shape that was asked for."""
    from colabsd.training.shapes import shapes_of

    if shape is None:
        return chosen
    return chosen.cropped(shapes_of(shape, [photo.size for photo in chosen.photos], chosen.side))


def _told(work: "Iterator[Progress | Note | PhotoSet]", line: ProgressLine, console: Console) -> "Iterator[PhotoSet]":
    for event in work:
        if isinstance(event, Progress):
            tell_progress(event, line, console)
        elif isinstance(event, Note):
            line.clear()
            console.tell(event.key, **event.facts)
        else:
            line.clear()
            yield event
