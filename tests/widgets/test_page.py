"""The page: what is drawn, told, stopped, resumed, finished and found on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from widget_tree import press, shown_html

from colabsd.library.library import KeptPicture
from colabsd.settings.codec import settings_from_json
from colabsd.settings.images import ImageSettings
from colabsd.studio import Studio, open_studio
from colabsd.widgets.generate_page import GeneratePage

HOSTILE = '<img src=x onerror="alert(1)"> & <b>apple</b>'


@pytest.fixture
def asked(small_model_folder: Path) -> dict[str, Any]:
    return {"prompt": HOSTILE, "model": str(small_model_folder), "steps": 2, "seed": 7}


@pytest.fixture
def drawn(page: GeneratePage, asked: dict[str, Any]) -> GeneratePage:
    """The page after two pictures."""
    outcome = page.create.draw_with(asked | {"count": 2})
    assert len(outcome.results) == 2
    return page


def visible(widget: Any) -> bool:
    return widget.layout.display != "none"


def test_opening_it_loads_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from colabsd.studio import open_studio;"
        "from colabsd.widgets.generate_page import GeneratePage;"
        f"studio = open_studio(Path({str(tmp_path)!r}) / 'w', environ={{'HOME': {str(tmp_path)!r}}});"
        "page = GeneratePage(studio); page.create.form.controls['prompt'].input.value = 'a cat';"
        "page.open('gallery'); page.open('guide');"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_remark_the_length_and_a_forecast_follow_the_prompt(page: GeneratePage) -> None:
    prompt = page.create.form.controls["prompt"].input
    prompt.value = "a (cat"
    assert "colabsd-box" in page.create._remarks.value and "token" in page.create._length.value
    assert "≈" in page.create._forecast.value and "GB" in page.create._forecast.value
    prompt.value = "a cat"
    assert page.create._remarks.value == ""


def test_a_wrong_value_is_told_at_once_and_nothing_is_drawn(page: GeneratePage) -> None:
    page.create.form.controls["clip_skip"].input.value = "ninety"
    assert "colabsd-error" in page.create._remarks.value
    outcome = page.create.draw()
    assert outcome.error is not None and outcome.results == []
    assert "colabsd-error" in page.create.run_view._told.value


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"steps": "many"}, {"model": "no such model"}, {"no_such_setting": 1}, {"prompt": 3}]
)
def test_run_tells_what_is_wrong_and_raises_nothing(page: GeneratePage, wrong: dict[str, Any]) -> None:
    assert page.run(**wrong) == []
    assert "colabsd-error" in page.create.run_view._told.value


@pytest.mark.integration
def test_run_draws_as_the_button_does_and_the_form_shows_what_was_drawn(
    page: GeneratePage, asked: dict[str, Any]
) -> None:
    (kept,) = page.run(**asked)
    assert isinstance(kept, KeptPicture) and kept.path.is_file()
    assert page.create.form.read() == settings_from_json(ImageSettings, asked)
    press(page.create.generate)
    first, second = page.studio.library.list()
    assert first.key == second.key
    assert page.create.pictures.count == 1 and not page.create.generate.disabled


@pytest.mark.integration
def test_what_another_cell_drew_is_counted_and_shown(page: GeneratePage, asked: dict[str, Any]) -> None:
    page.open("gallery")
    before = page._status.value
    list(page.studio.draw(settings_from_json(ImageSettings, asked)))
    assert page._status.value == before
    page._after_cell()
    assert page._status.value != before and page.gallery.grid.count == 1


@pytest.mark.integration
def test_nothing_in_a_prompt_is_markup_anywhere_on_the_page(drawn: GeneratePage) -> None:
    page = drawn
    name = page.create.pictures.cells[0].shown.name  # type: ignore[union-attr]
    page.create._open(name)
    press(page.panel.buttons["page.manifest"])
    for room in ("gallery", "grid", "guide", "create"):
        page.open(room)
    page.gallery.query.value = HOSTILE
    page.create.use_settings(page.studio.library.list()[0])
    text = shown_html(page.root)
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text and "<b>apple" not in text


@pytest.mark.integration
def test_a_stop_keeps_what_is_finished_and_offers_the_rest(
    page: GeneratePage, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = page.studio.draw

    def stopped(settings: ImageSettings, **how: Any) -> Iterator[Any]:
        for event in draw(settings, **how):
            yield event
            if isinstance(event, KeptPicture):
                raise KeyboardInterrupt

    monkeypatch.setattr(page.studio, "draw", stopped)
    outcome = page.create.draw_with(asked | {"count": 2, "batch": 1})
    assert outcome.stopped and len(outcome.results) == 1
    assert visible(page.create._left) and page.create.pictures.count == 1
    again = GeneratePage(page.studio)
    assert visible(again.create._left), "a page that is opened anew offers it too"
    assert again.create.pictures.count == 1
    press(again.create._left.children[-1])
    assert not visible(again.create._left)
    assert [record.seed for record in page.studio.library.list()] == [8, 7]


@pytest.mark.integration
def test_one_press_finishes_the_ticked_drafts_and_shows_each_beside_its_draft(drawn: GeneratePage) -> None:
    create = drawn.create
    assert create.ticked.finish.disabled
    create.pictures.cells[0].tick.value = True
    press(create.ticked.finish)
    assert "colabsd-pair" in create._pairs.value
    assert len(drawn.studio.library.list()) == 3


@pytest.mark.integration
def test_a_ticked_picture_can_be_started_from(drawn: GeneratePage) -> None:
    create = drawn.create
    create.pictures.cells[1].tick.value = True
    press(create.ticked.start)
    assert create.start.path is not None and create.start.path.is_file()
    outcome = create.draw()
    assert len(outcome.results) == 2
    assert all(kept.picture.drawing.source_sha256 and kept.picture.parents for kept in outcome.results)


@pytest.mark.integration
def test_the_seed_of_the_last_picture_can_be_kept(drawn: GeneratePage) -> None:
    form = drawn.create.form
    press(form.new_seed)
    assert form.read().seed == -1
    press(form.keep_last_seed)
    assert form.read().seed == 8


@pytest.mark.integration
def test_one_picture_shows_its_manifest_gives_its_settings_is_drawn_again_and_deleted(drawn: GeneratePage) -> None:
    page, library = drawn, drawn.studio.library
    record = library.list()[0]
    page.open("gallery")
    page.gallery._open(page.gallery.grid.cells[0].shown.name)  # type: ignore[union-attr]
    panel = page.gallery_panel
    press(panel.buttons["page.manifest"])
    assert record.key[:12] in panel._manifest.value
    page.create.form.fill({"prompt": "something else"})
    press(panel.buttons["page.use_settings"])
    assert page.create.form.read().prompt == HOSTILE and page.create.form.read().seed == record.seed
    page.gallery._open(record.path.rpartition("/")[2])
    press(panel.buttons["page.draw_again"])
    assert library.count() == 3 and library.list()[0].key == record.key
    page.gallery._open(record.path.rpartition("/")[2])
    press(panel.buttons["page.delete"])
    assert library.count() == 3, "it is asked twice"
    panel._delete()
    assert library.count() == 2 and page.gallery.grid.count == 2


@pytest.mark.integration
def test_the_gallery_searches_stars_and_takes_along(drawn: GeneratePage) -> None:
    page = drawn
    page.open("gallery")
    gallery = page.gallery
    assert gallery.grid.count == 2
    press(gallery.grid.cells[0].star)
    gallery.only_starred.value = True
    assert gallery.grid.count == 1
    gallery.only_starred.value = False
    gallery.query.value = "seed:7"
    assert gallery.grid.count == 1
    gallery.query.value = "seed:"
    assert "colabsd-error" in gallery._told.value
    gallery.query.value = ""
    press(gallery.tick_all)
    press(gallery.take)
    assert "data:application/zip" in gallery._link.value
    press(gallery.delete)
    assert visible(gallery._sure)
    gallery._delete()
    assert gallery.grid.count == 0 and page.studio.library.count() == 0


@pytest.mark.integration
def test_the_page_begins_with_the_words_of_the_newest_picture(drawn: GeneratePage) -> None:
    newest = drawn.studio.library.list()[0]
    again = GeneratePage(drawn.studio)
    assert newest.prompt and again.create.form.controls["prompt"].input.value == newest.prompt


@pytest.mark.integration
def test_the_page_begins_with_the_model_that_was_drawn_with_last(drawn: GeneratePage, asked: dict[str, Any]) -> None:
    assert GeneratePage(drawn.studio).create.form.model == asked["model"]


def test_a_workspace_that_cannot_be_used_is_told_and_gives_no_page(tmp_path: Path) -> None:
    from colabsd.widgets.generate_page import show

    (tmp_path / "cache").write_text("no folder")
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    assert show(open_studio(tmp_path / "workspace", language="en", environ=environ)) is None


def test_only_one_room_is_shown(page: GeneratePage, studio: Studio) -> None:
    for room in ("gallery", "grid", "guide", "create"):
        page.open(room)
        assert [name for name, body in page._bodies.items() if visible(body)] == [room]


@pytest.mark.integration
def test_ticked_pictures_are_enlarged_and_the_originals_stay(drawn: GeneratePage) -> None:
    create = drawn.create
    create.pictures.cells[0].tick.value = True
    create.ticked.factor.value, create.ticked.upscaler.value = 2, "lanczos"
    press(create.ticked.enlarge)
    assert [record.width for record in drawn.studio.library.list()] == [128, 64, 64]
    assert not create.pictures.ticked()
