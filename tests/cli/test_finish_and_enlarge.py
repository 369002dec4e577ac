"""The commands that finish drafts and that enlarge pictures."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from small_upscalers import compact, write_upscaler

from colabsd.cli.program import run
from colabsd.library.manifest import read_manifest

pytestmark = pytest.mark.integration


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "COLABSD_HOME": str(tmp_path / "workspace"), "LANG": "en", "COLUMNS": "200"}


@pytest.fixture
def drafts(environ, small_model_folder, capsys) -> list[str]:
    model = ["-m", str(small_model_folder), "--steps", "2", "--sampler", "Euler"]
    assert run(["generate", "a red apple", *model, "--seed", "7", "--count", "2"], environ) == 0
    return capsys.readouterr().out.splitlines()


def test_drafts_are_finished_and_compared(environ, drafts, capsys):
    assert run(["finish", *drafts, "--steps", "4"], environ) == 0
    told = capsys.readouterr()
    finals = told.out.splitlines()
    assert len(finals) == 2 and told.err.count("of 1.") == 2
    assert [read_manifest(Path(path)).drawing.steps for path in finals] == [4, 4]


def test_refining_is_asked_for_or_declined(environ, drafts, capsys):
    assert run(["finish", drafts[0], "--refine", "--json"], environ) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (pair,) = (event for event in events if event["type"] == "pair")
    assert pair["draft"].endswith(Path(drafts[0]).name) and -1 <= pair["similarity"] <= 1
    (kept,) = (event for event in events if event["type"] == "picture")
    assert kept["source_sha256"] and kept["steps"] == 2
    assert run(["finish", drafts[0], "--no-refine", "--steps", "3", "--lang", "es"], environ) == 0
    told = capsys.readouterr()
    assert "similitud" in told.err and not read_manifest(Path(told.out.strip())).drawing.source_sha256


@pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")
def test_a_picture_is_enlarged_by_a_file_or_its_name(environ, drafts, capsys, tmp_path):
    path = write_upscaler(tmp_path / "workspace" / "models" / "upscalers" / "mine.pth", compact(), "params")
    for upscaler in ([], ["--upscaler", str(path)], ["-u", "mine"], ["-u", "lanczos"]):
        assert run(["enlarge", *drafts, "--factor", "2", *upscaler], environ) == 0
        larger = capsys.readouterr().out.splitlines()
        assert len(larger) == 2
        with Image.open(larger[0]) as image:
            assert image.size == (128, 128)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["finish"], "colabsd finish 14"),
        (["finish", "nothing-of-this-name"], "nothing-of-this-name"),
        (["finish", "x", "--steps", "0"], "smallest"),
        (["enlarge"], "colabsd enlarge 14"),
        (["enlarge", "nothing-of-this-name"], "nothing-of-this-name"),
        (["enlarge", "x", "--factor", "3"], "2, 4, 8"),
        (["enlarge", "x", "--factor", "much"], "factor"),
    ],
)
def test_a_wrong_question_is_answered(environ, capsys, arguments, words):
    assert run(arguments, environ) == 2
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told


@pytest.mark.parametrize("command", ["finish", "enlarge"])
def test_a_file_that_was_not_drawn_here_is_told_from_a_wrong_name(environ, capsys, tmp_path, command):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    assert run([command, str(photo)], environ) == 2
    assert "redraw" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["finish", "enlarge"])
def test_help_is_there_in_both_languages(environ, capsys, command):
    for language, word in (("en", "Usage"), ("es", "Uso")):
        assert run([command, "--help", "--lang", language], environ) == 0
        assert word in capsys.readouterr().out
