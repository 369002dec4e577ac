"""Photo files read with care: what a file is is seen from its bytes, large JPEGs are decoded small, none is changed.

A photo is upright (its EXIF says how), RGB, 8 bits, on white where it is transparent; of an animation the first frame.
"""

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from colabsd.errors import MissingPackageError, NotAPictureError
from colabsd.geometry import Size
from colabsd.library.thumbnails import check_file
from colabsd.progress import Note
from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

PhotoFormat = Literal["jpeg", "png", "webp", "gif", "heic"]
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".heic", ".heif", ".hif"})
SIGNATURES: tuple[tuple[int, bytes, PhotoFormat], ...] = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (8, b"WEBP", "webp"),
    (0, b"GIF8", "gif"),
    (4, b"ftyphei", "heic"),
    (4, b"ftyphev", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftypmsf1", "heic"),
)
MOST_MEGAPIXELS = 100  # of what has to be decoded whole
MOST_JPEG_MEGAPIXELS = 500  # of a JPEG that is decoded at a part of its size, row by row
HALVINGS = (2, 4, 8)  # what a JPEG can be decoded at
TURNED = frozenset({5, 6, 7, 8})  # values of EXIF's orientation that exchange width and height
ORIENTATION = 0x0112
BLOCK_BYTES = 1 << 20
INSTALL_HEIF = "pip install pillow-heif"
WHITE = (255, 255, 255)
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")


@dataclass(frozen=True, kw_only=True)
class PhotoFile:
    """What a file says of itself. `size` is that of the upright photo; `sha256` and `bytes` are the file's own."""

    path: Path
    format: PhotoFormat
    size: Size
    sha256: str
    bytes: int
    notes: tuple[Note, ...] = ()


