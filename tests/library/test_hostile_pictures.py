"""A gallery of hostile files: nothing hangs, nothing is run, nothing takes the memory, and the good ones are found."""

import io
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import colabsd
from colabsd.errors import ColabsdError, NotAPictureError
from colabsd.library.library import Library, Verdict
from colabsd.library.manifest import read_manifest
from colabsd.library.picture_files import read_picture_text
from colabsd.library.png_text import SIGNATURE
from colabsd.library.thumbnails import MOST_CHUNKS, is_thumbnail, read_thumbnail

SECONDS = 20  # for the dearest one, a picture of 99 megapixels, on a slow and busy machine; a hang takes for ever


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def head(width: int, height: int, colour: int = 2) -> bytes:
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))


def zeros(width: int, height: int) -> bytes:
    """The packed rows of a black picture: a thousandth of what they unpack to."""
    packer, rows = zlib.compressobj(1), []
    row = b"\x00" * (1 + 3 * width)
    for _ in range(height):
        rows.append(packer.compress(row))
    return b"".join([*rows, packer.flush()])


def png(*chunks: bytes, size: tuple[int, int] = (64, 48)) -> bytes:
    return b"".join([head(*size), *chunks, chunk(b"IDAT", zeros(*size)), chunk(b"IEND", b"")])


BOMB = zlib.compress(b"0" * 100_000_000)  # 100 kB
SMALL = chunk(b"IDAT", zeros(64, 48)) + chunk(b"IEND", b"")

# Each file, and the key of the error that its thumbnail ends with; None: it has one all the same.
FILES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "huge size, few bytes": (lambda: head(2**31 - 1, 2**31 - 1) + SMALL, "error.picture.too_large"),
    "900 megapixels": (lambda: head(30_000, 30_000) + SMALL, "error.picture.too_large"),
    "no size": (lambda: head(0, 0) + SMALL, "error.picture.unreadable"),
    "99 black megapixels": (lambda: png(size=(9900, 10_000)), None),
    "more size than pixels": (lambda: head(9000, 9000) + SMALL, "error.picture.truncated"),
    "more pixels than size": (lambda: head(8, 8) + chunk(b"IDAT", zeros(4000, 4000)) + chunk(b"IEND", b""), None),
    "packed text bomb": (lambda: png(chunk(b"zTXt", b"colabsd\x00\x00" + BOMB)), "error.picture.truncated"),
    "packed text bomb, international": (
        lambda: png(chunk(b"iTXt", b"colabsd\x00\x01\x00\x00\x00" + BOMB)),
        "error.picture.truncated",
    ),
    "a thousand packed text bombs": (
        lambda: png(*[chunk(b"zTXt", b"a\x00\x00" + BOMB[:9000]) for _ in range(1000)]),
        "error.picture.truncated",
    ),
    "profile bomb": (lambda: png(chunk(b"iCCP", b"icc\x00\x00" + BOMB)), "error.picture.truncated"),
    "100 MB of text": (lambda: png(chunk(b"tEXt", b"parameters\x00" + b"x" * 100_000_000)), "error.picture.truncated"),
    "100 MB of exif": (lambda: png(chunk(b"eXIf", b"II*\x00" + b"x" * 100_000_000)), "error.picture.truncated"),
    "a length that leads out": (
        lambda: head(64, 48) + struct.pack(">I", 2**32 - 1) + b"tEXt" + SMALL,
        "error.picture.truncated",
    ),
    "a million empty chunks": (lambda: png(chunk(b"teSt", b"") * 1_000_000), "error.picture.truncated"),
    "a million empty pixel chunks": (
        lambda: head(64, 48) + chunk(b"IDAT", b"") * 1_000_000 + SMALL,
        "error.picture.truncated",
    ),
    "cut in its head": (lambda: head(64, 48)[:20], "error.picture.truncated"),
    "cut in its pixels": (lambda: png(size=(500, 500))[:-40], "error.picture.truncated"),
    "only a signature": (lambda: SIGNATURE, "error.picture.unreadable"),
    "nothing": (lambda: b"", "error.picture.unreadable"),
    "a page": (lambda: b"<html><script>alert(1)</script></html>", "error.picture.unreadable"),
    "a drawing that runs": (lambda: b"<svg onload='alert(1)'/>", "error.picture.unreadable"),
    "a program": (lambda: b"#!/bin/sh\ntouch /tmp/hacked\n", "error.picture.unreadable"),
    "a JPEG of 5,000 scans": (lambda: jpeg_of_scans(5000), "error.picture.truncated"),
    "a JPEG cut off": (lambda: jpeg()[:300], "error.picture.truncated"),
    "a WebP of lies": (lambda: webp()[:30] + b"\xff" * 200, "error.picture.truncated"),
    "ends in the middle of a chunk's name": (lambda: head(64, 48) + b"\x00\x00\x00\x09ID", "error.picture.unreadable"),
}


def saved(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, **options)
    return file.getvalue()


def jpeg() -> bytes:
    return saved(format="JPEG", progressive=True)


def webp() -> bytes:
    return saved(format="WEBP")


