"""Pictures and masks as people bring them: turned, transparent, deep, damaged, hostile; and put together again."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from colabsd.engine.redrawing import Original
from colabsd.errors import ColabsdError, NotAPictureError, UnusableMaskError
from colabsd.geometry import Size
from colabsd.language import say
from colabsd.recipes.originals import fit, put_together, read_brought

ORIENTATION = 0x0112


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def save(image: Image.Image, name: str = "picture.png", **options: Any) -> Path:
        path = tmp_path / name
        image.save(path, **options)
        return path

    return save


def red(width: int = 64, height: int = 64, mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (width, height), "red").convert(mode)


def masked(size: tuple[int, int] = (64, 64), box: tuple[int, int, int, int] = (16, 16, 48, 48)) -> Image.Image:
    mask = Image.new("L", size, 0)
    mask.paste(255, box)
    return mask


def test_a_photo_is_turned_as_its_exif_says(save: Any) -> None:
    photo = Image.new("RGB", (40, 20), "blue")
    photo.paste("white", (0, 0, 10, 20))  # at the left, which is the top of what was photographed
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    brought = read_brought(save(photo, "photo.jpg", exif=exif, quality=95))
    assert brought.size == Size(20, 40)
    assert brought.image.getpixel((10, 2)) > (200, 200, 200)  # type: ignore[operator]


def test_transparent_parts_are_put_on_white_and_told(save: Any) -> None:
    image = red(mode="RGBA")
    image.putpixel((5, 5), (0, 0, 0, 0))
    brought = read_brought(save(image))
    assert brought.image.getpixel((5, 5)) == (255, 255, 255) and brought.image.getpixel((6, 6)) == (255, 0, 0)
    assert [note.key for note in brought.notes] == ["note.picture_flattened"]
    assert read_brought(save(red(mode="RGBA"))).notes == ()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "1", "RGBA"])
def test_every_mode_becomes_rgb(save: Any, mode: str) -> None:
    ending = "tif" if mode == "CMYK" else "png"
    brought = read_brought(save(red(mode=mode), f"picture.{ending}"))
    assert brought.image.mode == "RGB" and brought.size == Size(64, 64)


def test_sixteen_bits_are_not_cut_off_at_white(save: Any) -> None:
    grey = Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16))
    assert read_brought(save(grey)).image.getpixel((0, 0)) == (128, 128, 128)


def test_of_a_film_the_first_picture_is_taken(save: Any) -> None:
    path = save(red(), "film.gif", save_all=True, append_images=[Image.new("RGB", (64, 64), "blue")])
    assert read_brought(path).image.getpixel((0, 0)) == (255, 0, 0)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large and holds next to nothing."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0" * 100)) + part(b"IEND", b"")


def whole_png() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (None, "error.picture.missing"),
        (b"", "error.picture.unreadable"),
        (b"this is text", "error.picture.unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "error.picture.unreadable"),
        (whole_png()[:-200], "error.picture.truncated"),
        (png_of(30_000, 30_000), "error.picture.too_large"),
        (png_of(12_000, 12_000), "error.picture.too_large"),
        (png_of(64, 64), "error.picture.truncated"),
    ],
)
def test_what_is_no_picture_is_our_error_in_both_languages(tmp_path: Path, data: bytes | None, key: str) -> None:
    path = tmp_path / "picture.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(NotAPictureError) as error:
        read_brought(path)
    assert error.value.message_key == key
    assert str(path) in error.value.tell("es") != error.value.tell("en")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(NotAPictureError):
        read_brought(tmp_path)


def test_a_line_cannot_be_redrawn(save: Any) -> None:
    with pytest.raises(NotAPictureError) as error:
        read_brought(save(red(2000, 10)))
    assert error.value.message_key == "error.picture.shape"


def bad_masks() -> list[tuple[Image.Image, str]]:
    return [
        (Image.new("L", (64, 64), 0), "error.mask.empty"),
        (Image.new("L", (64, 64), 100), "error.mask.empty"),
        (Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "error.mask.empty"),
        (masked((64, 32)), "error.mask.shape"),
    ]


@pytest.mark.parametrize(("mask", "key"), bad_masks())
def test_masks_that_are_none_are_told_in_both_languages(save: Any, mask: Image.Image, key: str) -> None:
    with pytest.raises(UnusableMaskError) as error:
        read_brought(save(red()), save(mask, "mask.png"))
    assert error.value.message_key == key
    assert error.value.tell("es") != error.value.tell("en") == say(key, "en", **error.value.facts)


def test_a_mask_that_is_no_picture_is_told_by_its_own_name(save: Any, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"no")
    with pytest.raises(ColabsdError) as error:
        read_brought(save(red()), tmp_path / "mask.png")
    assert "mask.png" in str(error.value)


@pytest.mark.parametrize("stroke", ["white", "black"])
def test_a_mask_may_be_painted_on_nothing(save: Any, stroke: str) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=stroke)
    brought = read_brought(save(red()), save(mask, "mask.png"))
    assert brought.mask is not None and np.array_equal(np.asarray(brought.mask), np.asarray(masked()))


def test_a_mask_of_another_size_and_the_same_shape_is_scaled(save: Any) -> None:
    brought = read_brought(save(red()), save(masked((128, 128), (32, 32, 96, 96)), "mask.png"))
    assert brought.mask is not None and brought.mask.size == (64, 64)
    assert [note.key for note in brought.notes] == ["note.mask_resized"]


def test_a_picture_of_the_right_size_stays_as_it_is(save: Any) -> None:
    noise = Image.effect_noise((64, 64), 50).convert("RGB")
    original = fit(read_brought(save(noise)), Size(64, 64), 8)
    assert np.array_equal(np.asarray(original.image), np.asarray(noise))


def test_picture_and_mask_are_cut_alike(save: Any) -> None:
    """A white square in the middle stays in the middle of both."""
    image = Image.new("RGB", (200, 100), "black")
    image.paste("white", (80, 30, 120, 70))
    original = fit(read_brought(save(image), save(image, "mask.png")), Size(64, 64), 8)
    assert original.mask is not None and original.image.size == original.mask.size == (64, 64)
    brightness = np.asarray(original.image.convert("L"))
    assert np.array_equal(brightness >= 128, np.asarray(original.mask) == 255)


def test_a_mask_that_every_latent_misses_is_told(save: Any) -> None:
    brought = read_brought(save(red()), save(masked(box=(3, 0, 6, 64)), "mask.png"))
    with pytest.raises(UnusableMaskError) as error:
        fit(brought, Size(64, 64), 8)
    assert error.value.message_key == "error.mask.thin"


def test_outside_the_mask_not_one_pixel_changes() -> None:
    old, new = Image.effect_noise((64, 64), 50).convert("RGB"), red()
    hard = np.asarray(put_together(Original(old, masked()), new, 0))
    inside = np.asarray(masked()) == 255
    assert np.array_equal(hard[~inside], np.asarray(old)[~inside]) and (hard[inside] == (255, 0, 0)).all()
    soft = np.asarray(put_together(Original(old, masked()), new, 2))
    assert np.array_equal(soft[:6], np.asarray(old)[:6]) and (soft[30:34, 30:34] == (255, 0, 0)).all()
    assert not np.array_equal(soft, hard)
    assert put_together(Original(old), new, 0) is new
