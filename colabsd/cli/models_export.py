"""`colabsd models export`: a model as one safetensors file, for other programs."""

from contextlib import closing
from pathlib import Path

import click

from colabsd.cli.console import Console
from colabsd.cli.follow import STOPPED, tell_progress
from colabsd.cli.models_keeping import opened_cache
from colabsd.cli.options import folder_option, general_options
from colabsd.cli.progress import progress_line
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand, SpeakingOption
from colabsd.language import Language, say
from colabsd.progress import Progress

EXAMPLE = "colabsd models export starter starter.safetensors"


def build_export(language: Language) -> click.Command:
    """`colabsd models export` in a language."""
    return SpeakingCommand(
        "export",
        language=language,
        explained=say("cli.models.export.help", language),
        callback=export,
        params=[
            SpeakingArgument(
                "name",
                label=say("cli.metavar.name", language),
                explained=say("cli.models.show.name", language),
                example=EXAMPLE,
            ),
            SpeakingArgument(
                "path",
                label=say("cli.metavar.file", language),
                explained=say("cli.models.export.path", language),
                example=EXAMPLE,
            ),
            SpeakingOption(
                "--half", is_flag=True, section="cli.section.files", help=say("cli.models.export.half", language)
            ),
            SpeakingOption(
                "--vae",
                metavar=say("cli.metavar.text", language),
                section="cli.section.files",
                help=say("field.vae.help", language),
            ),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def export(console: Console, /, *, name: str, path: str, half: bool, vae: str | None, folder: Path | None) -> int:
    """Write the file and print its path. Ctrl-C leaves nothing behind."""
    from colabsd.studio.exporting import export_model

    line = progress_line(console.language, console.width, console.environ)
    work = export_model(name, Path(path).expanduser(), opened_cache(console, folder), half=half, vae=vae)
    try:
        with closing(work):
            while True:
                event = next(work)
                if isinstance(event, Progress):
                    tell_progress(event, line, console)
                else:
                    line.clear()
                    console.tell(event.key, **event.facts)
    except StopIteration as end:
        line.clear()
        if console.as_json:
            console.write_json("model", path=str(end.value))
        else:
            console.result(str(end.value))
        return 0
    except KeyboardInterrupt:
        line.clear()
        raise click.exceptions.Exit(STOPPED) from None
    finally:
        line.clear()
