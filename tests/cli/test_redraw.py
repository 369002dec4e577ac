"""The command from a picture and a sentence to files."""

import json
from pathlib import Path

import pytest
from PIL import Image

from colabsd.cli.program import run
from colabsd.library.manifest import read_manifest

pytestmark = pytest.mark.integration


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "COLABSD_HOME": str(tmp_path / "workspace"), "LANG": "en", "COLUMNS": "200"}


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.effect_noise((64, 64), 60).save(path)
    return str(path)


def test_a_picture_and_a_sentence_become_a_picture(environ, small_model_folder, photo, capsys):
    model = ["-m", str(small_model_folder), "--steps", "3"]
    assert run(["redraw", photo, "a red apple", *model, "--strength", "0,5", "--exact-steps"], environ) == 0
    (path,) = capsys.readouterr().out.splitlines()
    drawing = read_manifest(Path(path)).drawing
    assert (drawing.prompt, drawing.strength, drawing.exact_steps) == ("a red apple", 0.5, True)
    assert run(["again", path, "--verify"], environ) == 0


def test_what_it_says_is_spanish_for_who_speaks_it(environ, small_model_folder, photo, capsys):
    arguments = ["redraw", photo, "manzana", "-m", str(small_model_folder), "--steps", "4", "--lang", "es"]
    assert run(arguments, environ) == 0
    assert "intensidad de 0.6" in capsys.readouterr().err
    assert run(["redraw", "--help", "--lang", "es"], environ) == 0
    told = capsys.readouterr().out
    assert "--strength" in told and "--mask" in told and "Intensidad" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "redraw"),
        (["nothing.png", "an apple"], "nothing.png"),
        (["PHOTO", "an apple", "--strength", "2"], "largest"),
        (["PHOTO", "an apple", "--mask", "nowhere.png"], "nowhere.png"),
    ],
)
def test_a_wrong_question_is_answered(environ, photo, capsys, arguments, words):
    arguments = [photo if one == "PHOTO" else one for one in arguments]
    assert run(["redraw", *arguments], environ) == 2
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told


def test_json_tells_what_the_picture_was_made_from(environ, small_model_folder, photo, capsys):
    assert run(["redraw", photo, "x", "-m", str(small_model_folder), "--steps", "2", "--json"], environ) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (picture,) = [one for one in told if one["type"] == "picture"]
    assert len(picture["source_sha256"]) == 64
