"""The grid of photos: crops moved, captions written, photos left out; five hundred are pages; nothing obeys a name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from photo_files import REAL, opened
from PIL import Image
from widget_tree import all_widgets, press, shown_html

from colabsd.training.photos import PhotoSet, read_photos
from colabsd.widgets.photo_grid import PAGE, PhotoGrid


@pytest.fixture(scope="module")
def six() -> PhotoSet:
    *_, chosen = read_photos([REAL], side=256)
    return chosen


@pytest.fixture
def seen() -> list[PhotoSet]:
    return []


@pytest.fixture
def grid(six: PhotoSet, seen: list[PhotoSet]) -> Iterator[PhotoGrid]:
    made = PhotoGrid("en", seen.append)
    made.show(six)
    yield made


def names(grid: PhotoGrid) -> list[str]:
    return [cell.photo.name for cell in grid.cells if cell.photo is not None]


def test_every_photo_is_shown_with_its_picture(grid, seen):
    assert names(grid) == [path.name for path in sorted(REAL.glob("*.jpg"))]
    images = [widget for widget in all_widgets(grid.root) if type(widget).__name__ == "Image"]
    assert all(bytes(image.value).startswith(b"\xff\xd8") for image in images) and len(images) == 6
    assert "nothing to mend" in shown_html(grid.root) and seen == []


def test_what_is_wrong_is_written_under_the_photo(grid, six):
    grid.show(PhotoSet(photos=six.photos, side=512).checked())
    html = shown_html(grid.root)
    assert html.count("Too small") == 6 and "6 with something to mend" in html


def test_a_photo_is_left_out_and_its_file_stays(grid, seen, six):
    path = six.photos[0].path
    press(grid.cells[0].leave_out)
    assert seen[-1].facts.count == 5 and names(grid)[0] == six.photos[1].name and path.exists()
    for _ in range(5):
        press(grid.cells[0].leave_out)
    assert seen[-1].photos == () and names(grid) == []


def test_a_caption_is_written_by_hand_or_from_the_names_and_taken_away(grid, seen):
    grid.cells[1].caption.value = "a backpack\nin the wood"
    assert seen[-1].photos[1].caption == "a backpack in the wood"
    press(grid.name_captions)
    assert [photo.caption for photo in seen[-1].photos][:3] == ["backpack", "a backpack in the wood", "clock"]
    assert not list(REAL.glob("*.txt"))
    press(grid.clear_captions)
    assert {photo.caption for photo in seen[-1].photos} == {""}


def test_a_crop_is_moved_made_smaller_and_chosen_again(grid, seen, tmp_path):
    wide = Image.new("RGB", (800, 400), "grey")
    wide.paste(opened("dog-00").resize((400, 400)), (400, 0))
    wide.save(tmp_path / "wide.jpg")
    *_, chosen = read_photos([tmp_path], side=64)
    grid.show(chosen)
    automatic = chosen.photos[0].crop
    press(grid.cells[0].crop)
    panel = grid.cropping
    assert panel is not None and panel.root in list(all_widgets(grid.root))
    panel.across.value = 0
    assert seen[-1].photos[0].crop.box == (0, 0, 400, 400) and seen[-1].photos[0].crop.by == "chosen"
    panel.share.value = 50
    assert seen[-1].photos[0].crop.size.width == 200
    panel.across.value = panel.down.value = 100
    assert seen[-1].photos[0].crop.box == (600, 200, 800, 400)
    press(panel.automatic)
    assert seen[-1].photos[0].crop == automatic
    press(panel.done)
    assert panel.root not in list(all_widgets(grid.root))


def test_opening_a_crop_changes_nothing(grid, seen):
    for cell in grid.cells:
        press(cell.crop)
    assert seen == []


def test_another_shape_gives_all_photos_other_crops(grid, seen):
    grid.shape.value = "3:4"
    assert {photo.crop.size.width for photo in seen[-1].photos} == {288}
    grid.shape.value = "own"
    assert {photo.crop.size.width for photo in seen[-1].photos} == {384}


def test_many_photos_are_pages_of_the_same_cells(six, seen):
    from dataclasses import replace

    many = tuple(replace(six.photos[place % 6], name=f"{place:03d}.jpg") for place in range(100))
    grid = PhotoGrid("es", seen.append)
    grid.show(PhotoSet(photos=many, side=256))
    assert len(grid.cells) == PAGE and names(grid)[0] == "000.jpg" and grid.newer.disabled
    for _ in range(4):
        press(grid.older)
    assert names(grid) == [f"{place:03d}.jpg" for place in range(96, 100)] and grid.older.disabled
    assert len(grid.cells) == PAGE


def test_names_and_captions_are_text_and_nothing_else(six, seen):
    from dataclasses import replace

    wicked = "<img src=x onerror=alert(1)>.jpg"
    photo = replace(six.photos[0], name=wicked, caption="<script>", proposed="<b>")
    grid = PhotoGrid("en", seen.append)
    grid.show(PhotoSet(photos=(photo,), side=512).checked())
    press(grid.cells[0].crop)
    html = shown_html(grid.root)
    assert "<img src=x" not in html and "<script>" not in html and "&lt;img src=x" in html


def test_a_photo_whose_file_is_gone_is_shown_without_its_picture(six, seen):
    from dataclasses import replace

    grid = PhotoGrid("en", seen.append)
    gone = replace(six.photos[0], path=Path("/nowhere.jpg"))
    grid.show(PhotoSet(photos=(gone, *six.photos[1:]), side=256))
    assert names(grid)[0] == six.photos[0].name
    press(grid.cells[0].crop)


def test_no_photos_show_nothing(grid):
    grid.show(None)
    assert names(grid) == [] and grid.chosen is None
    grid.shape.value = "3:4"
    press(grid.name_captions)


def test_the_room_tells_what_is_wrong_with_all_and_the_grid_the_rest(studio, seen):
    from colabsd.widgets.photo_room import PhotoRoom

    called: list[bool] = []
    room = PhotoRoom(studio, lambda: called.append(True))
    assert room.chosen is None
    room.upload.take([("a.jpg", (REAL / "dog-00.jpg").read_bytes()), ("b.jpg", b"no photo")])
    assert called and room.chosen is not None and room.chosen.facts.count == 1
    html = shown_html(room.root)
    assert "sola foto" in html and "no es una foto" in html
    press(room.grid.cells[0].leave_out)
    assert room.chosen is None
