"""`colabsd photos`: photos to train on, checked, cropped, captioned, looked at. Keeping is in `photos_keeping.py`."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.options import folder_option, general_options, number_of, one_of
from colabsd.cli.photos_keeping import build_erase, build_keep, build_list
from colabsd.cli.photos_reading import photo_parameters, read_set, shaped
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingCommand, SpeakingGroup, SpeakingOption
from colabsd.cli.text import table
from colabsd.errors import UsageError
from colabsd.language import Language, say
from colabsd.settings.fields import FieldSpec

SIDE = FieldSpec(kind="integer", group="picture", minimum=64, maximum=4096)
FORMATS = ("png", "jpg", "webp")
HELP: Mapping[str, str] = {
    "check": "cli.photos.check.help",
    "crop": "cli.photos.crop.help",
    "sheet": "cli.photos.sheet.help",
    "caption": "cli.photos.caption.help",
}
EXAMPLES = (
    ("colabsd photos check my-dog", "cli.photos.example.check"),
    ("colabsd photos sheet my-dog --to sheet.png", "cli.photos.example.sheet"),
    ("colabsd photos crop my-dog --to my-dog-512 --size 512", "cli.photos.example.crop"),
    ("colabsd photos caption my-dog --propose", "cli.photos.example.caption"),
)


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return SpeakingGroup(
        "photos",
        language=language,
        explained=say("cli.photos.help", language),
        builders={
            "check": build_check,
            "crop": build_crop,
            "sheet": build_sheet,
            "caption": build_caption,
            "keep": build_keep,
            "list": build_list,
            "erase": build_erase,
        },
        appendix=("cli.section.examples", [(command, say(key, language)) for command, key in EXAMPLES]),
        params=general_options(language),
    )


def build_check(language: Language) -> click.Command:
    """`colabsd photos check` in a language."""
    return _command("check", check, language)


def build_crop(language: Language) -> click.Command:
    """`colabsd photos crop` in a language."""
    return _command(
        "crop",
        crop,
        language,
        _option(
            "--to", "target", metavar=say("cli.metavar.folder", language), help=say("cli.photos.crop.to", language)
        ),
        _option(
            *("--size", "-s", "side"),
            type=number_of("size", SIDE),
            metavar=say("cli.metavar.integer", language),
            help=say("cli.photos.crop.size", language),
        ),
        _shape(language),
        _option(
            *("--format", "image_format"),
            type=one_of("format", FORMATS),
            default=FORMATS[0],
            metavar="|".join(FORMATS),
            help=say("cli.photos.crop.format", language),
        ),
    )


def build_sheet(language: Language) -> click.Command:
    """`colabsd photos sheet` in a language."""
    file = say("cli.metavar.file", language)
    return _command(
        "sheet",
        sheet,
        language,
        _option("--to", "target", metavar=file, help=say("cli.photos.sheet.to", language)),
        _shape(language),
    )


def build_caption(language: Language) -> click.Command:
    """`colabsd photos caption` in a language."""
    text = say("cli.metavar.text", language)
    return _command(
        "caption",
        caption,
        language,
        _option("--propose", is_flag=True, help=say("cli.photos.caption.propose", language)),
        _option("--all", "everywhere", metavar=text, help=say("cli.photos.caption.all", language)),
        _option("--set", "changes", multiple=True, metavar=text, help=say("cli.photos.caption.set", language)),
    )


@click.pass_obj
def check(console: Console, /, **asked: Any) -> int:
    """A line per photo, and what is wrong; nothing is written."""
    chosen = read_set(console, asked)
    rows = []
    for photo in chosen.photos:
        if console.as_json:
            wrong = [note.key for note in photo.problems]
            facts = {"size": str(photo.size), "crop": photo.crop.box, "by": photo.crop.by, "caption": photo.caption}
            console.write_json("photo", path=photo.path, sha256=photo.sha256, problems=wrong, **facts)
        mark = "!" if photo.problems else " "
        rows.append((mark, photo.name, str(photo.size), str(photo.crop.size), photo.caption))
    count, problems, sha256 = chosen.facts.count, chosen.facts.problems, chosen.sha256
    if console.as_json:
        console.write_json("photos", kind=chosen.kind, count=count, problems=problems, sha256=sha256)
        return 0
    for line in table(rows, console.width):
        console.result(line)
    told = say("cli.photos.sum", console.language, count=count, problems=problems, sha256=sha256[:16])
    console.result(told)
    return 0


@click.pass_obj
def crop(
    console: Console, /, *, target: str | None, side: int | None, shape: str | None, image_format: Any, **asked: Any
) -> int:
    """Write cropped copies into a new folder and print their paths."""
    from colabsd.training.photo_copies import Copied, copy_crops

    folder = _target(target)
    chosen = shaped(read_set(console, asked), shape)
    line = progress_line(console.language, console.width, console.environ)
    try:
        with closing(copy_crops(chosen, folder, side or chosen.side, image_format)) as work:  # type: ignore[type-var]
            for event in work:
                if isinstance(event, Copied):
                    line.clear()
                    _tell_file(console, event.path, "copy")
                else:
                    tell_progress(event, line, console)
    except KeyboardInterrupt:
        line.clear()
        raise click.exceptions.Exit(STOPPED) from None
    line.clear()
    return 0


@click.pass_obj
def sheet(console: Console, /, *, target: str | None, shape: str | None, **asked: Any) -> int:
    """Write the contact sheets and print their paths."""
    from colabsd.training.photo_copies import save_sheets
    from colabsd.training.photo_sheets import photo_sheets

    path = _target(target)
    chosen = shaped(read_set(console, asked), shape)
    for written in save_sheets(photo_sheets(chosen, console.language), path):
        _tell_file(console, written, "sheet")
    return 0


@click.pass_obj
def caption(
    console: Console, /, *, propose: bool, everywhere: str | None, changes: tuple[str, ...], **asked: Any
) -> int:
    """Write captions beside the photos and print them; without any option only print those that are there."""
    from colabsd.training.captions import write_caption

    chosen = read_set(console, asked)
    wanted = {name.strip(): text for name, _, text in (change.partition("=") for change in changes)}
    for name in wanted:
        chosen.find(name)
    for photo in chosen.photos:
        text = photo.caption
        if everywhere is not None:
            text = everywhere
        elif propose and not text:
            text = photo.proposed
        text = wanted.get(photo.name, text).strip()
        if text != photo.caption:
            write_caption(photo.path, text)
        if console.as_json:
            console.write_json("caption", path=photo.path, caption=text)
        else:
            console.result(table([(photo.name, text)], console.width)[0])
    return 0


def _target(target: str | None) -> Path:
    if not target:
        raise UsageError("error.cli.photos.to")
    return Path(target).expanduser()


def _tell_file(console: Console, path: Path, kind: str) -> None:
    if console.as_json:
        console.write_json(kind, path=path)
    else:
        console.result(str(path))


def _shape(language: Language) -> SpeakingOption:
    return _option("--shape", metavar=say("cli.metavar.text", language), help=say("cli.photos.crop.shape", language))


def _option(*names: str, **facts: Any) -> SpeakingOption:
    return SpeakingOption(*names, section="cli.section.files", **facts)


def _command(name: str, callback: Any, language: Language, *options: SpeakingOption) -> click.Command:
    return SpeakingCommand(
        name,
        language=language,
        explained=say(HELP[name], language),
        callback=callback,
        params=[*photo_parameters(name, language), *options, folder_option(language), *general_options(language)],
    )
