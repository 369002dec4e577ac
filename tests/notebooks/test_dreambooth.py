"""The notebook for training: cells few and short, the same in both languages; it trains and draws unattended."""

import importlib.util
import re
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [ROOT / "notebooks" / name for name in ("dreambooth.ipynb", "dreambooth.es.ipynb")]


def shared() -> types.ModuleType:
    """What the tests of the other notebook know of notebooks."""
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
        named = re.sub(r"\b(adapter|resultado)\b", "made", text)
        return str(BOOKS.shape(named))

    english, spanish = ([shape(cell) for cell in BOOKS.code(path)] for path in NOTEBOOKS)
    assert english == spanish


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_form_parameters_are_plain_values_on_one_line(path: Path) -> None:
    lines = [line for cell in BOOKS.code(path) for line in cell.splitlines() if "@param" in line]
    assert len(lines) >= 8
    plain = re.compile(r'\w+ = (".*"|-?\d+|True|False)  # @param [\[{].*[\]}]')
    assert [line for line in lines if not plain.fullmatch(line)] == []


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_it_trains_and_draws_unattended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without photos: a taste on those that come along."""
    monkeypatch.setenv("COLABSD_LANG", "es")
    ran = BOOKS.run(NOTEBOOKS[1], tmp_path, monkeypatch)
    assert (tmp_path / "workspace" / "models" / "loras" / "sks.safetensors").is_file()
    assert len(list((tmp_path / "workspace" / "pictures").rglob("*.png"))) == 1
    assert "caniche" in BOOKS.told(ran), "no photos were given: it says which it takes"
