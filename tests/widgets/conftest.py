"""A studio with the small model, and the page on it. Widgets are looked at by their traits, without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets", minversion="7.7")

from colabsd.studio import Studio, open_studio
from colabsd.widgets.generate_page import GeneratePage


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    opened = open_studio(tmp_path / "workspace", language="es", environ=environ)
    with opened.library:
        yield opened


@pytest.fixture
def page(studio: Studio, small_model_folder: Path) -> GeneratePage:
    """The page, with the small model chosen: 64 pixels, two steps."""
    made = GeneratePage(studio)
    made.create.form.fill({"prompt": "red apple", "model": str(small_model_folder), "steps": 2, "seed": 7})
    return made
