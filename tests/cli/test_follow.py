"""Long work followed to its end: what goes to stdout, what to stderr, and what an interrupt leaves."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from colabsd.artifacts import Picture
from colabsd.cli.console import Console
from colabsd.cli.follow import Outcome, follow, resume_command
from colabsd.errors import StorageError
from colabsd.library.library import KeptPicture
from colabsd.library.record import Record
from colabsd.planning.plans import Drawing, Execution, Note
from colabsd.progress import Progress
from colabsd.studio import Comparison

DRAWING = Drawing(
    prompt="a red apple",
    negative_prompt="",
    model="starter",
    model_sha256="0" * 64,
    width=128,
    height=128,
    sampler="Euler a",
    schedule="Automatic",
    steps=4,
    guidance=5.0,
    clip_skip=1,
    seed=7,
)
STEP = Progress(stage="denoise", done=1, total=4)
NOTE = Note("note.size_snapped", {"asked": "1x1", "size": "8x8", "multiple": 8})


def kept(path: str) -> KeptPicture:
    record = Record(
        path=path,
        sha256="0" * 64,
        bytes=1,
        key=DRAWING.key,
        created=datetime(2026, 11, 24, tzinfo=timezone.utc),  # noqa: UP017
        job="job",
        index=0,
        **{name: getattr(DRAWING, name) for name in Record.__annotations__ if hasattr(DRAWING, name) and name != "key"},
    )
    return KeptPicture(Picture(image=None, drawing=DRAWING, execution=Execution()), Path("/w") / path, record)  # type: ignore[arg-type]


def run(events: Iterator, *, left: int = 0, **how: object) -> Outcome:
    studio = SimpleNamespace(unfinished=lambda: [None] * left, workspace=SimpleNamespace(root=Path("/w")))
    return follow(events, Console(environ={}, **how), studio, "colabsd resume")  # type: ignore[arg-type]


def work(*events: object, ends: BaseException | None = None) -> Iterator:
    yield from events
    if ends:
        raise ends


def test_paths_go_to_stdout_and_everything_else_to_stderr(capsys):
    outcome = run(work(NOTE, STEP, kept("a.png"), STEP, kept("b.png")))
    captured = capsys.readouterr()
    assert outcome.pictures == 2
    assert captured.out == "/w/a.png\n/w/b.png\n"
    assert "8x8" in captured.err and "Drawing" in captured.err


def test_quiet_leaves_only_the_paths(capsys):
    run(work(NOTE, STEP, kept("a.png")), quiet=True)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("/w/a.png\n", "")


def test_json_is_one_object_per_line_on_stdout(capsys):
    run(work(NOTE, STEP, kept("a.png")), as_json=True, language="es")
    captured = capsys.readouterr()
    note, step, picture = (json.loads(line) for line in captured.out.splitlines())
    assert note["type"] == "note" and note["key"] == NOTE.key and "8x8" in note["text"]
    assert step == {"type": "progress", "stage": "denoise", "done": 1, "total": 4, "item": 0, "items": 1}
    assert picture["type"] == "picture" and picture["path"] == "/w/a.png" and picture["seed"] == 7
    assert not captured.err


def test_an_interrupt_says_what_is_kept_and_how_to_go_on(capsys):
    with pytest.raises(click.exceptions.Exit) as left:
        run(work(STEP, kept("a.png"), ends=KeyboardInterrupt()), left=1)
    assert left.value.exit_code == 130
    captured = capsys.readouterr()
    assert captured.out == "/w/a.png\n"
    assert captured.err.endswith("Stopped. Pictures kept: 1. To draw the rest: colabsd resume\n")


def test_an_interrupt_promises_no_rest_where_there_is_none(capsys):
    with pytest.raises(click.exceptions.Exit):
        run(work(ends=KeyboardInterrupt()), left=0, quiet=True, language="es")
    assert capsys.readouterr().err == "Detenido. Imágenes guardadas: 0.\n"


def test_an_error_after_the_first_picture_says_what_is_kept(capsys):
    with pytest.raises(StorageError):
        run(work(kept("a.png"), ends=StorageError("error.storage.full", path="/w")))
    assert "Pictures kept before the error: 1." in capsys.readouterr().err


def test_the_work_is_closed_however_it_ends():
    closed = []

    def endless() -> Iterator:
        try:
            yield STEP
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(click.exceptions.Exit):
        run(endless())
    assert closed == [True]


def test_a_comparison_is_handed_back():
    comparison = Comparison(path=Path("a.png"), pixels=4, differing_pixels=0, largest_difference=0)
    assert run(work(STEP, comparison)).comparison is comparison


def test_the_command_that_goes_on_names_the_folder_that_was_asked_for():
    assert resume_command(None) == "colabsd resume"
    assert resume_command(Path("/my pictures")) == "colabsd resume --output '/my pictures'"
