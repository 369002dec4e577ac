"""Photos to train on: read, measured, cropped and hashed as a set. The files stay as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.errors import ColabsdError, MissingPackageError, NotAPictureError
from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.planning.photos import PhotoFacts, PhotoKind
from colabsd.progress import Note, Progress
from colabsd.training.captions import propose_caption, read_caption
from colabsd.training.crops import Crop, Point
from colabsd.training.faces import Face, FaceFinder
from colabsd.training.photo_checks import check_photos, photo_problems
from colabsd.training.photo_files import PhotoFile, find_photos, read_photo, read_photo_file
from colabsd.training.photo_looks import PhotoLook, fingerprint_of, salient_point, sharpness_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Crop", "Photo", "PhotoKind", "PhotoSet", "check_photos", "read_photos"]

SIDE = 512  # pixels that models of Stable Diffusion 1 are trained at
SQUARE = Size(1, 1)
FACE_SHARE = 0.25  # of a crop's side that a face fills at least, where the photo has the pixels for it
FACE_PLACE = Point(0.5, 0.42)  # where in a crop a face is
DECODED = 2  # times as many pixels as are wanted: less could be seen
REDUCING_GAP = 3.0  # Pillow's, from where averaging first cannot be seen
NAMED = 5  # files that a note names


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One photo. `width` and `height` are those of the upright photo, `name` is its own within its set.

    `sha256` is the file's. `caption` is what lies beside it or what was written since; "" is none, and `proposed` what
    the file's name says. `problems` are sentences about what is wrong with it.
    """

    path: Path
    name: str
    sha256: str
    width: int
    height: int
    crop: Crop
    caption: str = ""
    proposed: str = ""
    bytes: int = 0
    look: PhotoLook | None = None
    problems: tuple[Note, ...] = ()

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def faces(self) -> tuple[Face, ...] | None:
        """The faces, the largest first; None where nobody looked for them."""
        return None if self.look is None else self.look.faces

    @property
    def focus(self) -> Point:
        """The point that a crop should have in its middle."""
        return Point() if self.look is None else self.look.salient

    def upright(self, least: int | None = None) -> "Image":
        """The whole photo in RGB; with `least` its shorter side may be as small as that. Raises: NotAPictureError."""
        return read_photo(self.path, least)

    def image(self, size: Size) -> "Image":
        """The crop at a size, RGB, upright. Of a crop with another ratio the middle. Raises: NotAPictureError."""
        from PIL.Image import Resampling

        crop = self.crop.fitted(size)
        scale = DECODED * max(size.width / crop.width, size.height / crop.height)
        whole = self.upright(max(1, round(min(self.width, self.height) * min(scale, 1.0))))
        smaller = max(1, round(self.width / whole.width))  # a JPEG that was decoded at a part of its size
        left, top, right, lower = (round(edge / smaller) for edge in crop.box)
        # Cut out first: else what is beside it would bleed in.
        piece = whole.crop((left, top, max(right, left + 1), max(lower, top + 1)))
        return piece.resize((size.width, size.height), Resampling.LANCZOS, reducing_gap=REDUCING_GAP)

    def cropped(self, shape: Size, *, least: int = SIDE) -> "Photo":
        """The same photo with the crop of that ratio that suits it best: around its face, else what stands out."""
        return replace(self, crop=choose_crop(self.size, self.look, shape, least))


@dataclass(frozen=True, kw_only=True)
class PhotoSet:
    """Photos in their order. `side` is how many pixels the model that is to be trained is at home at."""

    photos: tuple[Photo, ...]
    kind: PhotoKind = "object"
    side: int = SIDE

    @property
    def sha256(self) -> str:
        """The set's own digest: of its files, crops and captions in their order, and what they show."""
        photos = [{"sha256": photo.sha256, "crop": photo.crop.box, "caption": photo.caption} for photo in self.photos]
        return key_of({"kind": self.kind, "photos": photos})

    @property
    def facts(self) -> PhotoFacts:
        """What planning knows of it."""
        return PhotoFacts(
            kind=self.kind,
            sha256=self.sha256,
            sizes=tuple(photo.crop.size for photo in self.photos),
            captioned=sum(bool(photo.caption) for photo in self.photos),
            problems=sum(bool(photo.problems) for photo in self.photos),
            bytes=sum(photo.bytes for photo in self.photos),
        )

    def find(self, name: str) -> Photo:
        """The photo of that name. Raises: NotAPictureError."""
        for photo in self.photos:
            if photo.name == name:
                return photo
        raise NotAPictureError("error.photos.not_in_set", name=name)

    def with_photo(self, photo: Photo) -> "PhotoSet":
        """The set with another photo of the same name in place of the old one, its problems found anew."""
        photos = tuple(photo if old.name == photo.name else old for old in self.photos)
        return replace(self, photos=photos).checked()

    def without(self, name: str) -> "PhotoSet":
        """The set without one photo. Raises: NotAPictureError when there is no such."""
        gone = self.find(name)
        return replace(self, photos=tuple(photo for photo in self.photos if photo is not gone)).checked()

    def cropped(self, shapes: Sequence[Size]) -> "PhotoSet":
        """The set with a crop of the given ratio for each photo."""
        pairs = zip(self.photos, shapes, strict=True)
        return replace(self, photos=tuple(photo.cropped(shape, least=self.side) for photo, shape in pairs)).checked()

    def checked(self) -> "PhotoSet":
        """The set with what is wrong with each photo written into it."""
        found = photo_problems(self)
        pairs = zip(self.photos, found, strict=True)
        return replace(self, photos=tuple(replace(photo, problems=problems) for photo, problems in pairs))


