"""What is wrong with photos to train on, in sentences that say what to do. Judges measures, looks at no pixels.

The bounds were fitted on the seventeen photos of the DreamBooth paper's dog, backpack and clock, and on what became of
them blurred, moved, turned, cropped and saved again.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

from colabsd.planning.photos import PhotoKind
from colabsd.progress import Note
from colabsd.training.faces import Face
from colabsd.training.photo_looks import difference

if TYPE_CHECKING:
    from colabsd.training.photos import Photo, PhotoSet

# Sharp photos have 0.72 to 0.90 of it at 512 pixels; blurred by a Gaussian of two pixels 0.22 to 0.57 (median 0.35),
# moved over seven pixels while they were taken 0.34 to 0.57.
LEAST_SHARPNESS = 0.5
# Of 64 bits. A copy saved as a poor JPEG, smaller, brighter, or with 3 % cut off its edges differs in at most 8,
# different photos of one thing in 22 to 40.
COPY_BITS = 8
ALIKE_BITS = 18  # the median of all pairs: of photos taken in one place from one side
FEWEST_ALIKE = 3
FEWEST: Mapping[PhotoKind, int] = {"object": 4, "person": 8, "style": 10}
MOST: Mapping[PhotoKind, int] = {"object": 40, "person": 60, "style": 200}
BEST: Mapping[PhotoKind, str] = {"object": "5–15", "person": "10–25", "style": "20–100"}


def photo_problems(chosen: "PhotoSet") -> tuple[tuple[Note, ...], ...]:
    """What is wrong with each photo of a set, in its order."""
    before: list[Photo] = []
    found = []
    for photo in chosen.photos:
        found.append((*_own_problems(photo, chosen), *_copies(photo, before)))
        before.append(photo)
    return tuple(found)


def set_problems(chosen: "PhotoSet") -> tuple[Note, ...]:
    """What is wrong with the set as a whole."""
    return (*_number(chosen), *_likeness(chosen), *_unseen(chosen))


def check_photos(chosen: "PhotoSet") -> tuple[Note, ...]:
    """All that is wrong: with each photo, then with the set."""
    each = (note for problems in photo_problems(chosen) for note in problems)
    return (*each, *set_problems(chosen))


def _own_problems(photo: "Photo", chosen: "PhotoSet") -> Iterator[Note]:
    side = min(photo.crop.width, photo.crop.height)
    if side < chosen.side:
        yield Note("note.photos.small", {"name": photo.name, "side": side, "wanted": chosen.side})
    if photo.look is None:
        return
    if photo.look.sharpness < LEAST_SHARPNESS:
        yield Note("note.photos.blurred", {"name": photo.name})
    if chosen.kind != "person" or photo.faces is None:
        return
    inside = [face for face in photo.faces if _is_inside(photo, face)]
    if not inside:
        yield Note("note.photos.no_face", {"name": photo.name})
    if len(inside) > 1:
        yield Note("note.photos.faces", {"name": photo.name, "count": len(inside)})


def _is_inside(photo: "Photo", face: Face) -> bool:
    """Whether the middle of a face is in the crop: what is cut off is not learnt."""
    left, top, right, lower = photo.crop.box
    return left <= face.middle.x * photo.width <= right and top <= face.middle.y * photo.height <= lower


def _copies(photo: "Photo", before: "list[Photo]") -> Iterator[Note]:
    """The first photo before this one that it is a copy of."""
    same = next((other for other in before if other.sha256 == photo.sha256), None)
    if same is not None:
        yield Note("note.photos.same", {"name": photo.name, "other": same.name})
        return
    alike = next((other for other in before if _differ(photo, other) <= COPY_BITS), None)
    if alike is not None:
        yield Note("note.photos.alike", {"name": photo.name, "other": alike.name})


def _differ(first: "Photo", second: "Photo") -> int:
    if first.look is None or second.look is None:
        return 64
    return difference(first.look.fingerprint, second.look.fingerprint)


def _number(chosen: "PhotoSet") -> Iterator[Note]:
    count, kind = len(chosen.photos), chosen.kind
    facts = {"count": count, "best": BEST[kind]}
    if count == 1:
        yield Note("note.photos.one", facts)
    elif count < FEWEST[kind]:
        yield Note("note.photos.few", facts)
    elif count > MOST[kind]:
        yield Note("note.photos.many", facts)


def _likeness(chosen: "PhotoSet") -> Iterator[Note]:
    seen = [photo for photo in chosen.photos if photo.look is not None]
    if len(seen) < FEWEST_ALIKE:
        return
    if median(_differ(first, second) for first, second in combinations(seen, 2)) <= ALIKE_BITS:
        yield Note("note.photos.all_alike", {"count": len(seen)})


def _unseen(chosen: "PhotoSet") -> Iterator[Note]:
    if chosen.kind == "person" and any(photo.look is not None and photo.faces is None for photo in chosen.photos):
        yield Note("note.photos.faces_not_sought", {})
