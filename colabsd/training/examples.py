"""What a training learns from, out of its photos and class pictures: each with the sentence that it is learnt with."""

from collections.abc import Sequence
from pathlib import Path

from colabsd.planning.training import TrainingPlan
from colabsd.training.crops import Crop
from colabsd.training.data import Example, Examples
from colabsd.training.photo_files import read_photo_file
from colabsd.training.photos import Photo, PhotoSet


def examples_of(plan: TrainingPlan, sets: Sequence[PhotoSet], class_pictures: Sequence[Sequence[Path]]) -> Examples:
    """The photos of each subject, in the order of the plan's subjects, and its class pictures; none without a prior.

    A photo's own caption counts before the subject's sentence. Raises: NotAPictureError, StorageError.
    """
    photos, classes = [], []
    for subject, chosen, paths in zip(plan.subjects, sets, class_pictures, strict=True):
        photos += [_example(photo, photo.caption or subject.photo_prompt) for photo in chosen.photos]
        classes += [_example(_whole(path), subject.class_prompt) for path in paths]
    return Examples(tuple(photos), tuple(classes))


def _example(photo: Photo, sentence: str) -> Example:
    return Example(f"{photo.sha256} {photo.crop.box}", photo.image, sentence)


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