def choose_crop(size: Size, look: PhotoLook | None, shape: Size, least: int = SIDE) -> Crop:
    """The crop of a ratio that suits a photo best: around its largest face, else around what stands out.

    A small face is brought nearer, until it fills a quarter of the side, as long as the crop keeps `least` pixels.
    """
    if look is not None and look.faces:
        face = look.faces[0]
        whole = Crop.around(size, face.middle, shape, by="face")
        share = face.height * size.height / (FACE_SHARE * whole.height)
        smallest = least / min(whole.width, whole.height)
        return Crop.around(
            size, face.middle, shape, share=max(min(share, 1.0), min(smallest, 1.0)), anchor=FACE_PLACE, by="face"
        )
    point = Point() if look is None else look.salient
    return Crop.around(size, point, shape, by="middle" if look is None else "salience")


def read_photos(
    paths: Sequence[Path], *, kind: PhotoKind = "object", side: int = SIDE, faces: FaceFinder | None = None
) -> Iterator[Progress | Note | PhotoSet]:
    """Photos from folders and files, sorted by name, measured, cropped to squares and checked; the set comes last.

    What cannot be read is left out with a note. `faces` finds faces; without it none are looked for. Raises:
    NotAPictureError when a path is missing or no photo is left, MissingPackageError when all that there is needs one,
    StorageError.
    """
    found, others = find_photos([path.expanduser() for path in paths])
    if others:
        yield Note("note.photos.left_out", {"count": len(others), "names": named(others)})
    photos: list[Photo] = []
    failed: list[ColabsdError] = []
    for number, path in enumerate(found):
        yield Progress(stage="check", done=number, total=len(found))
        try:
            file = read_photo_file(path)
            look = _look(read_photo(path, side), faces, side)
        except (NotAPictureError, MissingPackageError) as error:
            failed.append(error)
            yield Note(*_told(error, path))
            continue
        yield from file.notes
        photos.append(_photo(file, look, _free_name(path.name, photos), side))
    if not photos:
        raise _nothing(paths, found, failed)
    chosen = PhotoSet(photos=tuple(photos), kind=kind, side=side).checked()
    yield from check_photos(chosen)
    yield chosen


def named(paths: Sequence[Path]) -> str:
    """The names of files for a sentence, the first few of many."""
    more = ", …" if len(paths) > NAMED else ""
    return ", ".join(path.name for path in paths[:NAMED]) + more


def _photo(file: PhotoFile, look: PhotoLook, name: str, side: int) -> Photo:
    return Photo(
        path=file.path,
        name=name,
        sha256=file.sha256,
        width=file.size.width,
        height=file.size.height,
        crop=choose_crop(file.size, look, SQUARE, side),
        caption=read_caption(file.path),
        proposed=propose_caption(file.path.name),
        bytes=file.bytes,
        look=look,
    )


def _look(image: "Image", faces: FaceFinder | None, side: int) -> PhotoLook:
    """The measures, at about the size that is trained at; where there is a face it has to be sharp."""
    found = None if faces is None else faces.find(image)
    scale = side / min(image.size)
    small = image if scale >= 1 else image.resize((round(image.width * scale), round(image.height * scale)))
    return PhotoLook(
        sharpness=sharpness_of(_face_of(small, found[0]) if found else small),
        fingerprint=fingerprint_of(small),
        salient=salient_point(small),
        faces=found,
    )


def _face_of(image: "Image", face: Face) -> "Image":
    """A face with about as much around it."""
    left, top = face.left - face.width / 2, face.top - face.height / 2
    edges = max(left, 0), max(top, 0), min(left + 2 * face.width, 1), min(top + 2 * face.height, 1)
    across, down = image.size
    return image.crop((int(edges[0] * across), int(edges[1] * down), int(edges[2] * across), int(edges[3] * down)))


def _free_name(name: str, photos: Sequence[Photo]) -> str:
    """The file's name, with a number where another photo of the set has it already."""
    taken = {photo.name.casefold() for photo in photos}
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    number = 1
    while (free := name if number == 1 else f"{stem}-{number}{dot}{ending}").casefold() in taken:
        number += 1
    return free


def _told(error: ColabsdError, path: Path) -> tuple[str, dict[str, object]]:
    """An error about one of many files as a note's key and facts: its own sentence stays."""
    return error.message_key, {**error.facts, "path": path}


def _nothing(paths: Sequence[Path], found: Sequence[Path], failed: Sequence[ColabsdError]) -> ColabsdError:
    """The error when no photo is left: the only one's own where there was one, or what all need."""
    if len(found) == 1:
        return failed[0]
    missing = next((error for error in failed if isinstance(error, MissingPackageError)), None)
    if missing is not None and all(isinstance(error, MissingPackageError) for error in failed):
        return missing
    key = "error.photos.none_readable" if found else "error.photos.none"
    return NotAPictureError(key, path=", ".join(map(str, paths[:NAMED])), count=len(found))
