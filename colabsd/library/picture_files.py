"""Pictures as files: PNG, JPEG and WebP with their texts. Knows the containers, not what the texts say.

PNG: A1111's text in `parameters` (tEXt where it is Latin-1, else iTXt), the manifest in an iTXt chunk `colabsd`.
JPEG, WebP: A1111's text in EXIF's UserComment (as A1111 writes it), the manifest in an XMP packet.
"""

import html
import io
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

from colabsd.errors import NotAPictureError
from colabsd.library.png_text import LONGEST_TEXT, SIGNATURE, BrokenPngError, read_png_text
from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from PIL.Image import Image

ImageFormat = Literal["png", "jpeg", "webp"]
IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
EXTENSIONS: dict[ImageFormat, str] = {"png": "png", "jpeg": "jpg", "webp": "webp"}
# Run-length matches only. Measured on a 512 px picture with fine grain: 20 ms and 450 kB, as small as level 6 (49 ms);
# level 1 takes 26 ms for 511 kB. Smooth pictures grow (28 to 51 kB), but they are small.
PNG_OPTIONS = {"compress_level": 1, "compress_type": zlib.Z_RLE}
QUALITY = 95
A1111_KEYWORD, MANIFEST_KEYWORD = "parameters", "colabsd"
EXIF_FOLDER, USER_COMMENT = 0x8769, 0x9286
COMMENT_PREFIX = b"UNICODE\x00"
LARGEST_EXIF_FILE = 150_000_000  # bytes; JPEG and WebP files are read whole
LONGEST_PACKET = 6 * LONGEST_TEXT  # XML writes a letter with at most five
# A JPEG segment holds 65,533 bytes, and each kind of metadata is one segment with its own header.
LONGEST_JPEG_SEGMENT = 65_000
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:colabsd="urn:colabsd:1.0/">'
    "<colabsd:manifest>{}</colabsd:manifest></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)
XMP_OPENED, XMP_CLOSED = "<colabsd:manifest>", "</colabsd:manifest>"


@dataclass(frozen=True)
class PictureText:
    """The texts of a picture file, as they are; nothing in them is checked."""

    infotext: str | None
    manifest: str | None


@dataclass(frozen=True)
class EncodedPicture:
    """A picture file's bytes and the format that they came out in."""

    data: bytes
    format: ImageFormat


def format_of(path: Path) -> ImageFormat:
    """The format that a file name's ending stands for; PNG where it stands for none."""
    endings = {"jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
    ending = path.suffix.lower().lstrip(".")
    found: ImageFormat = next((name for name in IMAGE_FORMATS if name == endings.get(ending)), "png")
    return found


def encode_picture(image: "Image", infotext: str, manifest: str, image_format: ImageFormat) -> EncodedPicture:
    """The picture with its texts as a file's bytes.

    Texts that are too long for a JPEG (a prompt of some ten thousand words) make it a PNG: nothing is lost.
    """
    if image_format == "png":
        return EncodedPicture(_encode_png(image, infotext, manifest), "png")
    comment, packet = _user_comment(infotext), XMP.format(html.escape(manifest, quote=False)).encode()
    if image_format == "jpeg" and max(len(comment), len(packet)) > LONGEST_JPEG_SEGMENT:
        return EncodedPicture(_encode_png(image, infotext, manifest), "png")
    return EncodedPicture(_encode_exif(image, comment, packet, image_format), image_format)


def check_exif_file(file: BinaryIO, path: Path) -> None:
    """Raises: NotAPictureError when a JPEG or WebP file is too large to be read whole."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST_EXIF_FILE:
        raise NotAPictureError("error.picture.too_many_bytes", path=path, limit=LARGEST_EXIF_FILE // 1_000_000)


def encode_image(image: "Image", image_format: ImageFormat) -> bytes:
    """The pixels alone, encoded as `encode_picture` does."""
    return encode_picture(image, "", "", image_format).data


def read_picture_text(path: Path) -> PictureText:
    """The texts of a picture file. Its pixels are not decoded. Raises: NotAPictureError, StorageError."""
    with storage_errors(path), path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            file.seek(0)
            return _read_exif(file, path)
        file.seek(0)
        try:
            texts = read_png_text(file)
        except BrokenPngError:
            raise NotAPictureError("error.picture.truncated", path=path) from None
    return PictureText(texts.get(A1111_KEYWORD), texts.get(MANIFEST_KEYWORD))


def _encode_png(image: "Image", infotext: str, manifest: str) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    if infotext:
        texts.add_text(A1111_KEYWORD, infotext)
    if manifest:
        texts.add_itxt(MANIFEST_KEYWORD, manifest)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=texts, **PNG_OPTIONS)
    return file.getvalue()


def _encode_exif(image: "Image", comment: bytes, packet: bytes, image_format: ImageFormat) -> bytes:
    from PIL import Image as Images

    exif = Images.Exif()
    exif[EXIF_FOLDER] = {USER_COMMENT: comment}
    file = io.BytesIO()
    options = {"subsampling": 0} if image_format == "jpeg" else {}
    image.convert("RGB").save(file, image_format.upper(), quality=QUALITY, exif=exif.tobytes(), xmp=packet, **options)
    return file.getvalue()


def _user_comment(infotext: str) -> bytes:
    return COMMENT_PREFIX + infotext.encode("utf-16-be")


def _read_exif(file: BinaryIO, path: Path) -> PictureText:
    """The texts of a JPEG or WebP file; other kinds of picture have none."""
    from PIL import Image as Images
    from PIL import UnidentifiedImageError

    check_exif_file(file, path)
    try:
        with warnings.catch_warnings(action="ignore"), Images.open(file, formats=("JPEG", "WEBP")) as image:
            comment = image.getexif().get_ifd(EXIF_FOLDER).get(USER_COMMENT)
            packet = image.info.get("xmp")
    except UnidentifiedImageError:
        raise NotAPictureError("error.picture.unreadable", path=path) from None
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, Images.DecompressionBombError):
        raise NotAPictureError("error.picture.truncated", path=path) from None
    return PictureText(_read_comment(comment), _read_packet(packet) if isinstance(packet, bytes) else None)


def _read_packet(packet: bytes) -> str | None:
    """The manifest in an XMP packet of bearable length."""
    if len(packet) > LONGEST_PACKET:
        return None
    _, opened, rest = packet.decode("utf-8", "replace").partition(XMP_OPENED)
    manifest, closed, _ = rest.partition(XMP_CLOSED)
    return html.unescape(manifest) if opened and closed else None


def _read_comment(comment: object) -> str | None:
    if not isinstance(comment, bytes) or not comment.startswith(COMMENT_PREFIX) or len(comment) > 2 * LONGEST_TEXT:
        return None
    return comment[len(COMMENT_PREFIX) :].decode("utf-16-be", "replace")
