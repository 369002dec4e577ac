"""The notebook for films: cells few and short, the same in both languages; it draws a film unattended."""

import importlib.util
import re
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [ROOT / "notebooks" / name for name in ("video.ipynb", "video.es.ipynb")]


def shared() -> types.ModuleType:
    """What the tests of the first notebook know of notebooks."""
    spec = importlib.util.spec_from_file_location("test_generate", Path(__file__).with_name("test_generate.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BOOKS = shared()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_cells_are_few_and_short(path: Path) -> None:
    cells = BOOKS.code(path)
    assert len(cells) <= BOOKS.MOST_CELLS
    long = [cell for cell in cells if len(list(filter(str.strip, cell.splitlines()))) > BOOKS.MOST_LINES]
    assert long == []


def test_both_languages_do_the_same() -> None:
    def shape(text: str) -> str:
        return str(BOOKS.shape(re.sub(r"\b(film|video) = (film_here|finish_films)", r"made = \2", text)))

    english, spanish = ([shape(cell) for cell in BOOKS.code(path)] for path in NOTEBOOKS)
    assert english == spanish


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_form_parameters_are_plain_values_on_one_line(path: Path) -> None:
    lines = [line for cell in BOOKS.code(path) for line in cell.splitlines() if "@param" in line]
    assert len(lines) >= 7
    plain = re.compile(r'\w+ = (".*"|-?\d+|True|False)  # @param [\[{].*[\]}]')
    assert [line for line in lines if not plain.fullmatch(line)] == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_it_draws_a_film_unattended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six frames by the embedded model, and the film under its cell."""
    pytest.importorskip("imageio_ffmpeg")
    book = BOOKS.run(NOTEBOOKS[1], tmp_path, monkeypatch)
    films = list((tmp_path / "workspace" / "films").rglob("*.mp4"))
    assert len(films) == 1 and str(films[0]) in BOOKS.told(book)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert any("<video" in output.get("data", {}).get("text/html", "") for output in outputs)
