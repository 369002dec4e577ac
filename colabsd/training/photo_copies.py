"""Cropped copies of photos in a new folder, with their captions beside them, as Birme makes them in bulk."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from colabsd.errors import StorageError
from colabsd.geometry import Size
from colabsd.progress import Progress
from colabsd.storage.budget import check_room, picture_bytes
from colabsd.storage.failures import storage_errors
from colabsd.training.captions import write_caption
from colabsd.training.photos import Photo, PhotoSet
from colabsd.training.shapes import size_of

if TYPE_CHECKING:
    from PIL.Image import Image

CopyFormat = Literal["png", "jpg", "webp"]
OPTIONS: dict[CopyFormat, tuple[str, dict[str, object]]] = {
    "png": ("PNG", {"compress_level": 3}),
    "jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "webp": ("WEBP", {"quality": 95}),
}


@dataclass(frozen=True)
class Copied:
    """A cropped copy that is a file now."""

    photo: Photo
    path: Path
    size: Size


def copy_crops(
    chosen: PhotoSet, folder: Path, side: int, image_format: CopyFormat = "png"
) -> Iterator[Progress | Copied]:
    """Write each photo's crop into a folder, about `side` x `side` pixels large; nothing there is written over.

    Closing the iterator stops; what is written stays. Raises: StorageError, also when one of the files is there already
    (before anything is written), NotAPictureError.
    """
    paths = [folder / f"{_stem(photo.name)}.{image_format}" for photo in chosen.photos]
    names = _each_once(paths)
    for path in names:
        if path.exists():
            raise StorageError("error.storage.exists", path=path)
    check_room(folder, len(names) * picture_bytes(side, side))
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    kind, options = OPTIONS[image_format]
    for number, (photo, path) in enumerate(zip(chosen.photos, names, strict=True)):
        yield Progress(stage="save", done=number, total=len(names))
        size = size_of(photo.crop.size, side)
        image = photo.image(size)
        with storage_errors(path), path.open("xb") as file:
            image.save(file, kind, **options)
        if photo.caption:
            write_caption(path, photo.caption)
        yield Copied(photo, path, size)


def save_sheets(sheets: "Iterator[Image]", path: Path) -> Iterator[Path]:
    """Write contact sheets: the first at `path`, further ones with a number; nothing is written over.

    The name's ending says the format: PNG, JPEG or WebP. Raises: StorageError.
    """
    known = {"jpg": "jpg", "jpeg": "jpg", "webp": "webp"}
    kind, options = OPTIONS[known.get(path.suffix.lower().lstrip("."), "png")]  # type: ignore[index]
    for number, image in enumerate(sheets, 1):
        target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if target.exists():
            raise StorageError("error.storage.exists", path=target)
        with storage_errors(target), target.open("xb") as file:
            image.save(file, kind, **options)
        yield target


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _each_once(paths: list[Path]) -> list[Path]:
    """The paths, with a number where two photos of different endings have one name."""
    taken: set[str] = set()
    found = []
    for path in paths:
        number, free = 1, path
        while free.name.casefold() in taken:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        taken.add(free.name.casefold())
        found.append(free)
    return found
