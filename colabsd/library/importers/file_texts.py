"""Every text in a picture file in which a program may have written how it was made. Knows the containers only."""

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from colabsd.errors import NotAPictureError
from colabsd.geometry import Size
from colabsd.library.picture_files import EXIF_FOLDER, USER_COMMENT, check_exif_file
from colabsd.library.png_text import LONGEST_TEXT, SIGNATURE, BrokenPngError, read_png_text
from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from PIL.Image import Image

COMMENT, XMP, SOFTWARE, SCHEME = "UserComment", "XML:com.adobe.xmp", "Software", "fooocus_scheme"
SOFTWARE_TAG, MAKER_NOTE, CAMERA_TAG, MAKER_TAG = 0x0131, 0x927C, 0x0110, 0x010F
CHARACTER_CODE_BYTES = 8
# What a UserComment's first eight bytes say of the rest (Exif 2.32, section 4.6.5).
UNICODE, ASCII, UNDEFINED = b"UNICODE\x00", b"ASCII\x00\x00\x00", b"\x00" * 8


@dataclass(frozen=True)
class FileTexts:
    """The texts by keyword, and the picture's size.

    A PNG's keywords are its own. EXIF's comment is `UserComment`, XMP is `XML:com.adobe.xmp` as in a PNG, a JPEG's own
    comment is `Comment`, EXIF's Software is `Software`, its Model `Model`, and its MakerNote, where Fooocus names its
    scheme, `fooocus_scheme`. ComfyUI writes `prompt:` and `workflow:` before what it puts into Model and Make.
    """

    path: Path
    size: Size
    texts: Mapping[str, str]
    is_png: bool

    def get(self, keyword: str) -> str | None:
        return self.texts.get(keyword)


def read_file_texts(path: Path) -> FileTexts:
    """The texts of a PNG, JPEG or WebP file; its pixels are not decoded. Raises: NotAPictureError, StorageError."""
    with storage_errors(path), path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            file.seek(0)
            return _read_exif(file, path)
        head = file.read(16)
        file.seek(0)
        try:
            texts = read_png_text(file)
        except BrokenPngError:
            raise NotAPictureError("error.picture.truncated", path=path) from None
    if len(head) < 16 or head[4:8] != b"IHDR":
        raise NotAPictureError("error.picture.truncated", path=path)
    return FileTexts(path, Size(*struct.unpack(">II", head[8:16])), texts, True)


def _read_exif(file: BinaryIO, path: Path) -> FileTexts:
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    check_exif_file(file, path)
    try:
        with warnings.catch_warnings(action="ignore"), Images.open(file, formats=("JPEG", "WEBP")) as image:
            return FileTexts(path, Size(*image.size), _texts_of(image), False)
    except UnidentifiedImageError:
        raise NotAPictureError("error.picture.unreadable", path=path) from None
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, Images.DecompressionBombError):
        raise NotAPictureError("error.picture.truncated", path=path) from None


def _texts_of(image: "Image") -> dict[str, str]:
    exif = image.getexif()
    folder = exif.get_ifd(EXIF_FOLDER)
    found: dict[str, Any] = {
        COMMENT: folder.get(USER_COMMENT) or exif.get(USER_COMMENT),  # Fooocus writes it beside the folder, not in it
        SCHEME: exif.get(MAKER_NOTE) or folder.get(MAKER_NOTE),
        SOFTWARE: exif.get(SOFTWARE_TAG),
        "Model": exif.get(CAMERA_TAG),
        XMP: image.info.get("xmp"),
        "Comment": image.info.get("comment"),
    }
    texts = {name: _decode_comment(value) if name == COMMENT else _decode(value) for name, value in found.items()}
    for tag in (CAMERA_TAG, MAKER_TAG):
        keyword, colon, graph = (_decode(exif.get(tag)) or "").partition(":")
        if colon and keyword in ("prompt", "workflow"):
            texts[keyword] = graph
    return {name: text for name, text in texts.items() if text}


def _decode(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value[:LONGEST_TEXT].decode("utf-8", "replace")
    return value.strip("\x00") if isinstance(value, str) and len(value) <= LONGEST_TEXT else None


def _decode_comment(value: object) -> str | None:
    """A UserComment by its character code. UTF-16 is of the order in which it looks like writing."""
    if not isinstance(value, bytes):
        return _decode(value)
    if len(value) > 2 * LONGEST_TEXT:
        return None
    code, text = value[:CHARACTER_CODE_BYTES], value[CHARACTER_CODE_BYTES:]
    if code == UNICODE:
        zeros = [text[start:512:2].count(0) for start in (0, 1)]
        return text.decode("utf-16-be" if zeros[0] >= zeros[1] else "utf-16-le", "replace").strip("\x00\ufeff")
    return _decode(text if code in (ASCII, UNDEFINED) else value)
