"""`colabsd photos`: checked, cropped, captioned, looked at, kept and erased from the command line."""

import io
import json
import shutil
from pathlib import Path

import pytest
from photo_files import REAL

from colabsd.cli.program import run


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mine = tmp_path / "my dog"
    mine.mkdir()
    for path in REAL.glob("dog*.jpg"):
        shutil.copy(path, mine / f"my happy {path.name}")
    return mine


def test_check_says_what_is_wrong_and_writes_nothing(environ, folder, capsys):
    assert run(["photos", "check", str(folder), "--model", "sd15"], environ) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].startswith("!  my happy dog-00.jpg  384x384")
    assert "2 photos, 2 with something to mend" in said.out and "too small" in said.err
    assert len(list(folder.iterdir())) == 2


def test_check_speaks_spanish_and_json(environ, folder, capsys):
    assert run(["photos", "check", str(folder), "--lang", "es"], environ) == 0
    assert "pocas" in capsys.readouterr().err
    assert run(["photos", "check", str(folder), "--json"], environ) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    photos = [row for row in rows if row["type"] == "photo"]
    assert len(photos) == 2 and photos[0]["crop"] == [0, 0, 384, 384] and rows[-1]["count"] == 2


def test_crops_are_written_into_a_new_folder(environ, folder, tmp_path, capsys):
    to = tmp_path / "new"
    assert run(["photos", "crop", str(folder), "--to", str(to), "--size", "96", "--shape", "3:4"], environ) == 0
    assert capsys.readouterr().out.splitlines() == [str(path) for path in sorted(to.iterdir())]
    assert run(["photos", "crop", str(folder), "--to", str(to), "--size", "96"], environ) != 0
    assert run(["photos", "crop", str(folder)], environ) == 2
    assert "--to" in capsys.readouterr().err


def test_a_sheet_is_one_picture(environ, folder, tmp_path, capsys):
    assert run(["photos", "sheet", str(folder), "--to", str(tmp_path / "s.jpg")], environ) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "s.jpg")
    assert (tmp_path / "s.jpg").read_bytes().startswith(b"\xff\xd8")


def test_captions_are_proposed_set_and_taken_away(environ, folder, capsys):
    assert run(["photos", "caption", str(folder), "--propose"], environ) == 0
    assert "my happy dog" in capsys.readouterr().out
    texts = sorted(folder.glob("*.txt"))
    assert [text.read_text().strip() for text in texts] == ["my happy dog"] * 2
    assert run(["photos", "caption", str(folder), "--set", "my happy dog-00.jpg=a dog = joy"], environ) == 0
    assert texts[0].read_text().strip() == "a dog = joy" and texts[1].read_text().strip() == "my happy dog"
    assert run(["photos", "caption", str(folder), "--set", "no such=x"], environ) == 2
    assert run(["photos", "caption", str(folder), "--all", ""], environ) == 0
    assert not list(folder.glob("*.txt")) and len(list(folder.glob("*.jpg"))) == 2


def test_a_set_is_kept_listed_and_erased_only_when_that_is_meant(environ, folder, capsys, monkeypatch):
    assert run(["photos", "keep", str(folder)], environ) == 0
    name = capsys.readouterr().out.strip()
    assert run(["photos", "list"], environ) == 0
    assert capsys.readouterr().out.startswith(name)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes"))
    assert run(["photos", "erase", name], environ) == 0
    assert "Nothing was erased" in capsys.readouterr().err
    assert run(["photos", "erase", name, "--yes"], environ) == 0
    assert run(["photos", "list"], environ) == 0
    assert "No photos are kept" in capsys.readouterr().err


def test_what_is_not_there_is_told(environ, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for asked in ("/nowhere", str(tmp_path / "empty")):
        assert run(["photos", "check", asked], environ) == 2
        assert asked in capsys.readouterr().err
    assert run(["photos", "check", "x", "--kind", "cat"], environ) == 2
