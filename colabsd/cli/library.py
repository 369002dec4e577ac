"""`colabsd library`: pictures that were kept, listed, searched, shown and checked. More is in `library_keeping.py`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colabsd.cli.console import Console
from colabsd.cli.library_alike import build_alike
from colabsd.cli.library_keeping import build_delete, build_export, build_star, build_unstar
from colabsd.cli.library_space import build_space
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, number_of
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingGroup, SpeakingOption
from colabsd.cli.text import harmless, table
from colabsd.cli.video_checks import list_command
from colabsd.errors import UnknownPictureError
from colabsd.language import Language, say
from colabsd.progress import Progress
from colabsd.settings.fields import FieldSpec, check_value, field_specs
from colabsd.settings.images import ImageSettings

if TYPE_CHECKING:
    from colabsd.library.importers.imported import Imported
    from colabsd.library.record import Record
    from colabsd.library.verification import State
    from colabsd.storage.workspace import Workspace

LIMIT = FieldSpec(kind="integer", group="picture", minimum=1)
OFFSET = FieldSpec(kind="integer", group="picture", minimum=0, maximum=2**62)
DEFAULT_LIMIT = 20
WRONG = 1
STAR = "★"
VERDICTS: "Mapping[State, str]" = {
    "right": "cli.library.verify.right",
    "changed": "cli.library.verify.changed",
    "missing": "cli.library.verify.missing",
    "unknown": "cli.library.verify.unknown",
    "damaged": "cli.library.verify.damaged",
}
EXAMPLES = (
    ('colabsd library search "apple -blue"', "cli.library.example.search"),
    ('colabsd library search "starred date:2026-11"', "cli.library.example.starred"),
    ("colabsd library export --query starred --to best.zip --with-text", "cli.library.example.export"),
    ("colabsd library delete 142501-k3v7q2ma-0000 --yes", "cli.library.example.delete"),
)
SHOWN = ("prompt", "negative_prompt", "model", "sampler", "schedule", "steps", "guidance", "seed")


def build(language: Language) -> click.Command:
    """The commands in a language."""
    return SpeakingGroup(
        "library",
        language=language,
        explained=say("cli.library.help", language),
        builders={
            "list": build_list,
            "search": build_search,
            "alike": build_alike,
            "show": build_show,
            "star": build_star,
            "unstar": build_unstar,
            "export": build_export,
            "delete": build_delete,
            "space": build_space,
            "films": build_films,
            "verify": build_verify,
            "rebuild": build_rebuild,
        },
        appendix=("cli.section.examples", [(command, say(key, language)) for command, key in EXAMPLES]),
        params=general_options(language),
    )


def build_films(language: Language) -> click.Command:
    """`colabsd library films` in a language."""
    return list_command("films", language)


def build_list(language: Language) -> click.Command:
    """`colabsd library list` in a language."""
    return SpeakingCommand(
        "list",
        language=language,
        explained=say("cli.library.list.help", language),
        callback=list_pictures,
        params=[*_page_options(language), folder_option(language), *general_options(language)],
    )


def build_search(language: Language) -> click.Command:
    """`colabsd library search` in a language."""
    query = SpeakingArgument(
        "query",
        label=say("cli.metavar.query", language),
        explained=say("cli.library.search.query", language),
        example='colabsd library search "apple -blue sampler:euler steps:>20"',
    )
    return SpeakingCommand(
        "search",
        language=language,
        explained=say("cli.library.search.help", language),
        callback=search_pictures,
        params=[query, *_page_options(language), folder_option(language), *general_options(language)],
    )


def build_show(language: Language) -> click.Command:
    """`colabsd library show` in a language."""
    name = SpeakingArgument(
        "name",
        label=say("cli.metavar.picture", language),
        explained=say("cli.library.show.name", language),
        example="colabsd library show 142501-k3v7q2ma-0000",
    )
    return SpeakingCommand(
        "show",
        language=language,
        explained=say("cli.library.show.help", language),
        callback=show_picture,
        params=[name, folder_option(language), *general_options(language)],
    )


def build_verify(language: Language) -> click.Command:
    """`colabsd library verify` in a language."""
    return SpeakingCommand(
        "verify",
        language=language,
        explained=say("cli.library.verify.help", language),
        callback=verify_pictures,
        params=[folder_option(language), *general_options(language)],
    )


def build_rebuild(language: Language) -> click.Command:
    """`colabsd library rebuild` in a language."""
    return SpeakingCommand(
        "rebuild",
        language=language,
        explained=say("cli.library.rebuild.help", language),
        callback=rebuild_index,
        params=[folder_option(language), *general_options(language)],
    )


def _page_options(language: Language) -> tuple[SpeakingOption, SpeakingOption]:
    metavar = say("cli.metavar.integer", language)
    limit = SpeakingOption(
        "--limit",
        type=number_of("limit", LIMIT),
        default=str(DEFAULT_LIMIT),
        metavar=metavar,
        help=say("cli.option.limit", language),
    )
    offset = SpeakingOption(
        "--offset",
        type=number_of("offset", OFFSET),
        default="0",
        metavar=metavar,
        help=say("cli.option.offset", language),
    )
    return limit, offset


@click.pass_obj
def list_pictures(console: Console, /, *, limit: int, offset: int, folder: Path | None) -> int:
    """A compact table, newest first."""
    return _show_page(console, "", limit, offset, folder)


@click.pass_obj
def search_pictures(console: Console, /, *, query: str, limit: int, offset: int, folder: Path | None) -> int:
    """The pictures that match, as a compact table, newest first."""
    return _show_page(console, query, limit, offset, folder)


def _show_page(console: Console, query: str, limit: int, offset: int, folder: Path | None) -> int:
    """One page of what was found, and how to see the next one."""
    check_value("limit", LIMIT, limit)
    check_value("offset", OFFSET, offset)
    with opened_studio(console, folder) as studio:
        records = studio.library.search(query, limit, offset)
        count = studio.library.count(query)
        if not count:
            console.tell("cli.library.none_found" if query else "cli.library.empty", query=query)
        _write_records(records, console, studio.workspace)
        if count > offset + len(records):
            console.tell("cli.library.more", shown=len(records), count=count, offset=offset + limit)
    return 0


def _write_records(records: "Sequence[Record]", console: Console, workspace: "Workspace") -> None:
    if console.as_json:
        for record in records:
            console.write_json("picture", **_as_json(record, workspace))
        return
    rows = [
        (
            Path(record.path).stem,
            f"{record.created.astimezone():%Y-%m-%d %H:%M}",
            f"{record.width}x{record.height}",
            record.sampler,
            str(record.seed),
            f"{STAR} {record.prompt}" if record.starred else record.prompt,
        )
        for record in records
    ]
    for line in table(rows, console.width):
        console.result(line)


def _as_json(record: "Record", workspace: "Workspace") -> dict[str, object]:
    return {**record.as_json(), "path": str(workspace.final_path(record.path)), "starred": record.starred}


@click.pass_obj
def show_picture(console: Console, /, *, name: str, folder: Path | None) -> int:
    """One fact per line, the file's path last; also for a file of another program that the library does not know."""
    with opened_studio(console, folder) as studio:
        try:
            record = studio.library.find(name)
        except UnknownPictureError:
            if not Path(name).expanduser().is_file():
                raise
            _show_imported(studio.look(name), Path(name).expanduser(), console)
            return 0
        path = studio.workspace.final_path(record.path)
        if console.as_json:
            console.write_json("picture", **_as_json(record, studio.workspace))
            return 0
    facts = [(say(f"field.{field}.label", console.language), str(getattr(record, field))) for field in SHOWN]
    facts += [
        (say("cli.library.show.size", console.language), f"{record.width}x{record.height}"),
        (say("cli.library.show.created", console.language), f"{record.created.astimezone():%Y-%m-%d %H:%M:%S}"),
        (say("cli.library.show.key", console.language), record.key),
        (say("cli.library.show.star", console.language), STAR if record.starred else ""),
    ]
    for label, value in facts:
        if value:
            console.result(f"{label}: {harmless(value)}")
    console.result(harmless(str(path)))
    return 0


