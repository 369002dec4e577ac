"""A picture drawn anew: kept with its parents, drawn again, continued, and copied so that all of this works later."""

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from colabsd.errors import NotAPictureError, UnusableMaskError
from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio import Comparison, Studio

pytestmark = pytest.mark.integration

Kind = TypeVar("Kind")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, quality=90)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "mask.png"
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    mask.save(path)
    return path


@pytest.fixture
def asked(small_model_folder: Path, photo: Path) -> RedrawSettings:
    return RedrawSettings(prompt="red apple", image=str(photo), model=str(small_model_folder), steps=4, seed=7)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_picture_is_redrawn_kept_and_drawn_again_though_the_first_is_gone(
    studio: Studio, asked: RedrawSettings, photo: Path
) -> None:
    (kept,) = only(KeptPicture, studio.redraw(asked))
    manifest = read_manifest(kept.path)
    assert manifest.parents == () and manifest.drawing.strength == 0.6
    assert not np.array_equal(pixels(kept.path), pixels(photo))
    photo.unlink()
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal
    (again,) = only(KeptPicture, studio.again(str(kept.path)))
    assert again.picture.drawing.key == kept.picture.drawing.key
    assert np.array_equal(pixels(again.path), pixels(kept.path))


def test_a_picture_of_ours_is_its_childrens_parent(studio: Studio, asked: RedrawSettings) -> None:
    text = ImageSettings(prompt="apple", model=asked.model, steps=1, seed=1)
    (parent,) = only(KeptPicture, studio.draw(text))
    (child,) = only(KeptPicture, studio.redraw(dataclasses.replace(asked, image=str(parent.path))))
    assert read_manifest(child.path).parents == (parent.picture.drawing.key,)
    (again,) = only(KeptPicture, studio.again(str(child.path)))
    assert read_manifest(again.path).parents == (parent.picture.drawing.key,)


def test_what_is_black_in_the_mask_stays_to_the_pixel(
    studio: Studio, asked: RedrawSettings, photo: Path, mask: Path
) -> None:
    settings = dataclasses.replace(asked, mask=str(mask), mask_blur=2.0)
    (kept,) = only(KeptPicture, studio.redraw(settings))
    assert np.array_equal(pixels(kept.path)[:, 40:], pixels(photo)[:, 40:])
    assert not np.array_equal(pixels(kept.path)[:, :32], pixels(photo)[:, :32])
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal


def test_a_stopped_redraw_is_continued_as_if_it_had_not_been(studio: Studio, asked: RedrawSettings) -> None:
    settings = dataclasses.replace(asked, count=3, batch=1)
    whole = [pixels(kept.path) for kept in only(KeptPicture, studio.redraw(settings))]
    events = studio.redraw(settings)
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    Path(asked.image).unlink()
    rest = only(KeptPicture, studio.resume())
    assert len(rest) == 2
    for before, kept in zip(whole, (first, *rest), strict=True):
        assert np.array_equal(before, pixels(kept.path))


def test_a_file_is_copied_once_and_a_damaged_copy_is_replaced(studio: Studio, asked: RedrawSettings) -> None:
    only(KeptPicture, studio.redraw(asked))
    only(KeptPicture, studio.redraw(asked))
    (copy,) = (studio.workspace.root / "inputs").iterdir()
    assert copy.read_bytes() == Path(asked.image).read_bytes()
    copy.write_bytes(b"spoilt")
    (kept,) = only(KeptPicture, studio.redraw(asked))
    assert len(list((studio.workspace.root / "inputs").iterdir())) == 2
    (comparison,) = only(Comparison, studio.again(str(kept.path), verify=True))
    assert comparison.equal


def test_without_its_copy_a_picture_cannot_be_drawn_again_and_it_is_said(studio: Studio, asked: RedrawSettings) -> None:
    (kept,) = only(KeptPicture, studio.redraw(asked))
    next((studio.workspace.root / "inputs").iterdir()).unlink()
    with pytest.raises(NotAPictureError) as error:
        list(studio.again(str(kept.path)))
    assert error.value.message_key == "error.picture.input_gone"


def test_bad_input_is_told_before_anything_is_kept(studio: Studio, asked: RedrawSettings, tmp_path: Path) -> None:
    thin = tmp_path / "thin.png"
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (1, 1, 4, 4))
    mask.save(thin)
    with pytest.raises(UnusableMaskError):
        list(studio.redraw(dataclasses.replace(asked, mask=str(thin))))
    with pytest.raises(NotAPictureError):
        list(studio.redraw(dataclasses.replace(asked, image=str(tmp_path / "none.png"))))
    assert not (studio.workspace.root / "inputs").exists() and not studio.workspace.pictures.exists()


def test_another_size_is_chosen_and_told(studio: Studio, asked: RedrawSettings, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    Image.effect_noise((700, 350), 60).save(path)
    events = list(studio.redraw(dataclasses.replace(asked, image=str(path))))
    assert "note.redraw_size" in {note.key for note in only(Note, events)}
    (kept,) = only(KeptPicture, events)
    assert kept.picture.image.size == (kept.picture.drawing.width, kept.picture.drawing.height) == (96, 48)


def test_with_another_model_it_starts_from_the_kept_picture_too(
    studio: Studio, asked: RedrawSettings, photo: Path, mask: Path, small_model_folder: Path, tmp_path: Path
) -> None:
    """The other model is a copy of the first, so that the same pixels must come out; without a start they would not."""
    (kept,) = only(KeptPicture, studio.redraw(dataclasses.replace(asked, mask=str(mask), mask_blur=2.0)))
    photo.unlink()
    mask.unlink()
    other = shutil.copytree(small_model_folder, tmp_path / "other")
    events = list(studio.again(str(kept.path), model=str(other)))
    (again,) = only(KeptPicture, events)
    drawing = again.picture.drawing
    assert (drawing.model, drawing.strength, drawing.mask_blur) == ("other", 0.75, 2.0)
    assert drawing.source_sha256 == kept.picture.drawing.source_sha256
    assert np.array_equal(pixels(again.path), pixels(kept.path))
    assert "note.import.start_picture" not in {note.key for note in only(Note, events)}
    (comparison,) = only(Comparison, studio.again(str(kept.path), model=str(other), verify=True))
    assert comparison.equal


def test_where_the_copy_is_gone_another_model_draws_from_the_sentence_and_that_is_told(
    studio: Studio, asked: RedrawSettings, small_model_folder: Path
) -> None:
    (kept,) = only(KeptPicture, studio.redraw(asked))
    for copy in (studio.workspace.root / "inputs").rglob("*.*"):
        copy.unlink()
    events = list(studio.again(str(kept.path), model=str(small_model_folder)))
    assert "note.import.start_picture" in {note.key for note in only(Note, events)}
    assert only(KeptPicture, events)[0].picture.drawing.source_sha256 == ""
