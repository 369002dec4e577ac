"""The page for training: photos, forecast, the training as it goes, what was left, and the new model at work."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_runs import small_pictures
from widget_tree import press, shown_html

from colabsd.library.adapters import KeptAdapter
from colabsd.studio import Studio
from colabsd.widgets.dreambooth_page import DreamboothPage
from colabsd.widgets.photo_files import EXAMPLE, keep_photo
from colabsd.widgets.training_here import train_here

HOSTILE = "../../<img src=x onerror=alert(1)>.png"


def visible(widget: Any) -> bool:
    return widget.layout.display != "none"


@pytest.fixture
def contents() -> list[tuple[str, bytes]]:
    import io

    files = []
    for number, picture in enumerate(small_pictures(3, 5)):
        file = io.BytesIO()
        picture.save(file, "PNG")
        files.append((f"{number}.png", file.getvalue()))
    return files


@pytest.fixture
def small(small_model_folder: Path) -> dict[str, Any]:
    """What makes a training short."""
    return {
        "subject": "roj",
        "class_word": "apple",
        "model": str(small_model_folder),
        "steps": 2,
        "resolution": 64,
        "rank": 2,
        "text_encoder": "off",
        "prior": "off",
        "sample_every": 0,
        "checkpoint_every": 1,
        "seed": 3,
    }


def test_opening_it_loads_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from colabsd.studio import open_studio;"
        "from colabsd.widgets.dreambooth_page import DreamboothPage;"
        f"studio = open_studio(Path({str(tmp_path)!r}) / 'w', environ={{'HOME': {str(tmp_path)!r}}});"
        "page = DreamboothPage(studio); page.photos.upload.take_example(); page.form.fill(class_word='dog');"
        "assert page.photos.chosen and page._forecast.value;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_said_before_the_button_is_pressed(studio: Studio, contents: Any) -> None:
    page = DreamboothPage(studio)
    assert page._remarks.value == page._forecast.value == ""
    page.photos.upload.take(contents)
    assert "colabsd-warning" in page._remarks.value, "what kind of thing it is was not said"
    page.form.fill(class_word="apple")
    assert "colabsd-info" in page._remarks.value and "≈" in page._forecast.value


def test_the_photos_that_come_along_bring_what_suits_them(studio: Studio) -> None:
    page = DreamboothPage(studio)
    press(page.photos.upload.example)
    assert page.photos.chosen is not None and len(page.photos.chosen.photos) == 5
    asked = page.form.read()
    assert {name: getattr(asked, name) for name in EXAMPLE} == dict(EXAMPLE)
    press(page.photos.upload.forget)
    assert page.photos.chosen is None and page.photos.upload.files() == []


def test_a_photo_keeps_a_harmless_form_of_its_name(tmp_path: Path) -> None:
    path = keep_photo(HOSTILE, b"1", tmp_path / "in")
    assert path.parent == tmp_path / "in" and "<" not in path.name
    other = keep_photo(HOSTILE, b"2", tmp_path / "in")
    assert other != path and path.read_bytes() == b"1"


@pytest.mark.integration
def test_it_trains_shows_and_draws_with_what_came_out(studio: Studio, contents: Any, small: dict[str, Any]) -> None:
    page = DreamboothPage(studio)
    page.photos.upload.take(contents)
    page.form.fill(**small)
    press(page.start)
    assert page.trained.adapter is not None, page.run_view._told.value
    assert visible(page.trained.root) and "&lt;lora:roj:0.8&gt;" in page.trained._said.value
    assert visible(page.view._curves) and bytes(page.view._curves.value).startswith(b"\x89PNG")
    assert [label for label, _ in page.trained.steps.options] == ["1", "2"]
    press(page.trained.open)
    (pictures,) = page.trained._page.children
    assert "<lora:roj:0.8>" in next(widget.value for widget in texts(pictures))


def texts(root: Any) -> list[Any]:
    from widget_tree import all_widgets

    return [widget for widget in all_widgets(root) if type(widget).__name__ == "Textarea"]


@pytest.mark.integration
def test_what_was_left_is_offered_and_goes_on(studio: Studio, contents: Any, small: dict[str, Any]) -> None:
    first = DreamboothPage(studio)
    first.photos.upload.take(contents)
    first.form.fill(**small)
    events = studio.train(first.form.read(), first.photos.chosen)
    next(event for event in events if type(event).__name__ == "TrainingReport")
    events.close()  # type: ignore[attr-defined]
    again = DreamboothPage(studio)
    assert visible(again._left) and "roj" in shown_html(again._left)
    (go_on,) = [widget for widget in again._left.children[0].children if type(widget).__name__ == "Button"]
    press(go_on)
    assert again.trained.adapter is not None and not visible(again._left)


@pytest.mark.integration
def test_a_mistake_is_told_on_the_page(studio: Studio, contents: Any) -> None:
    page = DreamboothPage(studio)
    press(page.start)
    assert "colabsd-error" in page.run_view._told.value, "there are no photos"


@pytest.mark.integration
def test_the_plain_cell_trains_on_the_photos_of_the_page(
    studio: Studio, contents: Any, small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    page = DreamboothPage(studio)
    page.photos.upload.take(contents)
    settings = {name: value for name, value in small.items() if name != "sample_every"}
    adapter = train_here(studio, samples=False, **settings)
    assert isinstance(adapter, KeptAdapter) and adapter.card.photos == 3
    assert "roj" in capsys.readouterr().out
