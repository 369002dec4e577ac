"""Thumbnails: small, alike, of every kind of picture, from here, from packs and from files."""

import io
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colabsd.errors import NotAPictureError, StorageError
from colabsd.library.library import Library
from colabsd.library.thumbnails import LONGEST_SIDE, is_thumbnail, make_thumbnail, read_thumbnail
from colabsd.storage.workspace import Workspace


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), (192, 192)),
        ((768, 512), (192, 128)),
        ((64, 48), (64, 48)),
        ((192, 193), (191, 192)),
        ((5000, 3), (192, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_it_has_the_pictures_shape_and_at_most_192_pixels_a_side(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    small = opened(make_thumbnail(picture))
    assert (small.size, small.format) == (expected, "JPEG")
    assert picture.size == size


def test_it_looks_like_the_picture() -> None:
    """Four squares of colour; JPEG changes a plain colour by a few of 255 levels."""
    picture = Image.new("RGB", (512, 512))
    colours = {(0, 0): (200, 30, 30), (256, 0): (30, 200, 30), (0, 256): (30, 30, 200), (256, 256): (240, 240, 240)}
    for place, colour in colours.items():
        picture.paste(colour, (*place, place[0] + 256, place[1] + 256))
    small = opened(make_thumbnail(picture))
    for (left, top), colour in colours.items():
        found = small.getpixel(((left + 128) * 192 // 512, (top + 128) * 192 // 512))
        assert max(abs(one - other) for one, other in zip(found, colour, strict=True)) <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "HSV"])
@pytest.mark.parametrize("size", [(40, 30), (900, 700)])
def test_pictures_of_every_mode_have_one(mode: str, size: tuple[int, int]) -> None:
    assert is_thumbnail(make_thumbnail(Image.new(mode, size)))


def test_what_is_transparent_is_white_and_16_bits_are_not_cut_off() -> None:
    clear = opened(make_thumbnail(Image.new("RGBA", (300, 300), (255, 0, 0, 0))))
    assert min(clear.getpixel((50, 50))) >= 250
    grey = opened(make_thumbnail(Image.new("I;16", (300, 300), 0x4000)))
    assert abs(grey.convert("L").getpixel((50, 50)) - 0x40) <= 2


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_the_one_made_from_the_file_is_like_the_one_made_while_drawing(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path, image_format: str
) -> None:
    kept = keep_all(library, image_format=image_format)[0]
    at_once = library.thumbnail(kept.record)
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    later = other.thumbnail(kept.record)
    assert opened(at_once).size == opened(later).size == (64, 48)
    if image_format == "png":
        assert at_once == later


def test_it_is_made_when_the_picture_is_kept(library: Library, keep_all: Callable[..., Any]) -> None:
    kept = keep_all(library)[0]
    kept.path.unlink()
    assert is_thumbnail(library.thumbnail(kept.record))


def test_it_is_kept_when_it_was_made_from_the_file(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    kept = keep_all(library)[0]
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    first = other.thumbnail(kept.record)
    kept.path.unlink()
    assert other.thumbnail(kept.record) == first


def test_a_gone_or_damaged_file_is_told(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    gone, damaged = keep_all(library, 2)
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    gone.path.unlink()
    damaged.path.write_bytes(damaged.path.read_bytes()[:500])
    for kept, key in ((gone, "error.picture.missing"), (damaged, "error.picture.truncated")):
        with pytest.raises(NotAPictureError) as caught:
            other.thumbnail(kept.record)
        assert caught.value.message_key == key


def test_a_failure_of_the_thumbnails_never_loses_a_picture(
    library: Library, keep_all: Callable[..., Any], workspace: Workspace
) -> None:
    (workspace.local / "thumbnails.sqlite").mkdir(parents=True)
    kept = keep_all(library)[0]
    assert library.list() == [kept.record]
    assert is_thumbnail(library.thumbnail(kept.record)), "made from the file, though there is no place for it"


def test_a_damaged_database_is_made_anew(library: Library, keep_all: Callable[..., Any], workspace: Workspace) -> None:
    kept = keep_all(library)[0]
    before = library.thumbnail(kept.record)
    library.close()
    (workspace.local / "thumbnails.sqlite").write_bytes(b"no database" * 1000)
    assert library.thumbnail(kept.record) == before


@pytest.fixture
def packs_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colabsd.library.thumbnail_store.PACK", 4)


@pytest.mark.usefixtures("packs_of_four")
def test_a_new_machine_reads_packs_and_not_the_pictures(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    kept = keep_all(library, 10)
    before = [library.thumbnail(one.record) for one in kept]
    library.close()
    assert len(list((library.workspace.root / "thumbnails").iterdir())) == 2
    library.workspace.pictures.rename(tmp_path / "away")
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    records = other.list()[::-1]
    assert [other.thumbnail(record) for record in records[:8]] == before[:8]
    for record in records[8:]:
        with pytest.raises(NotAPictureError):
            other.thumbnail(record)


@pytest.mark.usefixtures("packs_of_four")
def test_thumbnails_made_later_are_packed_too(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    kept = keep_all(library, 4)
    folder = library.workspace.root / "thumbnails"
    (pack,) = folder.iterdir()
    pack.unlink()
    library.close()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    assert all(is_thumbnail(other.thumbnail(one.record)) for one in kept)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.usefixtures("packs_of_four")
def test_a_pack_that_cannot_be_written_is_tried_again_when_as_many_have_come(
    library: Library, keep_all: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from colabsd.library import thumbnail_store

    real, tried = thumbnail_store.publish_into, []

    def fail(*_: Any) -> None:
        tried.append(1)
        raise StorageError("error.storage.full", path="x")

    monkeypatch.setattr(thumbnail_store, "publish_into", fail)
    keep_all(library, 7)
    assert len(tried) == 1
    monkeypatch.setattr(thumbnail_store, "publish_into", real)
    keep_all(library)
    assert len(list((library.workspace.root / "thumbnails").iterdir())) == 2


def write_pack(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as pack:
        for name, data in members.items():
            pack.writestr(name, data)


@pytest.mark.usefixtures("packs_of_four")
@pytest.mark.parametrize("hostile", ["no zip", "cut", "bomb", "html", "huge", "names", "many", "folder"])
def test_a_hostile_pack_is_no_more_than_a_missing_one(
    library: Library, make_library: Any, keep_all: Callable[..., Any], tmp_path: Path, hostile: str
) -> None:
    kept = keep_all(library, 4)
    (pack,) = (library.workspace.root / "thumbnails").iterdir()
    library.close()
    names = [f"{one.record.sha256}.jpg" for one in kept]
    file = io.BytesIO()
    Image.new("RGB", (5000, 5000)).save(file, "JPEG")
    if hostile == "no zip":
        pack.write_bytes(b"<script>alert(1)</script>" * 1000)
    elif hostile == "cut":
        pack.write_bytes(pack.read_bytes()[:-40])
    elif hostile == "bomb":
        write_pack(pack, dict.fromkeys(names, b"\xff\xd8" + b"0" * 50_000_000), zipfile.ZIP_DEFLATED)
    elif hostile == "html":
        write_pack(pack, dict.fromkeys(names, b"<svg onload=alert(1)>"))
    elif hostile == "huge":
        write_pack(pack, dict.fromkeys(names, file.getvalue()))
    elif hostile == "names":
        write_pack(pack, {f"../{name}": make_thumbnail(Image.new("RGB", (9, 9))) for name in names})
    elif hostile == "many":
        write_pack(pack, {f"{number:064x}.jpg": b"" for number in range(2000)})
    else:
        pack.unlink()
        pack.mkdir()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    for one in kept:
        assert opened(other.thumbnail(one.record)).size == (64, 48)
    assert {path.name for path in tmp_path.iterdir()} <= {"ws", "home", "machine 2"}


def test_only_small_jpegs_are_shown_as_thumbnails() -> None:
    png = io.BytesIO()
    Image.new("RGB", (9, 9)).save(png, "PNG")
    scans = make_thumbnail(Image.new("RGB", (9, 9))) + b"\xff\xda" * 500
    assert not any(map(is_thumbnail, (b"", b"x" * 70_000, png.getvalue(), b"<svg/>", b"\xff\xd8\xff", scans)))


def test_the_database_holds_one_row_a_picture(
    library: Library, keep_all: Callable[..., Any], workspace: Workspace
) -> None:
    for kept in keep_all(library, 3):
        library.thumbnail(kept.record)
    library.close()
    with sqlite3.connect(workspace.local / "thumbnails.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM thumbnails").fetchone() == (3,)


def test_the_longest_side_of_a_file_of_any_format(tmp_path: Path) -> None:
    picture = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
    for ending in ("png", "jpg", "webp"):
        picture.save(tmp_path / f"x.{ending}")
        assert opened(read_thumbnail(tmp_path / f"x.{ending}")).size == (LONGEST_SIDE, 144)
