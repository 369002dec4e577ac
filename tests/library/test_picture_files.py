"""Pictures and their texts survive every container, and hostile files are read without harm."""

import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colabsd.errors import NotAPictureError, StorageError
from colabsd.library.picture_files import PictureText, encode_image, encode_picture, format_of, read_picture_text
from colabsd.library.png_text import SIGNATURE, BrokenPngError, read_png_text

NOISE = Image.effect_noise((64, 48), 90).convert("RGB")
text_of_pictures = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=200)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> io.BytesIO:
    return io.BytesIO(SIGNATURE + b"".join(chunks) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
@settings(deadline=None, max_examples=40)
@given(infotext=text_of_pictures, manifest=text_of_pictures)
def test_both_texts_read_back_equal(
    image_format: Any, infotext: str, manifest: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    infotext, manifest = f"i{infotext}", f"{{{manifest}}}"
    encoded = encode_picture(NOISE, infotext, xml_safe(manifest), image_format)
    path = tmp_path_factory.mktemp("read") / "x"
    path.write_bytes(encoded.data)
    assert read_picture_text(path) == PictureText(infotext, xml_safe(manifest))


def xml_safe(text: str) -> str:
    """Manifests are JSON, which has no raw control characters and whose writer escapes what XML does not allow."""
    return "".join(one for one in text if one.isprintable())


def test_a_png_has_exactly_the_pixels_and_a1111s_keyword() -> None:
    image = Image.open(io.BytesIO(encode_picture(NOISE, "text", "{}", "png").data))
    assert image.tobytes() == NOISE.tobytes()
    assert image.info["parameters"] == "text"
    assert image.info["colabsd"] == "{}"


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_exif_is_as_a1111_writes_it(image_format: Any) -> None:
    image = Image.open(io.BytesIO(encode_picture(NOISE, "búho", "{}", image_format).data))
    assert image.getexif().get_ifd(0x8769)[0x9286] == b"UNICODE\x00" + "búho".encode("utf-16-be")
    assert image.format == image_format.upper()


def test_texts_too_long_for_a_jpeg_make_it_a_png(tmp_path: Path) -> None:
    for infotext, manifest in (("x" * 40_000, "{}"), ("x", "y" * 70_000)):
        encoded = encode_picture(NOISE, infotext, manifest, "jpeg")
        assert encoded.format == "png"
        (tmp_path / "x").write_bytes(encoded.data)
        assert read_picture_text(tmp_path / "x") == PictureText(infotext, manifest)


def test_texts_that_just_fit_a_jpeg_stay_in_it(tmp_path: Path) -> None:
    encoded = encode_picture(NOISE, "x" * 32_000, "y" * 64_000, "jpeg")
    assert encoded.format == "jpeg"
    (tmp_path / "x").write_bytes(encoded.data)
    assert read_picture_text(tmp_path / "x") == PictureText("x" * 32_000, "y" * 64_000)


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_the_texts_do_not_change_the_pixels(image_format: Any) -> None:
    with_texts, alone = encode_picture(NOISE, "i", "{}", image_format).data, encode_image(NOISE, image_format)
    assert Image.open(io.BytesIO(with_texts)).tobytes() == Image.open(io.BytesIO(alone)).tobytes()


def test_formats_are_known_by_the_files_ending() -> None:
    names = ["a.png", "a.JPG", "a.jpeg", "a.webp", "a"]
    assert [format_of(Path(name)) for name in names] == ["png", "jpeg", "jpeg", "webp", "png"]


def test_all_three_kinds_of_text_chunk_are_read() -> None:
    texts = read_png_text(
        png(
            chunk(b"tEXt", b"one\x00caf\xe9"),
            chunk(b"zTXt", b"two\x00\x00" + zlib.compress(b"packed")),
            chunk(b"iTXt", b"three\x00\x00\x00en\x00\x00" + "búho 🦉".encode()),
            chunk(b"iTXt", b"four\x00\x01\x00\x00\x00" + zlib.compress("ñ".encode())),
        )
    )
    assert texts == {"one": "café", "two": "packed", "three": "búho 🦉", "four": "ñ"}


def test_a_text_after_the_pixels_is_read_too() -> None:
    file = SIGNATURE + chunk(b"IDAT", b"xx") + chunk(b"tEXt", b"a\x00b") + chunk(b"IEND", b"")
    assert read_png_text(io.BytesIO(file)) == {"a": "b"}


@pytest.mark.parametrize(
    "bomb",
    [
        chunk(b"zTXt", b"colabsd\x00\x00" + zlib.compress(b"0" * 100_000_000)),
        chunk(b"iTXt", b"colabsd\x00\x01\x00\x00\x00" + zlib.compress(b"0" * 100_000_000)),
        chunk(b"iTXt", b"colabsd\x00\x00\x00\x00\x00" + b"0" * 2_000_000),
        chunk(b"zTXt", b"colabsd\x00\x00not packed at all"),
        struct.pack(">I", 2**32 - 1) + b"iTXt",
        chunk(b"tEXt", b"colabsd\x00x")[:-1] + b"?",
    ],
)
def test_bombs_huge_texts_and_wrong_checksums_are_left_out(bomb: bytes) -> None:
    start = time.perf_counter()
    try:
        assert "colabsd" not in read_png_text(png(bomb))
    except BrokenPngError:
        assert len(bomb) == 8  # a length that leads out of the file
    assert time.perf_counter() - start < 1


def test_a_packet_full_of_openings_is_read_at_once(tmp_path: Path) -> None:
    NOISE.save(tmp_path / "x.webp", xmp=b"<colabsd:manifest>" * 50_000)
    start = time.perf_counter()
    assert read_picture_text(tmp_path / "x.webp").manifest is None
    assert time.perf_counter() - start < 2


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_damaged_or_cut_file_gives_a_text_or_our_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    image_format = data.draw(st.sampled_from(["png", "jpeg", "webp"]))
    file = bytearray(encode_picture(NOISE, "text", '{"manifest": 1}', image_format).data)
    for _ in range(data.draw(st.integers(0, 3))):
        file[data.draw(st.integers(0, min(len(file) - 1, 900)))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(file[: data.draw(st.integers(0, len(file)))])
    try:
        read_picture_text(path)
    except NotAPictureError as error:
        str(error)


def test_other_things_are_no_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "x.bmp")
    with pytest.raises(NotAPictureError):
        read_picture_text(tmp_path / "x.bmp")
    with pytest.raises(StorageError):
        read_picture_text(tmp_path / "missing.png")
    with pytest.raises(StorageError):
        read_picture_text(tmp_path)


def test_a_picture_of_huge_dimensions_is_read_without_decoding_it(tmp_path: Path) -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
    (tmp_path / "huge.png").write_bytes(png(head, chunk(b"tEXt", b"parameters\x00text")).getvalue())
    assert read_picture_text(tmp_path / "huge.png").infotext == "text"
