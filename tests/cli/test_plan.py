"""`colabsd plan`: the plan and its memory, and nothing drawn."""

import json
from pathlib import Path

import pytest

from colabsd.cli.program import run


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home and a workspace of its own."""
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


def test_the_plan_is_told_with_its_reasons_and_nothing_is_drawn(environ, capsys):
    request = ["plan", "a red apple", "--size", "130x130", "--count", "3", "--seed", "7", "--device", "cpu"]
    assert run(request, environ) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith("Model starter, 128x128 pixels, DPM++ 2M")
    assert lines[1] == "Pictures: 3, 1 at a time, first seed 7"
    assert lines[2] == "On: cpu, fp32, attention sdpa"
    assert lines[3].startswith("Memory: about 0.")
    assert "130" in said.err and "128" in said.err  # the size that was changed, with its reason
    assert not (Path(environ["COLABSD_HOME"]) / "pictures").exists()


def test_it_speaks_spanish(environ, capsys):
    assert run(["plan", "una manzana roja", "--lang", "es", "--seed", "1"], environ) == 0
    out = capsys.readouterr().out
    assert "Imágenes: 1" in out and "Memoria: unos" in out and "pasos" in out


def test_a_script_gets_the_whole_plan(environ, capsys):
    assert run(["plan", "a red apple", "--seed", "7", "--json"], environ) == 0
    (told,) = [one for one in map(json.loads, capsys.readouterr().out.splitlines()) if one["type"] == "plan"]
    assert told["drawings"][0]["seed"] == 7
    assert set(told["bytes"]) == {"weights", "activations", "runtime", "ram"}
    assert min(told["bytes"][part] for part in ("weights", "activations", "runtime")) > 0


def test_what_cannot_be_is_told_without_a_plan(environ, capsys):
    assert run(["plan", "a red apple", "--size", "100000x100000"], environ) == 2
    assert "GB" in capsys.readouterr().err
