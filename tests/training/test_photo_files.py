"""Photo files: whatever a camera or a telephone writes is read; what would take the memory is refused; none changes."""

import builtins
import hashlib
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from photo_files import opened, quarters, real
from PIL import Image

from colabsd.errors import MissingPackageError, NotAPictureError
from colabsd.geometry import Size
from colabsd.training.photo_files import find_photos, format_of, read_photo, read_photo_file

ORIENTATION = 0x0112


def corner(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((2, 2))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_whatever_its_exif_says(tmp_path, orientation):
    upright = quarters(64, 32)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that lead from upright to as stored
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert read_photo_file(tmp_path / "a.png").size == Size(64, 32)
    read = read_photo(tmp_path / "a.png")
    assert read.size == (64, 32) and corner(read) == (255, 0, 0) and read.getpixel((62, 2)) == (0, 255, 0)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif"])
def test_formats_are_told_by_their_bytes_and_not_by_their_names(tmp_path, ending):
    opened("dog-00").save(tmp_path / f"real.{ending}")
    path = (tmp_path / f"real.{ending}").rename(tmp_path / "photo.heic")
    assert format_of(path) == {"jpg": "jpeg"}.get(ending, ending)
    difference = np.abs(np.asarray(read_photo(path), int) - np.asarray(opened("dog-00"), int)).mean()
    assert difference < 12  # of 255; GIF has 256 colours


def test_a_photo_of_an_iphone_is_read(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(opened("dog-00")).save(tmp_path / "IMG_1.HEIC", quality=90)
    file = read_photo_file(tmp_path / "IMG_1.HEIC")
    assert (file.format, file.size) == ("heic", Size(384, 384))
    assert np.abs(np.asarray(read_photo(file.path), int) - np.asarray(opened("dog-00"), int)).mean() < 6


def test_without_its_package_such_a_photo_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(40))
    own = builtins.__import__

    def without(name, *rest):
        if name == "pillow_heif":
            raise ImportError(name)
        return own(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match="pip install pillow-heif"):
        read_photo_file(tmp_path / "IMG_1.HEIC")


def test_every_kind_of_pixels_becomes_rgb(tmp_path):
    photo = opened("clock-00")
    photo.convert("CMYK").save(tmp_path / "cmyk.jpg")
    photo.convert("L").save(tmp_path / "grey.png")
    photo.convert("P").save(tmp_path / "palette.png")
    Image.fromarray(np.asarray(photo.convert("L")).astype("uint16") * 257).save(tmp_path / "deep.png")
    for name in ("cmyk.jpg", "grey.png", "palette.png", "deep.png"):
        read = read_photo(tmp_path / name)
        kind = {"cmyk.jpg": "RGB", "palette.png": "P"}.get(name, "L")
        wanted = photo.convert(kind).convert("RGB")
        assert read.mode == "RGB"
        assert np.abs(np.asarray(read, int) - np.asarray(wanted, int)).mean() < 8, name


def test_what_is_transparent_becomes_white_and_that_is_said(tmp_path):
    photo = opened("clock-00").convert("RGBA")
    photo.putalpha(0)
    photo.save(tmp_path / "a.png")
    assert [note.key for note in read_photo_file(tmp_path / "a.png").notes] == ["note.photos.transparent"]
    assert np.asarray(read_photo(tmp_path / "a.png")).min() == 255


def test_of_an_animation_the_first_picture_is_taken_and_that_is_said(tmp_path):
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    note = read_photo_file(tmp_path / "a.gif").notes[0]
    assert note.key == "note.photos.animated" and note.facts["count"] == 3
    assert corner(read_photo(tmp_path / "a.gif")) == (255, 0, 0)


def test_the_file_is_hashed_as_it_is_and_stays_as_it_is():
    path = real("dog-00")
    before = path.read_bytes()
    file = read_photo_file(path)
    read_photo(path, 100)
    assert path.read_bytes() == before
    assert file.sha256 == hashlib.sha256(before).hexdigest() and file.bytes == len(before)


def test_a_large_jpeg_is_decoded_small():
    small = read_photo(real("dog-00"), 90)
    assert 90 <= min(small.size) < 180
    exact = opened("dog-00").resize(small.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, int) - np.asarray(exact, int)).mean() < 6


def test_twenty_thousand_pixels_neither_hang_nor_fill_the_memory(tmp_path):
    tile = Image.new("L", (20_000, 2000), 200)
    tile.paste(90, (0, 0, 9000, 1500))
    whole = Image.new("L", (20_000, 20_000))
    whole.paste(tile, (0, 6000))
    whole.save(tmp_path / "huge.jpg", quality=30)
    del whole, tile
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_photo_file(tmp_path / "huge.jpg").size == Size(20_000, 20_000)
    read = read_photo(tmp_path / "huge.jpg", 512)
    assert min(read.size) in range(512, 2501)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kB; all its pixels would take 1.2 GB


def test_a_png_that_says_it_is_huge_is_refused_unread(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(NotAPictureError, match="100 million"):
        read_photo_file(tmp_path / "bomb.png")


@pytest.mark.parametrize("data", [b"", b"hello, I am a text", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF    WEBPVP8 "])
def test_what_is_no_photo_is_our_error(tmp_path, data):
    (tmp_path / "photo.jpg").write_bytes(data)
    with pytest.raises(NotAPictureError):
        read_photo(tmp_path / "photo.jpg")


def test_a_photo_that_breaks_off_is_our_error(tmp_path):
    (tmp_path / "cut.jpg").write_bytes(real("dog-00").read_bytes()[:9000])
    with pytest.raises(NotAPictureError, match="damaged"):
        read_photo(tmp_path / "cut.jpg")


def test_a_broken_colour_profile_costs_nothing(tmp_path):
    opened("dog-00").save(tmp_path / "a.png", icc_profile=b"nonsense")
    assert np.array_equal(np.asarray(read_photo(tmp_path / "a.png")), np.asarray(opened("dog-00")))


def test_folders_are_looked_through_by_name_and_what_is_left_out_is_known(tmp_path):
    for name in ("b.jpg", "a.PNG", "a.txt", "film.mov", ".hidden.jpg", "raw.dng"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inside").mkdir()
    photos, others = find_photos([tmp_path, tmp_path / "b.jpg"])
    assert [path.name for path in photos] == ["a.PNG", "b.jpg"]
    assert [path.name for path in others] == ["film.mov", "raw.dng"]
    with pytest.raises(NotAPictureError):
        find_photos([Path("/nowhere/at/all")])
