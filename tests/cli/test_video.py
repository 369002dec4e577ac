"""`colabsd video`: what it takes is said first, paths come out, settings files are explained, mistakes too."""

import json
from pathlib import Path

import pytest
from small_films import write_clip

from colabsd.cli.program import run


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


def film(small_model_folder: Path, *more: str) -> list[str]:
    size = ["--width", "64", "--height", "64", "--steps", "2", "--seed", "3"]
    return ["video", "render", "0: an apple", "2: a tree", "--model", str(small_model_folder), *size, *more]


def objects(text: str, type_: str) -> list[dict]:
    return [told for told in map(json.loads, text.splitlines()) if told["type"] == type_]


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(environ, tmp_path, small_model_folder, capsys):
    assert run(film(small_model_folder, "--max-frames", "40", "--dry-run"), environ) == 0
    told = capsys.readouterr().err
    assert "40 frames of 64x64, 40 of them drawn" in told and "about" in told
    assert not (tmp_path / "workspace").exists()


@pytest.mark.integration
def test_a_film_is_rendered_listed_found_and_measured(environ, tmp_path, small_model_folder, capsys):
    asked = film(small_model_folder, "--max-frames", "4", "--name", "first", "--animation-mode", "2d", "--make-webp")
    assert run(asked, environ) == 0
    told = capsys.readouterr()
    paths = told.out.splitlines()
    assert paths == [str(tmp_path / "workspace/films/first" / name) for name in ("first.mp4", "first.webp")]
    assert "Film first" in told.err and "4 frames of 64x64" in told.err

    for command in (["video", "list"], ["library", "films"], ["library", "films", "TREE"]):
        assert run(command, environ) == 0
        line = capsys.readouterr().out
        assert "first" in line and "an apple" in line and paths[0] in line
    assert run(["library", "films", "pear"], environ) == 0
    assert capsys.readouterr().out == ""

    assert run(["video", "check", paths[0]], environ) == 0
    assert "4 frames at 15 a second" in capsys.readouterr().out
    assert run(["video", "encode", "first", "--fps", "30", "--json"], environ) == 0
    (clip,) = objects(capsys.readouterr().out, "clip")
    assert (clip["frames"], clip["fps"], Path(clip["path"]).name) == (4, 30, "first-2.mp4")
    assert run(["video", "resume"], environ) == 0
    assert "No film is left" in capsys.readouterr().err
    assert run(["library", "space"], environ) == 0
    assert "films" in capsys.readouterr().out


@pytest.mark.integration
def test_spanish_says_the_same(environ, small_model_folder, capsys):
    asked = film(small_model_folder, "--max-frames", "2", "--name", "corta", "--lang", "es")
    assert run(asked, environ) == 0
    told = capsys.readouterr()
    assert "2 fotogramas de 64x64" in told.err and "Vídeo corta" in told.err
    assert run(["video", "--help", "--lang", "es"], environ) == 0
    assert "Vídeos" in capsys.readouterr().out


def test_a_settings_file_is_explained_checked_and_written_again(environ, tmp_path, capsys):
    settings = {
        "W": 128,
        "H": 128,
        "animation_mode": "2D",
        "max_frames": 12,
        "zoom": "0: (1.02)",
        "seed": 5,
        "prompts": {"0": "a red apple"},
        "cn_1_enabled": True,
        "strange_key": 1,
        "sampler": "Euler a",
        "steps": 8,
    }
    (tmp_path / "settings.txt").write_text(json.dumps(settings))
    assert run(["video", "check", str(tmp_path / "settings.txt")], environ) == 0
    told = capsys.readouterr()
    assert "keys understood" in told.out and "unknown: strange_key" in told.out
    assert "Every schedule can be drawn" in told.out and "12 frames of 128x128" in told.err
    out = tmp_path / "again.txt"
    assert run(["video", "import", str(tmp_path / "settings.txt"), "--to", str(out)], environ) == 0
    assert json.loads(out.read_text())["zoom"] == "0: (1.02)"
    assert run(["video", "import", str(tmp_path / "settings.txt"), "--to", str(out)], environ) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["render", "an apple", "--zoom", "0: (0)"], "zoom"),
        (["render", "an apple", "--zoom", "0: (1 +"], "zoom"),
        (["render", "an apple", "--zoom", "5: (1)"], "zoom"),
        (["render", "an apple", "--animation-mode", "4D"], "4D"),
        (["render", "x", "--animation-mode", "Video Input", "--video-init-path", "no.mp4"], "no.mp4"),
        (["check", "no.txt"], "no.txt"),
        (["encode", "none"], "none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_told_before_anything_is_written(arguments, told, environ, tmp_path, capsys):
    assert run(["video", *arguments], environ) in (1, 2)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "workspace" / "films").exists()


def test_every_schedule_that_is_wrong_is_told_in_a_line_of_its_own(environ, capsys):
    assert run(["video", "render", "an apple", "--zoom", "5: (1)", "--angle", "0: (foo)"], environ) == 2
    first, *each = capsys.readouterr().err.strip().splitlines()
    assert "2 schedules" in first
    assert [line[:2] for line in each] == ["- ", "- "]
    assert "zoom" in "".join(each) and "foo" in "".join(each)


def test_a_video_is_measured(environ, tmp_path, capsys):
    write_clip(tmp_path / "clip.mp4", [number / 10 for number in range(10)])
    assert run(["video", "check", str(tmp_path / "clip.mp4"), "--json"], environ) == 0
    (told,) = objects(capsys.readouterr().out, "film")
    assert told["frames"] == 10 and told["figures"]["change"] > 0
