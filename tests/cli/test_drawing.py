"""The command from a sentence to files, drawn with a small model of random weights."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from colabsd.cli.program import run

pytestmark = pytest.mark.integration

PATIENCE_S = 240


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home and a workspace of its own."""
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


def objects(text: str, type_: str) -> list[dict]:
    return [told for told in map(json.loads, text.splitlines()) if told["type"] == type_]


def test_a_sentence_becomes_pictures_whose_paths_are_stdout(environ, small_model_folder, tmp_path, capsys):
    folder = tmp_path / "my pictures"
    model = str(small_model_folder)
    assert run(["generate", "red apple", "-m", model, "-c", "2", "--steps", "2", "-o", str(folder)], environ) == 0
    captured = capsys.readouterr()
    paths = [Path(line) for line in captured.out.splitlines()]
    assert len(paths) == 2
    assert all(path.is_file() and path.is_relative_to(folder) and path.suffix == ".png" for path in paths)
    assert "Drawing" in captured.err
    assert "\r" not in captured.err and "\x1b" not in captured.err  # a pipe gets plain lines
    assert run(["resume", "-o", str(folder)], environ) == 0
    assert "Nothing is left to draw." in capsys.readouterr().err


def test_an_empty_prompt_draws_and_says_so(environ, small_model_folder, capsys):
    arguments = ["generate", "", "-m", str(small_model_folder), "--steps", "1", "-s", "-1", "--lang", "es"]
    assert run(arguments, environ) == 0
    captured = capsys.readouterr()
    assert Path(captured.out.strip()).is_file()
    assert "El prompt está vacío" in captured.err


def test_a_picture_is_drawn_again_and_compared(environ, small_model_folder, capsys):
    run(["generate", "red apple", "-m", str(small_model_folder), "--steps", "2", "--quiet"], environ)
    picture = capsys.readouterr().out.strip()
    assert run(["again", picture, "--verify"], environ) == 0
    assert capsys.readouterr().out == "Equal: all 4096 pixels are the same.\n"
    assert run(["again", Path(picture).stem, "--json"], environ) == 0
    (again,) = objects(capsys.readouterr().out, "picture")
    assert again["path"] != picture
    assert Path(again["path"]).is_file()


def test_a_prompt_of_any_script_is_read_from_stdin_and_listed_harmlessly(
    environ, small_model_folder, capsys, monkeypatch
):
    prompt = "תפוח אדום 🍎 \x1b[31m りんご"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{prompt}\n".encode())))
    monkeypatch.setenv("COLUMNS", "200")
    options = ["-m", str(small_model_folder), "--steps", "1", "--json", "--format", "webp", "-s", "7"]
    assert run(["generate", "-", *options], environ) == 0
    text = capsys.readouterr().out
    (picture,) = objects(text, "picture")
    assert picture["path"].endswith(".webp")
    assert (picture["seed"], picture["prompt"]) == (7, prompt.replace("\x1b", ""))
    assert "note.control_characters" in [note["key"] for note in objects(text, "note")]
    assert objects(text, "progress")

    assert run(["library", "list"], environ) == 0
    listed = capsys.readouterr().out
    assert "りんご" in listed and "\x1b" not in listed
    assert run(["library", "search", "りんご seed:7", "--json"], environ) == 0
    assert objects(capsys.readouterr().out, "picture")[0]["path"] == picture["path"]
    assert run(["library", "show", Path(picture["path"]).stem], environ) == 0
    assert capsys.readouterr().out.splitlines()[-1] == picture["path"]


def test_a_changed_file_is_found(environ, small_model_folder, capsys):
    run(["generate", "red apple", "-m", str(small_model_folder), "--steps", "1", "--quiet"], environ)
    picture = Path(capsys.readouterr().out.strip())
    assert run(["library", "verify"], environ) == 0
    picture.write_bytes(b"something else")
    capsys.readouterr()
    assert run(["library", "verify", "--lang", "es"], environ) == 1
    assert "Ha cambiado desde que se guardó" in capsys.readouterr().out
    assert run(["library", "rebuild", "--json"], environ) == 0
    assert objects(capsys.readouterr().out, "rebuilt")[0]["pictures"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--steps", "0"], "--steps is 0, and the smallest it can be is 1."),
        (["--steps", "1000000000"], "the largest it can be is 1,000."),
        (["--width", "-8"], "--width is -8"),
        (["--guidance", "nan"], "--guidance must be a number"),
        (["--seed", "99999999999999999999"], "18,446,744,073,709,551,615"),
        (["--sampler", "Oiler"], "The nearest is “Euler"),
        (["--size", "100000x100000"], "GB"),
    ],
)
def test_a_setting_that_cannot_be_is_told_before_anything_is_drawn(
    environ, small_model_folder, capsys, arguments, told
):
    assert run(["generate", "x", "-m", str(small_model_folder), *arguments], environ) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert not captured.out
    assert not Path(environ["COLABSD_HOME"]).exists()


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_ctrl_c_keeps_what_is_finished_and_resume_draws_the_rest(environ, small_model_folder, capsys):
    count = 8
    arguments = ["generate", "red apple", "-m", str(small_model_folder), "-c", str(count), "--steps", "12", "--quiet"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "colabsd", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": root, "OMP_NUM_THREADS": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    kept = [Path(line) for line in (first + rest).splitlines()]
    assert 1 <= len(kept) < count
    assert all(path.is_file() for path in kept)
    assert error == f"Stopped. Pictures kept: {len(kept)}. To draw the rest: colabsd resume\n"

    assert run(["resume", "--quiet"], environ) == 0
    others = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert len({*kept, *others}) == count
    assert run(["resume"], environ) == 0
    assert "Nothing is left to draw." in capsys.readouterr().err