def _show_imported(imported: "Imported", path: Path, console: Console) -> None:
    """What the picture says of its settings, then a sentence for each thing that cannot be equal here."""
    if console.as_json:
        console.write_json("imported", path=path, **imported.as_json())
        for note in imported.notes:
            console.tell(note.key, **note.facts)
        return
    facts = [(say("cli.library.show.program", console.language), imported.program)]
    known = {**imported.settings, "model": imported.model}
    facts += [
        (say(f"field.{field}.label", console.language), str(known[field]))
        for field in field_specs(ImageSettings)
        if known.get(field) not in (None, "")
    ]
    for label, value in facts:
        console.result(f"{label}: {harmless(value)}")
    if imported.notes:
        console.result(say("cli.library.show.impossible", console.language))
    for note in imported.notes:
        console.result(f"- {console.sentence(note.key, note.facts)}")
    console.result(harmless(str(path)))


@click.pass_obj
def verify_pictures(console: Console, /, *, folder: Path | None) -> int:
    """A line for each thing that is not as it was kept, then a count."""
    line = progress_line(console.language, console.width, console.environ)
    counts: dict[str, int] = dict.fromkeys(VERDICTS, 0)
    with opened_studio(console, folder) as studio:
        for event in studio.library.verify():
            if isinstance(event, Progress):
                if not (console.quiet or console.as_json):
                    line.show(event)
                continue
            counts[event.state] += 1
            if console.as_json:
                console.write_json("verdict", path=event.path, state=event.state, line=event.line)
            elif event.state != "right":
                line.clear()
                console.result(console.sentence(VERDICTS[event.state], {"path": event.path, "line": event.line}))
        line.clear()
    if console.as_json:
        console.write_json("verdicts", **counts)
    else:
        console.result(console.sentence("cli.library.verify.count", counts))
    return WRONG if counts["changed"] + counts["missing"] + counts["damaged"] else 0


@click.pass_obj
def rebuild_index(console: Console, /, *, folder: Path | None) -> int:
    """Say how many pictures the index knows now."""
    with opened_studio(console, folder) as studio:
        count = studio.library.rebuild()
    if console.as_json:
        console.write_json("rebuilt", pictures=count)
    else:
        console.result(console.sentence("cli.library.rebuilt", {"count": count}))
    return 0
