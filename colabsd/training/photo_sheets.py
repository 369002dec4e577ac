"""A set of photos as contact sheets, to be looked at before training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from colabsd.language import Language, say
from colabsd.planning.photos import PhotoKind
from colabsd.sheets.photos import SIDE, PhotoCell, draw_photo_sheets
from colabsd.training.photo_checks import set_problems
from colabsd.training.photos import Photo, PhotoSet

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS: dict[PhotoKind, str] = {
    "object": "photos.kind.object",
    "person": "photos.kind.person",
    "style": "photos.kind.style",
}


def photo_sheets(chosen: PhotoSet, language: Language) -> "Iterator[Image]":
    """The sheets of a set, in a language. Raises: NotAPictureError when a file is gone."""
    facts = chosen.facts
    title = say("sheet.photos.title", language, count=facts.count)
    about = say(
        "sheet.photos.facts",
        language,
        kind=say(KINDS[facts.kind], language),
        side=facts.smallest_side,
        problems=facts.problems,
        sha256=facts.sha256[:12],
    )
    wrong = [say(note.key, language, **note.facts) for note in set_problems(chosen)]
    cells = [_cell(photo, language) for photo in chosen.photos]
    yield from draw_photo_sheets(title, " · ".join([about, *wrong]), cells)


def crop_shares(photo: Photo) -> tuple[float, float, float, float]:
    """The crop's left, top, right and lower edge in shares of the photo."""
    left, top, right, lower = photo.crop.box
    return left / photo.width, top / photo.height, right / photo.width, lower / photo.height


def without_name(photo: Photo, sentence: str) -> str:
    """What is wrong with a photo, where its name stands above it."""
    rest = sentence.removeprefix(f"{photo.name}: ")
    return rest[:1].upper() + rest[1:]


def _cell(photo: Photo, language: Language) -> PhotoCell:
    image = photo.upright(SIDE)
    image.thumbnail((SIDE, SIDE))
    return PhotoCell(
        image=image,
        crop=crop_shares(photo),
        name=photo.name,
        facts=say("sheet.photos.size", language, size=photo.size, crop=photo.crop.size),
        caption=photo.caption,
        problems=tuple(without_name(photo, say(note.key, language, **note.facts)) for note in photo.problems),
    )
