"""Cropped copies and contact sheets are new files; nothing that is there is written over."""

import numpy as np
import pytest
from photo_files import REAL, real
from PIL import Image

from colabsd.errors import StorageError
from colabsd.geometry import Size
from colabsd.sheets.photos import ON_A_SHEET, PhotoCell, draw_photo_sheets, lit_crop
from colabsd.training.captions import read_caption
from colabsd.training.photo_copies import Copied, copy_crops, save_sheets
from colabsd.training.photo_sheets import photo_sheets
from colabsd.training.photos import read_photos
from colabsd.training.shapes import shapes_of


@pytest.fixture(scope="module")
def chosen():
    *_, found = read_photos([REAL], side=256)
    return found


def test_copies_have_the_crop_the_size_and_the_caption(chosen, tmp_path):
    from dataclasses import replace

    named = chosen.with_photo(replace(chosen.photos[0], caption="a backpack"))
    done = [event for event in copy_crops(named, tmp_path / "new", 128, "png") if isinstance(event, Copied)]
    assert [copy.path.name for copy in done] == [f"{path.stem}.png" for path in sorted(REAL.glob("*.jpg"))]
    assert read_caption(done[0].path) == "a backpack" and read_caption(done[1].path) == ""
    with Image.open(done[0].path) as image:
        assert np.array_equal(np.asarray(image), np.asarray(chosen.photos[0].image(Size(128, 128))))


def test_buckets_make_copies_of_their_shapes(chosen, tmp_path):
    shaped = chosen.cropped(shapes_of("3:2", [photo.size for photo in chosen.photos], chosen.side))
    done = [event for event in copy_crops(shaped, tmp_path, 128, "jpg") if isinstance(event, Copied)]
    assert {copy.size for copy in done} == {Size(160, 104)}


def test_nothing_is_written_over(chosen, tmp_path):
    (tmp_path / "dog-00.png").write_bytes(b"mine")
    with pytest.raises(StorageError):
        list(copy_crops(chosen, tmp_path, 64))
    assert [path.name for path in tmp_path.iterdir()] == ["dog-00.png"]


def test_photos_of_one_name_and_two_endings_become_two_copies(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.jpg").write_bytes(real("dog-00").read_bytes())
    with Image.open(real("dog-02")) as image:
        image.save(source / "a.png")
    *_, two = read_photos([source], side=128)
    done = [event.path.name for event in copy_crops(two, tmp_path / "new", 64) if isinstance(event, Copied)]
    assert done == ["a.png", "a-2.png"]


def test_a_contact_sheet_shows_every_photo_with_its_problems_in_both_languages(chosen, tmp_path):
    small = type(chosen)(photos=chosen.photos, side=512).checked()
    sizes = {language: [sheet.size for sheet in photo_sheets(small, language)] for language in ("en", "es")}
    assert all(len(found) == 1 for found in sizes.values())
    plain = next(photo_sheets(chosen, "en"))
    assert sizes["en"][0][1] > plain.size[1]  # what is wrong takes lines
    (path,) = save_sheets(photo_sheets(chosen, "es"), tmp_path / "hoja.png")
    with Image.open(path) as image:
        assert image.size[0] > 700
    with pytest.raises(StorageError):
        list(save_sheets(photo_sheets(chosen, "es"), path))


def test_many_photos_take_several_sheets(tmp_path):
    cells = [PhotoCell(image=Image.new("RGB", (30, 20)), crop=(0, 0, 1, 1), name=str(place)) for place in range(90)]
    sheets = list(save_sheets(draw_photo_sheets("t", "f", cells), tmp_path / "s.webp"))
    assert [path.name for path in sheets] == ["s.webp", "s-2.webp", "s-3.webp"] and ON_A_SHEET == 40


def test_what_a_crop_leaves_out_is_pale():
    shown = np.asarray(lit_crop(Image.new("RGB", (100, 50), "black"), (0.5, 0, 1, 1), 100))
    assert shown[25, 10].min() > 120 and shown[25, 75].max() == 0


@pytest.mark.parametrize("crop", [(0, 0, 0, 0), (1, 1, 1, 1), (0.4, 0.999, 0.4001, 1)])
def test_a_crop_of_a_hair_can_be_drawn(crop):
    assert lit_crop(Image.new("RGB", (300, 200)), crop, 64).size == (64, 43)
