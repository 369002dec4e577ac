"""Options: those that every command has, and those that follow from a settings class."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import click

from colabsd.cli.console import option_name
from colabsd.cli.speaking import SpeakingOption
from colabsd.errors import InvalidSettingError, UsageError
from colabsd.language import LANGUAGES, Language, say
from colabsd.settings.fields import FieldSpec, Group, Kind, field_specs, read_number
from colabsd.settings.samplers import SCHEDULES

SIZE = re.compile(r"\s*(\S+?)\s*[xX*\u00d7]\s*(\S+?)\s*")
HEADINGS: Mapping[Group, str] = {
    "picture": "cli.section.picture",
    "sampling": "cli.section.sampling",
    "variation": "cli.section.variation",
    "subject": "cli.section.subject",
    "training": "cli.section.training",
    "learning": "cli.section.learning",
    "watching": "cli.section.watching",
    "film": "cli.section.film",
    "camera": "cli.section.camera",
    "frames": "cli.section.frames",
    "between": "cli.section.between",
    "footage": "cli.section.footage",
    "film_file": "cli.section.film_file",
    "machine": "cli.section.machine",
}
METAVARS: Mapping[Kind, str] = {
    "text": "cli.metavar.text",
    "integer": "cli.metavar.integer",
    "number": "cli.metavar.number",
    "choice": "cli.metavar.text",
    "switch": "cli.metavar.text",
    "names": "cli.metavar.names",
}
ARGUMENTS = ("prompt", "image")  # settings that are given without an option's name


def number_of(field: str, spec: FieldSpec) -> Callable[[str], int | float]:
    """A reader of numbers typed for a setting, by the setting's own rules. It raises InvalidSettingError."""

    def read(text: str) -> int | float:
        return read_number(field, spec, text)

    return read


def one_of(field: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """A reader of one of a few words. It raises InvalidSettingError."""

    def read(text: str) -> str:
        found = next((choice for choice in choices if choice.casefold() == text.casefold()), None)
        if found is None:
            raise InvalidSettingError("error.setting.choice", field=field, value=text, choices=", ".join(choices))
        return found

    return read


def read_language(text: str) -> str:
    """`es` or `en`, also as a locale writes it (`es_MX.UTF-8`). Raises: InvalidSettingError."""
    code = re.split(r"[-_.@]", text, maxsplit=1)[0]
    return one_of("lang", LANGUAGES)(code if code.casefold() in LANGUAGES else text)


def setting_options(
    settings_type: type, language: Language, only: Collection[str] | None = None
) -> list[click.Parameter]:
    """One option per setting, from its FieldSpec; what commands take as arguments is not among them.

    With `only` just those settings.
    """
    specs = field_specs(settings_type).items()
    chosen = ((name, spec) for name, spec in specs if name not in ARGUMENTS and (only is None or name in only))
    return [_setting_option(name, spec, language) for name, spec in chosen]


def _setting_option(name: str, spec: FieldSpec, language: Language) -> SpeakingOption:
    names = [option_name(name), *([f"-{spec.short}"] if spec.short else []), name]
    help_text = say(f"field.{spec.named or name}.help", language)
    if name == "schedule":
        help_text += " " + say("cli.choices", language, choices=", ".join(row.label for row in SCHEDULES))
    section = HEADINGS[spec.group]
    if spec.kind == "names":
        return SpeakingOption(
            *names,
            multiple=True,
            callback=lambda _ctx, _param, values: values or None,
            metavar=say(METAVARS[spec.kind], language),
            section=section,
            help=help_text,
        )
    if spec.kind == "switch":
        return SpeakingOption(*names, is_flag=True, default=None, section=section, help=help_text)
    reader: Any = click.STRING
    if spec.kind in ("integer", "number"):
        reader = number_of(name, spec)
    elif spec.choices:
        reader = one_of(name, spec.choices)
    metavar = "|".join(spec.choices) if spec.choices else say(METAVARS[spec.kind], language)
    return SpeakingOption(
        *names,
        type=reader,
        metavar=metavar,
        section=section,
        help=help_text,
    )


def read_size(text: str) -> tuple[str, str]:
    """`512x768` (also with X, * or a times sign) as width and height, still text. Raises: InvalidSettingError."""
    match = SIZE.fullmatch(text)
    if not match:
        raise InvalidSettingError("error.setting.size", value=text)
    return match[1], match[2]


def with_size(values: dict[str, Any], settings_type: type, size: str | None) -> dict[str, Any]:
    """The options' values with `--size` as width and height. Raises: InvalidSettingError, UsageError."""
    if size is None:
        return values
    if values["width"] is not None or values["height"] is not None:
        raise UsageError("error.cli.size_twice")
    specs = field_specs(settings_type)
    sides = zip(("width", "height"), read_size(size), strict=True)
    return {**values, **{name: read_number(name, specs[name], side) for name, side in sides}}


def general_options(language: Language) -> list[click.Parameter]:
    """The options of every command: language, JSON, quiet, debug. The console reads them from the command line."""
    flags = (("--json", "cli.option.as_json"), ("--quiet", "cli.option.quiet"), ("--debug", "cli.option.debug"))
    return [
        SpeakingOption(
            "--lang",
            type=read_language,
            metavar="|".join(LANGUAGES),
            expose_value=False,
            help=say("cli.option.lang", language),
        ),
        *(SpeakingOption(name, is_flag=True, expose_value=False, help=say(key, language)) for name, key in flags),
    ]


def folder_option(language: Language) -> SpeakingOption:
    """`--output`, the workspace folder."""
    return SpeakingOption(
        "--output",
        "-o",
        "folder",
        type=click.UNPROCESSED,
        callback=lambda _ctx, _param, value: Path(value).expanduser() if value else None,
        metavar=say("cli.metavar.folder", language),
        section="cli.section.files",
        help=say("cli.option.output", language),
    )
