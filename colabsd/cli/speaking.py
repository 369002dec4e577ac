"""Click's commands, groups and options with help and errors in the reader's language. Knows no command of ours."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from colabsd.errors import UsageError
from colabsd.language import Language, say


class SpeakingOption(click.Option):
    """An option whose help is a sentence's key; `section` is the key of the heading that it stands under."""

    def __init__(self, *names: str, section: str = "cli.section.general", **facts: Any) -> None:
        super().__init__(list(names), **facts)
        self.section = section


class SpeakingArgument(click.Argument):
    """An argument with a line in the help; what is missing is told with an example. `nargs` -1 is one or more."""

    def __init__(
        self, name: str, *, label: str, explained: str, example: str, required: bool = True, nargs: int = 1
    ) -> None:
        super().__init__([name], required=required, metavar=label, nargs=nargs)
        self.label = label
        self.explained = explained
        self.example = example


class SpeakingCommand(click.Command):
    """A command that speaks `language`. `appendix` is a section at the end of its help: a heading's key and rows."""

    def __init__(
        self,
        name: str,
        *,
        language: Language,
        explained: str,
        appendix: tuple[str, Sequence[tuple[str, str]]] = ("", ()),
        **facts: Any,
    ) -> None:
        settings = {"allow_extra_args": True, "help_option_names": [], "max_content_width": 100}
        super().__init__(
            name,
            help=explained,
            add_help_option=False,
            options_metavar=say("cli.help.options_metavar", language),
            context_settings=settings,
            **facts,
        )
        self.language = language
        self.appendix = appendix
        self.params.append(_help_option(language))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises: UsageError for what the parser cannot read and for words that are too many."""
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            raise as_our_error(error, ctx) from error
        if rest and not isinstance(self, click.Group):
            first = next((param for param in self.params if isinstance(param, SpeakingArgument)), None)
            words = " ".join([*([str(ctx.params[str(first.name)])] if first else []), *rest])
            if first is None:
                raise UsageError("error.cli.extra", words=words)
            raise UsageError("error.cli.extra_quote", command=ctx.command_path, words=words.replace('"', ""))
        return rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Usage, what it does, arguments, options under their headings, commands."""
        usage = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, usage, prefix=say("cli.help.usage", self.language) + " ")
        self.format_help_text(ctx, formatter)
        arguments = [(param.label, param.explained) for param in self.params if isinstance(param, SpeakingArgument)]
        self._write_section(formatter, "cli.section.arguments", arguments)
        if isinstance(self, click.Group):
            self._write_section(formatter, "cli.section.commands", self._command_rows(self, ctx))
        for heading, options in self._options_by_section(ctx).items():
            self._write_section(formatter, heading, options)
        self._write_section(formatter, *self.appendix)

    def _write_section(self, formatter: click.HelpFormatter, heading: str, rows: Sequence[tuple[str, str]]) -> None:
        if rows:
            with formatter.section(say(heading, self.language)):
                formatter.write_dl(rows)

    def _options_by_section(self, ctx: click.Context) -> Mapping[str, list[tuple[str, str]]]:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.params:
            record = param.get_help_record(ctx) if isinstance(param, SpeakingOption) else None
            if isinstance(param, SpeakingOption) and record:
                sections.setdefault(param.section, []).append(record)
        return sections

    @staticmethod
    def _command_rows(group: click.Group, ctx: click.Context) -> list[tuple[str, str]]:
        commands = ((name, group.get_command(ctx, name)) for name in group.list_commands(ctx))
        return [(name, command.help or "") for name, command in commands if command]


class SpeakingGroup(SpeakingCommand, click.Group):
    """A group whose commands are built when they are needed: `builders` makes each from the language."""

    def __init__(
        self,
        name: str,
        *,
        language: Language,
        explained: str,
        builders: Mapping[str, Callable[[Language], click.Command]],
        **facts: Any,
    ) -> None:
        super().__init__(
            name,
            language=language,
            explained=explained,
            subcommand_metavar=say("cli.help.command_metavar", language),
            invoke_without_command=True,
            callback=_show_help_without_command,
            **facts,
        )
        self.builders = builders

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.builders)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.builders[cmd_name](self.language) if cmd_name in self.builders else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises: UsageError with the nearest name for a command that there is not."""
        if args[0] not in self.builders:
            nearest = difflib.get_close_matches(args[0].casefold(), self.builders, 1, 0.0)[0]
            raise UsageError("error.cli.command", name=args[0], nearest=f"{ctx.command_path} {nearest}")
        return super().resolve_command(ctx, args)


def _help_option(language: Language) -> SpeakingOption:
    def show(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()

    return SpeakingOption(
        "--help",
        "-h",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=say("cli.help.help", language),
    )


def _show_help_without_command(**_values: Any) -> None:
    """A group alone shows what it can do; that was asked wrongly (exit code 2)."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def as_our_error(error: click.ClickException, ctx: click.Context | None = None) -> UsageError:
    """An error of click's parser as one of ours, which both languages can tell."""
    options = [param for param in ctx.command.params if isinstance(param, click.Option)] if ctx else []
    path = ctx.command_path if ctx else "colabsd"
    if isinstance(error, click.NoSuchOption):
        known = [name for option in options for name in option.opts if name.startswith("--")]
        nearest = difflib.get_close_matches(error.option_name, known, 1, 0.5)
        if nearest and error.option_name.startswith("--"):
            return UsageError("error.cli.option_near", option=error.option_name, nearest=nearest[0])
        return UsageError("error.cli.option", option=error.option_name, command=path)
    if isinstance(error, click.MissingParameter) and isinstance(error.param, SpeakingArgument):
        return UsageError("error.cli.argument", name=error.param.label, example=error.param.example)
    if isinstance(error, click.BadOptionUsage):
        flags = {name for option in options for name in option.opts if option.is_flag}
        key = "error.cli.value_too_many" if error.option_name in flags else "error.cli.value_missing"
        return UsageError(key, option=error.option_name)
    return UsageError("error.cli.other", reason=error.format_message(), command=path)