def find_photos(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The photo files in folders (not in folders within them) and among files, sorted by name; and what was left out.

    Hidden files and the texts that lie beside photos are in neither. Raises: NotAPictureError when a path is missing.
    """
    photos, others = [], []
    for path in paths:
        if not path.exists():
            raise NotAPictureError("error.photos.missing", path=path)
        if not path.is_dir():
            photos.append(path)
            continue
        with storage_errors(path):
            inside = [entry for entry in path.iterdir() if not entry.name.startswith(".") and not entry.is_dir()]
        for entry in inside:
            if entry.suffix.lower() in SUFFIXES:
                photos.append(entry)
            elif entry.suffix.lower() not in (".txt", ".caption", ".json"):
                others.append(entry)
    once = {path.resolve(): path for path in photos}
    return sorted(once.values(), key=lambda path: (path.name, str(path))), sorted(others)


def read_photo_file(path: Path) -> PhotoFile:
    """What a photo file is, without decoding it. Raises: NotAPictureError, MissingPackageError, StorageError."""
    check_file(path)
    with storage_errors(path), path.open("rb") as file:
        sha256 = _sha256(file)
        count = file.tell()
    with _opened(path) as (image, found):
        if image.width < 1 or image.height < 1:
            raise NotAPictureError("error.picture.truncated", path=path)
        _check_pixels(image, found, path)
        size = Size(*image.size)
        turned = found != "heic" and image.getexif().get(ORIENTATION) in TURNED
        notes = tuple(_notes(image, path))
    upright = Size(size.height, size.width) if turned else size
    return PhotoFile(path=path, format=found, size=upright, sha256=sha256, bytes=count, notes=notes)


def read_photo(path: Path, least: int | None = None) -> "Image":
    """The photo, upright, RGB. With `least` a JPEG may be a half, a quarter or an eighth of its size, but no less.

    Raises: NotAPictureError, MissingPackageError, StorageError.
    """
    from PIL import ImageOps

    check_file(path)
    with _opened(path) as (image, found):
        _check_pixels(image, found, path)
        if found == "jpeg":
            _decode_smaller(image, least)
        image.load()
        if image.width * image.height > MOST_MEGAPIXELS * 1_000_000:
            raise NotAPictureError("error.picture.too_large", path=path, limit=MOST_MEGAPIXELS)
        return _on_white(image.copy() if found == "heic" else ImageOps.exif_transpose(image))


def format_of(path: Path) -> PhotoFormat | None:
    """What a file is by its first bytes; None of what is no photo that can be read. Raises: StorageError."""
    with storage_errors(path), path.open("rb") as file:
        head = file.read(16)
    return next((found for start, mark, found in SIGNATURES if head[start : start + len(mark)] == mark), None)


@contextmanager
def _opened(path: Path) -> "Iterator[tuple[ImageFile, PhotoFormat]]":
    """A photo opened by the reader of its format, which knows no limit of its own. Within, what fails is told."""
    from PIL import UnidentifiedImageError

    found = format_of(path)
    if found is None:
        raise NotAPictureError("error.photos.unreadable", path=path)
    try:
        with warnings.catch_warnings(action="ignore"), path.open("rb") as file, _reader(found, path)(file) as image:
            yield image, found
    except UnidentifiedImageError:
        raise NotAPictureError("error.photos.unreadable", path=path) from None
    except (
        *(OSError, ValueError, SyntaxError, KeyError, TypeError, IndexError, EOFError, MemoryError),
        *(struct.error, RuntimeError),
    ):
        raise NotAPictureError("error.picture.truncated", path=path) from None


def _reader(found: PhotoFormat, path: Path) -> Any:
    from PIL import GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    if found == "heic":
        return _heif_reader(path)
    readers = {
        "jpeg": JpegImagePlugin.JpegImageFile,
        "png": PngImagePlugin.PngImageFile,
        "webp": WebPImagePlugin.WebPImageFile,
        "gif": GifImagePlugin.GifImageFile,
    }
    return readers[found]


def _heif_reader(path: Path) -> Any:
    try:
        import pillow_heif
    except ImportError:
        raise MissingPackageError("error.photos.heic", path=path, name="pillow-heif", command=INSTALL_HEIF) from None
    return pillow_heif.HeifImageFile


def _check_pixels(image: "ImageFile", found: PhotoFormat, path: Path) -> None:
    """Raises: NotAPictureError when decoding would take the memory, or minutes."""
    # A progressive JPEG is held whole however small it is decoded.
    small = found == "jpeg" and not image.info.get("progressive")
    limit = MOST_JPEG_MEGAPIXELS if small else MOST_MEGAPIXELS
    if image.width * image.height > limit * 1_000_000:
        raise NotAPictureError("error.picture.too_large", path=path, limit=limit)


def _decode_smaller(image: "ImageFile", least: int | None) -> None:
    """Let a JPEG be decoded at a half, a quarter or an eighth, where that leaves enough or more would be too much."""
    width, height = image.size
    fits = [1, *(n for n in HALVINGS if least and min(width, height) // n >= least)]
    bearable = [n for n in (1, *HALVINGS) if width * height // n**2 <= MOST_MEGAPIXELS * 1_000_000]
    image.draft(None, (-(-width // (factor := max(max(fits), min(bearable, default=8)))), -(-height // factor)))


def _notes(image: "ImageFile", path: Path) -> Iterator[Note]:
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1 and getattr(image, "is_animated", False):
        yield Note("note.photos.animated", {"name": path.name, "count": frames})
    if image.has_transparency_data:
        yield Note("note.photos.transparent", {"name": path.name})


def _on_white(image: "Image") -> "Image":
    """The photo in RGB, on white where it is transparent; of 16 bits the upper eight, of CMYK what a screen shows."""
    from PIL import Image as Images

    if image.mode in SIXTEEN_BITS:
        import numpy as np

        values = np.asarray(image).astype(np.int64)
        return Images.fromarray((values >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return _in_screen_colours(image).convert("RGB")
    layer = image.convert("RGBA")
    below = Images.new("RGBA", layer.size, WHITE)
    return Images.alpha_composite(below, layer).convert("RGB")


def _in_screen_colours(image: "Image") -> "Image":
    """The photo in sRGB, where it says that its colours are of another space, as those of telephones are."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        screen = ImageCms.createProfile("sRGB")
        changed = ImageCms.profileToProfile(image, own, screen, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):  # a broken profile: the numbers are taken as they are
        return image
    return image if changed is None else changed


def _sha256(file: io.BufferedReader) -> str:
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
