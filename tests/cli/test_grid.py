"""`colabsd grid`: what it takes is said first, paths of pictures and sheets come out, mistakes have a way out."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from colabsd.cli.program import run
from colabsd.library.sheet_files import read_sheet


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


def objects(text: str, type_: str) -> list[dict]:
    return [told for told in map(json.loads, text.splitlines()) if told["type"] == type_]


def test_a_dry_run_says_how_many_and_how_long_and_writes_nothing(environ, tmp_path, capsys):
    axes = ["--axis", "steps=4,8", "--axis", "sampler=Euler a,LMS", "--axis", "seed=1-3"]
    assert run(["grid", "a red apple", *axes, "--dry-run"], environ) == 0
    told = capsys.readouterr().out
    assert "steps: 4 | 8" in told and "sampler: Euler a | LMS" in told and "seed: 1 | 2 | 3" in told
    assert "2 x 2 cells; sheets: 3; different pictures: 12, 0 of them" in told
    assert "about" in told
    assert not (tmp_path / "workspace").exists()


def test_a_dry_run_in_json_is_one_object(environ, capsys):
    assert run(["grid", "a red apple", "--study", "sampler", "--dry-run", "--json"], environ) == 0
    (told,) = objects(capsys.readouterr().out, "grid")
    assert (told["columns"], told["rows"], told["sheets"], told["pictures"]) == (6, 6, 2, 72)
    assert told["seconds"] > 0
    assert [axis["setting"] for axis in told["axes"]] == ["steps", "sampler", "seed"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "one to three axes"),
        (["--axis", "stps=1,2"], "Did you mean steps"),
        (["--axis", "steps"], "steps=10,20,30"),
        (["--axis", "steps=0"], "--steps"),
        (["--axis", "steps=1-50", "--axis", "seed=1-50"], "2,500 cells"),
        (["--axis", "words=pear|plum"], "does not stand in the prompt"),
        (["--axis", "steps=1", "--axis", "steps=2"], "two axes"),
        (["--study", "seeds"], "sampler, words, probe"),
        (["--study", "probe"], "--axis words=apple"),
        (["--axis", "sampler=Euler,Oiler"], "Euler"),
        (["--axis", "steps=1,2", "--count", "3"], "--count"),
    ],
)
def test_a_mistake_is_told_with_a_way_out(environ, capsys, arguments, told):
    assert run(["grid", "a red apple", *arguments], environ) == 2
    captured = capsys.readouterr()
    assert told in captured.err and "Traceback" not in captured.err
    assert run(["grid", "a red apple", *arguments, "--lang", "es"], environ) == 2
    assert capsys.readouterr().err != captured.err


def test_the_help_has_examples_in_both_languages(environ, capsys):
    for language, example in (("en", "steps across, samplers down"), ("es", "los pasos a lo ancho")):
        assert run(["grid", "--help", "--lang", language], environ) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert example in told and "--axis steps=10,20,30" in told


@pytest.mark.integration
def test_paths_of_pictures_come_first_and_the_sheet_last(environ, small_model_folder, capsys):
    model = ["-m", str(small_model_folder), "--size", "64x64"]
    arguments = ["grid", "red apple", *model, "--axis", "steps=1,2", "--axis", "guidance=1", "--title", "Mine"]
    assert run(arguments, environ) == 0
    captured = capsys.readouterr()
    *pictures, sheet = map(Path, captured.out.splitlines())
    assert len(pictures) == 2 and all(path.parent.parent.name == "pictures" for path in pictures)
    assert sheet.parent.name == "sheets"
    data = read_sheet(sheet)
    assert data is not None and data["grid"]["title"] == "Mine"
    assert "2 x 1 cells; sheets: 1" in captured.err

    assert run([*arguments, "--json", "--seed", "3"], environ) == 0
    told = capsys.readouterr().out
    (made,) = objects(told, "sheet")
    assert [cell["place"] for cell in made["cells"]] == [[0, 0, 0], [1, 0, 0]]
    assert len(objects(told, "picture")) == 2


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_killed_grid_is_finished_by_resume_as_if_nothing_had_happened(small_model_folder, tmp_path):
    environ = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "COLABSD_LANG": "en"}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    model = ["-m", str(small_model_folder), "--size", "64x64", "--seed", "7"]
    ask = ["grid", "red apple", *model, "--axis", "steps=1-6", "--axis", "sampler=Euler,LMS,Euler a"]

    def command(folder: Path, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "colabsd", *arguments, "--output", str(folder)]

    def pictures(folder: Path) -> list[Path]:
        return sorted((folder / "pictures").rglob("*.png"))

    def cells(folder: Path) -> list[tuple[str, bytes]]:
        (sheet,) = (folder / "sheets").glob("*.png")
        data = read_sheet(sheet)
        assert data is not None
        found = []
        for cell in data["cells"]:
            with Image.open(folder / cell["path"]) as image:
                found.append((cell["key"], image.convert("RGB").tobytes()))
        return found

    subprocess.run(command(whole, *ask), env=environ, check=True, capture_output=True, timeout=300)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(broken, *ask), env=environ, **quiet) as process:
        while len(pictures(broken)) < 4 and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert 4 <= len(pictures(broken)) < 18
    done = subprocess.run(
        command(broken, "resume"), env=environ, check=True, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines()[-1].endswith(".png")
    assert len(pictures(broken)) == len(pictures(whole)) == 18
    assert cells(broken) == cells(whole)
    again = subprocess.run(command(broken, "resume"), env=environ, check=True, capture_output=True, text=True)
    assert "Nothing is left to draw" in again.stderr
