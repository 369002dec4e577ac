"""The command `colabsd` itself: its nouns and verbs, and what becomes of every error. Loads a noun when it is used."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TextIO

import click

from colabsd import __version__
from colabsd.cli.console import Console
from colabsd.cli.options import general_options
from colabsd.cli.speaking import SpeakingGroup, SpeakingOption, as_our_error
from colabsd.errors import ColabsdError
from colabsd.language import Language, say

PROGRAM = "colabsd"
NOUNS = (
    "generate",
    "redraw",
    "prompt",
    "plan",
    "grid",
    "again",
    "finish",
    "enlarge",
    "resume",
    "train",
    "video",
    "avatars",
    "photos",
    "library",
    "models",
    "doctor",
)
FAILED, STOPPED = 1, 130


def build_program(language: Language) -> SpeakingGroup:
    """The whole command in a language."""
    return SpeakingGroup(
        PROGRAM,
        language=language,
        explained=say("cli.program.help", language),
        builders={name: _builder(name) for name in NOUNS},
        params=[*general_options(language), _version_option(language)],
    )


def _builder(name: str) -> Callable[[Language], click.Command]:
    def build(language: Language) -> click.Command:
        command: click.Command = import_module(f"colabsd.cli.{name}").build(language)
        return command

    return build


def _version_option(language: Language) -> SpeakingOption:
    def show(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
        if asked:
            click.echo(f"{PROGRAM} {__version__}")
            ctx.exit()

    return SpeakingOption(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=say("cli.option.version", language),
    )


def run(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run one command line to its exit code. No traceback leaves this function unless `--debug` asks for it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    console = Console.from_arguments(given, environ)
    sys.stdout, sys.stderr = (_open_to_anything(stream) for stream in (sys.stdout, sys.stderr))
    try:
        with _terminated_as_interrupted():
            code = _run(given, console)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _leave_broken_pipe()
        return FAILED
    except KeyboardInterrupt:  # a second one, while the first was told
        return STOPPED


def _run(arguments: list[str], console: Console) -> int:
    """Raises: BrokenPipeError, nothing else."""
    program = build_program(console.language)
    try:
        with program.make_context(PROGRAM, arguments, obj=console) as ctx:
            result = program.invoke(ctx)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        return _tell(as_our_error(error), console)
    except ColabsdError as error:
        return _tell(error, console)
    except KeyboardInterrupt:
        console.tell_always("cli.interrupted")
        return STOPPED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _tell(_explain(error), console)


def _tell(error: ColabsdError, console: Console) -> int:
    """Tell an error; with `--debug` the traceback first."""
    if console.debug:
        import traceback

        traceback.print_exc(file=sys.stderr)
    console.tell_error(error)
    return error.exit_code


def _explain(error: Exception) -> ColabsdError:
    """An error that nobody foresaw, as a short sentence that says how to report it."""
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(PROGRAM):
        return ColabsdError("error.cli.package_missing", name=error.name.partition(".")[0])
    if isinstance(error, MemoryError):
        return ColabsdError("error.cli.out_of_memory")
    first_line = (str(error).strip().splitlines() or [""])[0][:200]
    return ColabsdError("error.cli.unexpected", type=type(error).__name__, reason=first_line)


def _open_to_anything(stream: TextIO | None) -> TextIO:
    """The stream, writing what its encoding lacks as escapes instead of failing; nowhere when it was closed (`>&-`)."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if stream.errors == "strict" and isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _leave_broken_pipe() -> None:
    """Nobody reads any more: give what is still buffered to nobody, so that Python's exit is silent too."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nobody, stream.fileno())
    os.close(nobody)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Within it SIGTERM stops the work as Ctrl-C does: at the next step, with everything finished kept."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not on the main thread: whoever runs it there stops it their own way
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
