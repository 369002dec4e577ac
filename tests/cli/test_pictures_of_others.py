"""`colabsd again` and `colabsd library show` with pictures of other programs, in words and in JSON."""

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colabsd.cli.program import run

TEXT = (
    "red apple\nSteps: 2, Sampler: DPM++ 3M SDE, Schedule type: Exponential, CFG scale: 5, Seed: 42, Size: 64x64, "
    "Model: some_model, Face restoration: GFPGAN, Version: v1.10.1"
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home and a workspace of its own."""
    return {"HOME": str(tmp_path / "home"), "COLABSD_HOME": str(tmp_path / "workspace"), "LANG": "en", "COLUMNS": "200"}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    info = PngInfo()
    info.add_text("parameters", TEXT)
    Image.new("RGB", (64, 64)).save(tmp_path / "theirs.png", pnginfo=info)
    return tmp_path / "theirs.png"


def test_show_tells_the_program_the_settings_and_what_cannot_be_equal(environ, picture, capsys):
    assert run(["library", "show", str(picture)], environ) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Made by: A1111"
    assert lines[-1] == str(picture)
    assert {"Prompt: red apple", "Seed: 42", "Sampler: DPM++ 2M SDE", "Model: some_model"} <= set(lines)
    told = lines[lines.index("What cannot be equal here:") :]
    assert any("Sampler: DPM++ 3M SDE → DPM++ 2M SDE" in line for line in told)
    assert any("Face restoration: GFPGAN" in line for line in told)


def test_show_tells_it_in_spanish(environ, picture, capsys):
    assert run(["library", "show", str(picture), "--lang", "es"], environ) == 0
    text = capsys.readouterr().out
    assert text.startswith("Hecha con: A1111\n")
    assert "caras" in text and "muestreador" in text


def test_show_gives_every_fact_as_json(environ, picture, capsys):
    assert run(["library", "show", str(picture), "--json"], environ) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    imported = told[0]
    assert (imported["type"], imported["program"], imported["settings"]["seed"]) == ("imported", "A1111", 42)
    fates = {fact["name"]: fact["fate"] for fact in imported["facts"]}
    assert fates["Seed"] == "understood"
    assert fates["Sampler"] == "renamed"
    assert fates["Version"] == "ignored"
    assert fates["Face restoration"] == "impossible"
    assert {"note.import.sampler", "note.import.faces"} <= {note["key"] for note in told[1:]}


def test_show_still_says_when_there_is_no_such_picture(environ, picture, capsys):
    assert run(["library", "show", "nowhere.png"], environ) == 2
    assert "no picture" in capsys.readouterr().err
    assert run(["library", "show", str(picture.parent)], environ) == 2


def test_again_without_a_known_model_says_which_and_what_to_do(environ, picture, capsys):
    assert run(["again", str(picture)], environ) == 2
    told = capsys.readouterr().err
    assert "Made by A1111 with the model “some_model”." in told
    assert "GFPGAN" in told
    assert "--model" in told.splitlines()[-1]


@pytest.mark.integration
def test_again_with_a_model_draws_and_prints_the_path(environ, picture, small_model_folder, capsys):
    assert run(["again", str(picture), "--model", str(small_model_folder)], environ) == 0
    captured = capsys.readouterr()
    assert Path(captured.out.strip()).is_file()
    assert "expect another picture" in captured.err
    assert run(["again", str(picture), "-m", str(small_model_folder), "--json"], environ) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["program"] for one in told if one["type"] == "imported"] == ["A1111"]
    (drawn,) = [one for one in told if one["type"] == "picture"]
    assert (drawn["seed"], drawn["noise"], drawn["sampler"]) == (42, "nv", "DPM++ 2M SDE")


@pytest.mark.integration
def test_verify_compares_a_picture_of_another_program(environ, picture, small_model_folder, capsys):
    assert run(["again", str(picture), "--verify", "-m", str(small_model_folder)], environ) == 1
    assert capsys.readouterr().out.startswith("Different: ")


@pytest.mark.integration
def test_show_reads_a_picture_of_ours_that_this_library_does_not_know(environ, small_model_folder, tmp_path, capsys):
    options = ["-m", str(small_model_folder), "--steps", "1", "-s", "7", "-o", str(tmp_path / "other"), "--quiet"]
    assert run(["generate", "red apple", *options], environ) == 0
    drawn = capsys.readouterr().out.strip()
    assert run(["library", "show", drawn], environ) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Made by: colabsd"
    assert {"Prompt: red apple", "Seed: 7", "Noise source: cpu"} <= set(lines)
    assert lines[-1] == drawn
    assert "What cannot be equal here:" not in lines
