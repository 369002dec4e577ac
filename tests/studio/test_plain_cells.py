"""Plain cells: long work followed with printed lines and shown pictures, stopped by the notebook's own button."""

import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from colabsd.progress import Note, Progress
from colabsd.settings.images import ImageSettings
from colabsd.studio import Studio, open_studio
from colabsd.widgets import finish_what_waits, follow, show_generate
from colabsd.widgets.following import LINE_INTERVAL_S


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    opened = open_studio(tmp_path / "workspace", language="es", environ={"HOME": str(tmp_path)})
    with opened.library:
        yield opened


@pytest.fixture
def settings(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, count=3)


def test_pictures_are_shown_and_told(
    studio: Studio, settings: ImageSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Path] = []
    kept = follow(studio, studio.draw(settings), show=shown.append)
    assert [picture.path for picture in kept] == shown and len(shown) == 3
    told = capsys.readouterr().out
    assert [f"Semilla {seed} · 64x64" in told for seed in (7, 8, 9)] == [True] * 3


def test_pictures_can_be_taken_along_in_one_file(studio: Studio, settings: ImageSettings) -> None:
    follow(studio, studio.draw(settings), show=lambda path: None)
    for _ in range(2):  # the archive before is replaced: gigabytes must not pile up
        *_, note = studio.take_away()
    assert isinstance(note, Note) and note.key == "note.taken_away"
    with zipfile.ZipFile(note.facts["path"]) as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 3
    assert list(note.facts["path"].parent.iterdir()) == [note.facts["path"]]


def test_no_cell_is_silent_for_long_and_none_floods(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """Colab's command line gives a cell up that says nothing for 30 seconds."""
    clock = count(0.0, 0.5)
    follow(studio, (Progress(stage="denoise", done=n, total=99) for n in range(99)), clock=lambda: next(clock))
    lines = capsys.readouterr().out.splitlines()
    assert 5 <= len(lines) <= 99 * 3 * 0.5 / LINE_INTERVAL_S + 1


def test_interrupting_keeps_what_is_finished_and_says_how_to_go_on(
    studio: Studio, settings: ImageSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    follow(studio, studio.draw(settings), show=interrupted)
    assert studio.library.count() == 1
    assert "Terminar" in capsys.readouterr().out
    assert len(finish_what_waits(studio)) == 2
    assert studio.library.count() == 3


def test_nothing_to_finish_is_said(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    assert finish_what_waits(studio) == []
    assert capsys.readouterr().out == "No había nada pendiente.\n"


def test_work_that_is_stopped_is_closed(studio: Studio) -> None:
    closed = []

    def work() -> Iterator[Any]:
        try:
            yield Note("note.left", {})
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    assert follow(studio, work()) == [] and closed == [True]


def test_without_widgets_the_page_says_so(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("colabsd.widgets.find_spec", lambda name: None)
    assert show_generate(studio) is None
    assert "ipywidgets" in capsys.readouterr().out
