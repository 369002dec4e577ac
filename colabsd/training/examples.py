"""What a training learns from, out of its photos and class pictures: each with the sentence that it is learnt with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.errors import UnusableMaskError
from colabsd.geometry import Size
from colabsd.planning.training import TrainingPlan
from colabsd.training.crops import Crop
from colabsd.training.data import Example, Examples
from colabsd.training.photo_files import read_photo_file
from colabsd.training.photos import Photo, PhotoSet

if TYPE_CHECKING:
    from PIL.Image import Image


def examples_of(plan: TrainingPlan, sets: Sequence[PhotoSet], class_pictures: Sequence[Sequence[Path]]) -> Examples:
    """The photos of each subject, in the order of the plan's subjects, and its class pictures; none without a prior.

    A photo's own caption counts before the subject's sentence; in a masked training its transparent parts are its mask.
    Raises: NotAPictureError, StorageError, UnusableMaskError where a training is masked and no photo is transparent.
    """
    photos, classes = [], []
    for subject, chosen, paths in zip(plan.subjects, sets, class_pictures, strict=True):
        photos += [_example(photo, photo.caption or subject.photo_prompt, plan.masked) for photo in chosen.photos]
        classes += [_example(_whole(path), subject.class_prompt) for path in paths]
    if plan.masked and all(photo.mask is None for photo in photos):
        raise UnusableMaskError("error.training.no_masks", name=plan.name)
    return Examples(tuple(photos), tuple(classes))


def _example(photo: Photo, sentence: str, masked: bool = False) -> Example:
    mask = (lambda size: _mask(photo, size)) if masked and _is_transparent(photo.path) else None
    return Example(f"{photo.sha256} {photo.crop.box}", photo.image, sentence, mask)


def _is_transparent(path: Path) -> bool:
    from PIL import Image

    with Image.open(path) as file:
        return file.has_transparency_data


def _mask(photo: Photo, size: Size) -> "Image":
    """What of a photo's crop is not transparent, in greys, at a size."""
    from PIL import Image, ImageOps

    with Image.open(photo.path) as file:
        alpha = ImageOps.exif_transpose(file).convert("RGBA").getchannel("A")
    crop = photo.crop.fitted(size)
    box = crop.left, crop.top, crop.left + crop.width, crop.top + crop.height
    return alpha.resize((size.width, size.height), Image.Resampling.BILINEAR, box=box)


def _whole(path: Path) -> Photo:
    """A class picture: all of it counts, wherever it comes from."""
    file = read_photo_file(path)
    return Photo(
        path=path,
        name=path.name,
        sha256=file.sha256,
        width=file.size.width,
        height=file.size.height,
        crop=Crop.whole(file.size),
    )
