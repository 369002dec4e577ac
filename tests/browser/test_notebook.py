"""A person at the notebook, in a real browser: from nothing to a final picture that is found again.

Screenshots of every step go to the folder that COLABSD_SCREENSHOTS names, else beside the test's files.
"""

import importlib.metadata
import os
import re
from collections.abc import Iterator
from pathlib import Path

import jupyter_browser
import pytest
from jupyter_browser import Page

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
DRAWN_S = 300.0  # for two small pictures on a machine with other work
HARMLESS = re.compile("favicon|ResizeObserver|_xsrf|404")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    absent = jupyter_browser.missing()
    if absent:
        pytest.skip(f"needs {', '.join(absent)}: see `make browser-test`")
    folder = tmp_path_factory.mktemp("browser")
    shots = Path(os.environ.get("COLABSD_SCREENSHOTS", folder / "shots"))
    variables = {"COLABSD_HOME": str(folder / "workspace"), "HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    if not list(importlib.metadata.distributions(name="colabsd")):  # a checkout that was not installed
        known = folder / "known" / "colabsd-0.dist-info"
        known.mkdir(parents=True)
        (known / "METADATA").write_text("Metadata-Version: 2.1\nName: colabsd\nVersion: 0\n")
        variables["PYTHONPATH"] = f"{folder / 'known'}:{ROOT}"
    with jupyter_browser.opened(ROOT / "notebooks" / "generate.es.ipynb", folder, shots, **variables) as opened:
        opened.workspace = folder / "workspace"  # type: ignore[attr-defined]
        yield opened


def kept(page: Page) -> list[Path]:
    """The picture files that are kept."""
    found = (page.workspace / "pictures").rglob("*.png")  # type: ignore[attr-defined]
    return sorted(found)


def wait_drawn(page: Page, limit_s: float) -> None:
    """Until what a press began is finished: the large button says again what it is for."""
    page.wait(page.button("Dibujando…"), 30)
    page.wait(page.button("Generar"), limit_s)
    page.wait_idle(30)


def test_run_all_shows_the_page_and_a_picture(page: Page) -> None:
    """No kernel is asked for, no error is shown, and the cell without widgets has drawn."""
    page.run_all()
    page.wait_idle(DRAWN_S)
    page.shot("run-all")
    assert page.page.locator(".jp-Dialog").count() == 0
    assert [asked for asked in page.dialogs if "kernel" in asked.casefold()] == []
    assert "Traceback" not in page.outputs()
    assert "¡Hola!" in page.outputs() and page.button("Generar").count() == 1
    assert len(kept(page)) == 1


def test_a_spanish_sentence_becomes_two_pictures(page: Page) -> None:
    page.type("Prompt", "un pingüino, estilo plano, fondo amarillo")
    page.slide("Imágenes", "2")
    page.wait_idle(60)
    page.shot("typed")
    page.button("Generar").click()
    page.wait(page.page.get_by_text(re.compile(r"paso \d+/\d+")), DRAWN_S)
    page.shot("drawing")
    wait_drawn(page, DRAWN_S)
    page.shot("drawn")
    assert len(kept(page)) == 3
    assert page.pictures().count() == 2


def test_ticked_drafts_become_finals_beside_them(page: Page) -> None:
    for number in range(2):
        page.button("Elegir").nth(number).click()
    page.wait_idle(30)
    page.shot("ticked")
    page.button("Versión final").click()
    wait_drawn(page, 2 * DRAWN_S)
    page.shot("finals")
    assert len(kept(page)) == 5
    assert page.outputs().count("Borrador ·") == page.outputs().count("Final ·") == 2
    assert "parecido" in page.outputs()


def test_the_gallery_finds_them_and_a_star_stays(page: Page) -> None:
    page.button("Galería").click()
    page.wait_idle(60)
    page.shot("gallery")
    assert page.pictures().count() == 5
    search = page.page.locator("input[placeholder^='Buscar']:visible")
    search.fill("pingüino")
    search.press("Enter")
    page.wait_idle(60)
    assert page.pictures().count() == 4
    page.button("☆").first.click()
    page.wait_idle(30)
    search.fill("favorita")
    search.press("Enter")
    page.wait_idle(60)
    page.shot("starred")
    assert page.pictures().count() == 1


@pytest.mark.parametrize(("room", "seen"), [("Comparar", "Dibujar comparación"), ("Guía", "Semilla")])
def test_the_other_rooms_open(page: Page, room: str, seen: str) -> None:
    page.button(room).click()
    page.wait_idle(60)
    page.shot(room.lower())
    assert seen in page.outputs()


def test_interrupting_keeps_what_is_finished_and_offers_the_rest(page: Page) -> None:
    page.button("Crear").click()
    page.slide("Imágenes", "4")
    page.slide("Pasos", "40")
    page.wait_idle(60)
    before = len(kept(page))
    page.button("Generar").click()
    page.wait(page.page.get_by_text(re.compile("imagen 2 de 4")), DRAWN_S)
    page.interrupt()
    page.wait(page.button("Generar"), 60)
    page.wait_idle(30)
    page.shot("interrupted")
    assert before < len(kept(page)) < before + 4
    assert "Traceback" not in page.outputs()
    page.button("Dibujar lo que falta").click()
    wait_drawn(page, 4 * DRAWN_S)
    page.shot("resumed")
    assert len(kept(page)) == before + 4


def test_running_the_cell_again_shows_the_true_state(page: Page) -> None:
    """So it is after the browser was closed and opened again."""
    page.run_cell(2)
    page.wait_idle(120)
    page.shot("again")
    assert f"Imágenes en tu biblioteca: {len(kept(page))}" in page.outputs()
    assert page.pictures().count() >= 1


def test_the_browser_had_nothing_to_complain_of(page: Page) -> None:
    assert [error for error in page.errors if not HARMLESS.search(error)] == []
