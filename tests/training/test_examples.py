"""What a training learns from: photos with their sentences and masks."""

from pathlib import Path

import pytest
from training_runs import SUBJECT, small_pictures, small_plan

from colabsd.errors import UnusableMaskError
from colabsd.geometry import Size
from colabsd.models.cards import ModelCard
from colabsd.training.examples import examples_of
from colabsd.training.photos import PhotoSet, read_photos


def photo_set(folder: Path, *, transparent: bool) -> PhotoSet:
    from PIL import Image

    for number, picture in enumerate(small_pictures(2, 5)):
        if transparent and number == 0:
            alpha = Image.new("L", picture.size, 0)
            alpha.paste(255, (0, 0, picture.width // 2, picture.height))
            picture.putalpha(alpha)
        picture.save(folder / f"{number}.png")
    return next(event for event in read_photos([folder], side=64) if isinstance(event, PhotoSet))


def test_what_is_transparent_is_masked(small_card: ModelCard, tmp_path: Path) -> None:
    found = examples_of(small_plan(small_card, masked=True), [photo_set(tmp_path, transparent=True)], [()])
    mask = found.photos[0].mask
    assert mask is not None and found.photos[1].mask is None
    assert mask(Size(64, 64)).getpixel((5, 30)) == 255 and mask(Size(64, 64)).getpixel((60, 30)) == 0
    assert found.sentences == (SUBJECT.photo_prompt,)


def test_masks_are_looked_for_only_where_they_count(small_card: ModelCard, tmp_path: Path) -> None:
    photos = photo_set(tmp_path, transparent=True)
    assert all(one.mask is None for one in examples_of(small_plan(small_card), [photos], [()]).photos)


def test_a_masked_training_without_masks_is_refused(small_card: ModelCard, tmp_path: Path) -> None:
    photos = photo_set(tmp_path, transparent=False)
    with pytest.raises(UnusableMaskError):
        examples_of(small_plan(small_card, masked=True), [photos], [()])
