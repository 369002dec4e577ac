"""`colabsd library star`, `unstar`, `delete` and `export`, and the pages of `list` and `search`."""

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colabsd.artifacts import Picture
from colabsd.cli.program import run
from colabsd.library.library import open_library
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.workspace import open_workspace


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home and a workspace of its own."""
    return {"HOME": str(tmp_path / "home"), "COLABSD_HOME": str(tmp_path / "workspace"), "LANG": "en", "COLUMNS": "200"}


@pytest.fixture
def pictures(environ: dict[str, str]) -> list[Path]:
    """Five kept pictures that nobody drew, seeds 0 to 4."""
    drawings = tuple(
        Drawing(
            prompt=f"apple number {seed}",
            negative_prompt="",
            model="starter",
            model_sha256="a" * 64,
            width=64,
            height=64,
            sampler="Euler a",
            schedule="Automatic",
            steps=20,
            guidance=7.5,
            clip_skip=1,
            seed=seed,
        )
        for seed in range(5)
    )
    plan = ImagePlan(drawings=drawings, batches=tuple((seed,) for seed in range(5)), execution=Execution())
    with open_library(open_workspace(None, environ)) as library:
        job = library.start_job({}, plan.as_json(), "png")
        with library.lock_job(job):
            kept = [
                library.keep(
                    Picture(
                        image=Image.new("RGB", (64, 64), (seed, 0, 0)),
                        drawing=drawings[seed],
                        execution=plan.execution,
                        index=seed,
                    ),
                    job,
                )
                for seed in range(5)
            ]
            library.finish_job(job)
    return [one.path for one in kept]


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


def objects(text: str, kind: str) -> list[dict[str, Any]]:
    return [found for found in map(json.loads, text.splitlines()) if found["type"] == kind]


def seeds(environ: dict[str, str], capsys: Any, *command: str) -> list[int]:
    assert run(["library", *command, "--json"], environ) == 0
    return [found["seed"] for found in objects(capsys.readouterr().out, "picture")]


def test_stars_are_given_searched_shown_and_taken_away(environ, pictures, capsys):
    assert run(["library", "star", pictures[1].stem, str(pictures[3])], environ) == 0
    assert capsys.readouterr().err == "Pictures with a star now: 2.\n"
    assert seeds(environ, capsys, "search", "starred") == [3, 1]
    assert run(["library", "list"], environ) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["★" in line for line in lines] == [False, True, False, True, False]
    assert run(["library", "show", pictures[1].stem], environ) == 0
    assert "Starred: ★" in capsys.readouterr().out
    assert run(["library", "unstar", pictures[1].stem, "--lang", "es"], environ) == 0
    assert capsys.readouterr().err == "Imágenes que ya no son favoritas: 1.\n"
    assert seeds(environ, capsys, "search", "favorita") == [3]
    assert run(["library", "star", pictures[0].stem, "--json"], environ) == 0
    assert objects(capsys.readouterr().out, "star") == [{"type": "star", "path": str(pictures[0]), "starred": True}]


def test_of_several_names_all_get_a_star_or_none(environ, pictures, capsys):
    assert run(["library", "star", pictures[1].stem, "nothing.png"], environ) == 2
    assert "nothing.png" in capsys.readouterr().err
    assert seeds(environ, capsys, "search", "starred") == []


def test_pages_tell_how_to_see_the_next_one(environ, pictures, capsys):
    assert run(["library", "list", "--limit", "2"], environ) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert captured.err == "Shown: 2 of 5. The next ones: --offset 2\n"
    assert seeds(environ, capsys, "list", "--limit", "2", "--offset", "4") == [0]
    assert run(["library", "search", "apple", "--offset", "3"], environ) == 0
    captured = capsys.readouterr()
    assert (len(captured.out.splitlines()), captured.err) == (2, "")
    assert run(["library", "list", "--offset", "-1"], environ) == 2
    assert "--offset" in capsys.readouterr().err


def test_a_deletion_without_yes_is_refused_where_nobody_can_answer(environ, pictures, capsys):
    for options in ([], ["--json"]):
        assert run(["library", "delete", pictures[0].stem, *options], environ) == 2
        captured = capsys.readouterr()
        assert "--yes" in captured.err + captured.out
    assert all(path.exists() for path in pictures)


@pytest.mark.parametrize(
    ("answer", "language", "deleted"),
    [("yes\n", "en", True), ("sí\n", "es", True), ("S\n", "es", True), ("no\n", "en", False), ("", "en", False)],
)
def test_on_a_terminal_it_asks(environ, pictures, capsys, monkeypatch, answer, language, deleted):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    names = [path.stem for path in pictures[:2]]
    assert run(["library", "delete", *names, "--lang", language], environ) == 0
    told = capsys.readouterr().err
    assert ("Pictures to be deleted: 2" if language == "en" else "Imágenes que se van a borrar: 2") in told
    assert [path.exists() for path in pictures] == [not deleted, not deleted, True, True, True]


def test_with_yes_it_deletes_and_tells_what(environ, pictures, capsys):
    size = pictures[2].stat().st_size
    assert run(["library", "delete", pictures[2].stem, "--yes", "--json"], environ) == 0
    told = capsys.readouterr().out
    assert objects(told, "deleted") == [{"type": "deleted", "path": str(pictures[2]), "bytes": size}]
    assert [found["stage"] for found in objects(told, "progress")] == ["delete"]
    assert run(["library", "delete", pictures[3].stem, "-y"], environ) == 0
    assert "Pictures deleted: 1" in capsys.readouterr().err
    assert seeds(environ, capsys, "list") == [4, 1, 0]
    assert run(["library", "delete", pictures[2].stem, "--yes"], environ) == 2
    assert run(["library", "rebuild", "--json"], environ) == 0
    assert objects(capsys.readouterr().out.splitlines()[-1], "rebuilt")[0]["pictures"] == 3


def test_pictures_are_exported_by_name_and_by_query(environ, pictures, capsys, tmp_path):
    target = tmp_path / "some.zip"
    assert run(["library", "export", pictures[0].stem, pictures[1].stem, "--to", str(target)], environ) == 0
    assert capsys.readouterr().out == f"{target}\n"
    with zipfile.ZipFile(target) as archive:
        assert [name.endswith(path.name) for name, path in zip(archive.namelist(), pictures, strict=False)] == [
            True
        ] * 2
    command = ["library", "export", "--query", "seed:>2", "--to", str(tmp_path / "b.zip"), "--with-text", "--json"]
    assert run(command, environ) == 0
    assert objects(capsys.readouterr().out, "exported")[0]["pictures"] == 2
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert sorted(Path(name).suffix for name in archive.namelist()) == [".png", ".png", ".txt", ".txt"]


@pytest.mark.parametrize(
    "options", [[], ["--to", "x.zip"], ["--query", "apple"], ["name", "--query", "apple", "--to", "x.zip"]]
)
def test_an_export_without_pictures_or_a_place_shows_an_example(environ, pictures, capsys, options):
    assert run(["library", "export", *options], environ) == 2
    assert "colabsd library export --query starred --to best.zip" in capsys.readouterr().err


def test_an_export_of_nothing_writes_nothing(environ, pictures, capsys, tmp_path):
    assert run(["library", "export", "--query", "plum", "--to", str(tmp_path / "x.zip")], environ) == 0
    assert "plum" in capsys.readouterr().err
    assert not (tmp_path / "x.zip").exists()


def test_a_name_with_controls_is_shown_harmlessly(environ, pictures, capsys):
    """Somebody put a copy into the folder under a name that a terminal would obey."""
    (pictures[0].parent / "\x1b[31mred.png").write_bytes(pictures[0].read_bytes())
    assert run(["library", "rebuild"], environ) == 0
    assert run(["library", "verify"], environ) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err and "red.png" in captured.out