def jpeg_of_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each is decoded over the whole picture."""
    data = jpeg()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


@pytest.fixture(scope="module")
def hostile_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in FILES.items():
        (folder / f"{name}.png").write_bytes(make())
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_has_a_thumbnail_or_our_error_in_bearable_time(hostile_files: Path, name: str) -> None:
    path = hostile_files / f"{name}.png"
    expected, start = FILES[name][1], time.perf_counter()
    if expected is None:
        assert is_thumbnail(read_thumbnail(path))
    else:
        with pytest.raises(NotAPictureError) as caught:
            read_thumbnail(path)
        assert caught.value.message_key == expected
        assert str(caught.value) != caught.value.tell("es")
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("name", FILES)
def test_the_texts_of_a_hostile_file_are_read_in_no_time(hostile_files: Path, name: str) -> None:
    path, start = hostile_files / f"{name}.png", time.perf_counter()
    try:
        text = read_picture_text(path)
        assert text.manifest is None
    except NotAPictureError:
        pass
    with pytest.raises(ColabsdError):
        read_manifest(path)
    assert time.perf_counter() - start < SECONDS / 4


def test_as_many_chunks_as_an_honest_picture_has_are_fine(tmp_path: Path) -> None:
    """libpng writes 8 kB of pixels in a chunk: 35,000 of them for 100 megapixels that do not pack."""
    pixels = zeros(64, 48)
    chunks = b"".join(chunk(b"IDAT", pixels[place : place + 1]) for place in range(len(pixels)))
    empty = chunk(b"IDAT", b"") * 35_000
    (tmp_path / "x.png").write_bytes(head(64, 48) + chunks + empty + chunk(b"IEND", b""))
    assert MOST_CHUNKS > 35_000
    assert is_thumbnail(read_thumbnail(tmp_path / "x.png"))


STRANGE_NAMES = (
    b"\x1b[31mred.png",
    b"new\nline.png",
    b"\xff\xfe.png",
    "\u202egnp.exe.png".encode(),
    b"<img src=x onerror=alert(1)>.png",
    b"$(touch hacked).png",
    b"-rf.png",
    b"a" * 240 + b".png",
)


def fill(folder: Path, good: bytes, hostile: Path) -> None:
    """A day folder with every hostile file, and good pictures under names that are not."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in hostile.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name in STRANGE_NAMES:
        (folder / os.fsdecode(name)).write_bytes(good)
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    (folder / "endless.png").symlink_to("/dev/zero")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("nowhere.png")


def test_a_folder_of_hostile_files_is_taken_in_without_them(
    library: Library, keep_all: Callable[..., Any], hostile_files: Path
) -> None:
    """Pictures of ours under strange names are taken in where the name is harmless to show, and found and deleted."""
    kept = keep_all(library, prompt="<script>alert(1)</script><img src=x onerror=alert(1)>")[0]
    fill(library.workspace.pictures / "2026-11-20", kept.path.read_bytes(), hostile_files)
    start = time.perf_counter()
    assert library.rebuild() == library.rebuild()
    records = library.list()
    assert kept.record in records
    names = {record.path.rpartition("/")[2] for record in records}
    assert names == {
        kept.path.name,
        "<img src=x onerror=alert(1)>.png",
        "$(touch hacked).png",
        "-rf.png",
        "a" * 240 + ".png",
    }
    states = [found.state for found in library.verify() if isinstance(found, Verdict)]
    assert states.count("right") == len(records)
    assert {record.prompt for record in records} == {kept.record.prompt}, "a prompt is text, whatever is in it"
    assert all(is_thumbnail(library.thumbnail(record)) for record in records)
    assert time.perf_counter() - start < 4 * SECONDS
    list(library.delete([record.path for record in records]))
    assert library.list() == []


LIMITED = """
import json, resource, sys
from pathlib import Path
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
import numpy
from colabsd.errors import ColabsdError
from colabsd.library.library import open_library
from colabsd.library.thumbnails import read_thumbnail
from colabsd.storage.workspace import open_workspace

pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
library = open_library(open_workspace(Path(sys.argv[1]), {"HOME": sys.argv[1] + "-home"}))
count, keys = library.rebuild(), {}
for path in sorted(library.workspace.pictures.rglob("* *.png")):
    if path.is_file():
        try:
            read_thumbnail(path)
        except ColabsdError as error:
            keys[path.stem] = error.message_key
print(json.dumps([count, keys]))
library.close()
"""


@pytest.mark.integration
def test_a_gallery_of_hostile_files_takes_no_memory(
    library: Library, keep_all: Callable[..., Any], hostile_files: Path, tmp_path: Path
) -> None:
    """In a process of its own that may take 500 MB more than it has after its imports: 300 for the largest honest
    picture, as much again for what is unpacked on the way."""
    kept = keep_all(library)[0]
    library.close()
    fill(library.workspace.pictures / "2026-11-20", kept.path.read_bytes(), hostile_files)
    command = [sys.executable, "-c", LIMITED, str(library.workspace.root), str(500 * 2**20)]
    environ = {**os.environ, "PYTHONPATH": str(Path(colabsd.__file__).parents[1])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    count, keys = json.loads(done.stdout)
    assert count == 5
    expected = {name: key for name, (_, key) in FILES.items() if key is not None and " " in name}
    assert {name: key for name, key in keys.items() if name in FILES} == expected
