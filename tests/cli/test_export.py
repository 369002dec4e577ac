"""`colabsd models export`: a file that other programs read, and a clear word when it cannot be."""

import json
from pathlib import Path

import pytest

from colabsd.cli.program import run
from colabsd.models.file_cards import read_file_card

pytestmark = pytest.mark.integration


def test_a_model_becomes_one_file_and_its_path_is_printed(
    tmp_path: Path, small_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path), "LANG": "es_ES.UTF-8"}
    path = tmp_path / "small.safetensors"
    assert run(["models", "export", str(small_model_folder), str(path)], environ) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert read_file_card(path, "small").family == "sd1"
    assert run(["models", "export", str(small_model_folder), str(path)], environ) == 1
    assert "nunca se sobrescribe" in capsys.readouterr().err
    half = tmp_path / "half.safetensors"
    assert run(["models", "export", str(small_model_folder), str(half), "--half", "--json", "--quiet"], environ) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["path"] == str(half)
    assert half.stat().st_size < 0.7 * path.stat().st_size
    assert run(["models", "export", str(small_model_folder), str(tmp_path / "x.ckpt")], environ) == 2
    assert ".safetensors" in capsys.readouterr().err


def test_the_list_of_models_tells_a_single_file_by_its_path(
    tmp_path: Path, small_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"HOME": str(tmp_path), "LANG": "en_GB.UTF-8"}
    path = tmp_path / "small.safetensors"
    assert run(["models", "export", str(small_model_folder), str(path), "--quiet"], environ) == 0
    assert run(["models", "show", str(path)], environ) == 0
    assert "sd1" in capsys.readouterr().out
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(path.read_bytes()[:-5])
    assert run(["models", "show", str(broken)], environ) == 1
    assert "bytes instead of" in capsys.readouterr().err
