"""Ten thousand pictures are pages, and every page is the same widgets again."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from widget_tree import all_widgets, press

from colabsd.library.record import Record
from colabsd.widgets.gallery import PAGE, Gallery, link_html
from colabsd.widgets.picture_panel import PicturePanel, PictureVerbs
from colabsd.widgets.thumbnails import grey_picture

COUNT = 10_000


def record(number: int) -> Record:
    return Record(
        path=f"pictures/2026-11-24/{number:06d}.png",
        sha256="0" * 64,
        bytes=1,
        key="0" * 64,
        created=datetime(2026, 11, 24, tzinfo=UTC),
        job="job",
        index=0,
        prompt=f"picture {number}",
        negative_prompt="",
        model="starter",
        sampler="Euler",
        schedule="Automatic",
        steps=20,
        guidance=2.0,
        width=128,
        height=128,
        seed=number,
    )


class ManyPictures:
    """A library that remembers how much was asked of it at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def count(self, query: str = "") -> int:
        return COUNT if not query else 0

    def search(self, query: str, limit: int, offset: int) -> list[Record]:
        self.asked.append((query, limit, offset))
        return [record(number) for number in range(offset, min(offset + limit, self.count(query)))]

    def thumbnail(self, record: Record) -> bytes:
        return grey_picture()


def made() -> tuple[Gallery, ManyPictures]:
    library = ManyPictures()
    studio: Any = SimpleNamespace(language="en", library=library, place=SimpleNamespace(colab=None))
    verbs = PictureVerbs(
        use_settings=print,
        draw_again=print,
        start_from=print,
        deleted=print,  # type: ignore[arg-type]
    )
    return Gallery(studio, PicturePanel(studio, verbs)), library


def test_a_page_asks_for_no_more_than_it_shows_and_takes_no_more_widgets_than_the_first() -> None:
    gallery, library = made()
    gallery.show()
    before = len(list(all_widgets(gallery.root)))
    press(gallery.older)
    press(gallery.older)
    assert library.asked == [("", PAGE, 0), ("", PAGE, PAGE), ("", PAGE, 2 * PAGE)]
    assert len(list(all_widgets(gallery.root))) == before
    assert "49–72" in gallery._place.value and "10,000" in gallery._place.value


def test_the_first_page_has_none_before_it_and_the_last_none_behind() -> None:
    gallery, _ = made()
    gallery.show()
    assert gallery.newer.disabled and not gallery.older.disabled
    gallery.show(10**6)
    assert gallery.grid.count == COUNT % PAGE and gallery.older.disabled and not gallery.newer.disabled


def test_a_search_begins_on_its_first_page_and_may_find_nothing() -> None:
    gallery, library = made()
    gallery.show(5 * PAGE)
    gallery.query.value = "<b>nothing"
    assert gallery.grid.count == 0 and library.asked[-1] == ("<b>nothing", PAGE, 0)
    assert "&lt;b&gt;nothing" in gallery._place.value


def test_a_large_file_is_named_and_not_put_into_the_page(tmp_path: Any, monkeypatch: Any) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK")
    assert "data:application/zip" in link_html(path, "Save")
    monkeypatch.setattr("colabsd.widgets.gallery.LARGEST_LINK", 1)
    assert "data:" not in link_html(path, "Save") and str(path) in link_html(path, "Save")
