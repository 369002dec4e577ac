"""What is wrong with photos to train on, in sentences that say what to do. Judges measures, looks at no pixels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from colabsd.progress import Note
from colabsd.training.photo_looks import difference

if TYPE_CHECKING:
    from colabsd.training.photos import Photo, PhotoSet

SHARP = 0.01
ALIKE = 6


def photo_problems(chosen: "PhotoSet") -> tuple[tuple[Note, ...], ...]:
    """What is wrong with each photo of a set, in its order."""
    return tuple(tuple(_problems(photo, chosen)) for photo in chosen.photos)


def check_photos(chosen: "PhotoSet") -> tuple[Note, ...]:
    """All that is wrong: of each photo, then of the set."""
    return tuple(note for problems in photo_problems(chosen) for note in problems)


def _problems(photo: "Photo", chosen: "PhotoSet") -> Iterator[Note]:
    side = min(photo.crop.width, photo.crop.height)
    if side < chosen.side:
        yield Note("note.photos.small", {"name": photo.name, "side": side, "wanted": chosen.side})
    if photo.look is None:
        return
    if photo.look.sharpness < SHARP:
        yield Note("note.photos.blurred", {"name": photo.name})
    for other in chosen.photos:
        if other is photo:
            break
        if other.look is not None and difference(other.look.fingerprint, photo.look.fingerprint) <= ALIKE:
            yield Note("note.photos.alike", {"name": photo.name, "other": other.name})
            break
