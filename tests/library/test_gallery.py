"""Pages of the gallery, and what it says of a picture."""

from collections.abc import Callable
from typing import Any

import pytest

from colabsd.errors import DamagedManifestError, NoManifestError, NotAPictureError, QueryError, UnknownPictureError
from colabsd.library.library import Library


def test_pages_go_through_all_pictures_newest_first(library: Library, keep_all: Callable[..., Any]) -> None:
    keep_all(library, 7)
    every = library.list()
    assert [record.seed for record in every] == list(range(13, 6, -1))
    pages = [library.list(3, offset) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert [record for page in pages for record in page] == every
    assert library.search("seed:>8", limit=2, offset=4) == every[4:5]


def test_matches_are_counted(library: Library, keep_all: Callable[..., Any]) -> None:
    assert library.count() == 0
    keep_all(library, 4)
    keep_all(library, prompt="a pear")
    assert (library.count(), library.count("manzana"), library.count("-manzana"), library.count("plum")) == (5, 4, 1, 0)
    with pytest.raises(QueryError):
        library.count("smapler:euler")


def test_several_names_are_found_in_their_order_or_none_is(library: Library, keep_all: Callable[..., Any]) -> None:
    kept = [one.record for one in keep_all(library, 3)]
    names = [kept[2].path, kept[0].key, kept[2].path]
    assert library.find_all(names) == [kept[2], kept[0], kept[2]]
    assert library.find_all([]) == []
    with pytest.raises(UnknownPictureError):
        library.find_all([kept[0].path, "nothing.png"])


def test_the_manifest_of_a_picture_is_what_its_file_says(library: Library, keep_all: Callable[..., Any]) -> None:
    kept = keep_all(library, 2)[1]
    manifest = library.manifest(kept.record)
    assert (manifest.drawing, manifest.index, manifest.job) == (kept.picture.drawing, 1, kept.record.job)


def test_a_manifest_that_cannot_be_trusted_is_told(library: Library, keep_all: Callable[..., Any]) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    record = keep_all(library)[0].record
    path = library.workspace.root / record.path
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(NoManifestError):
        library.manifest(record)
    for text in ("{", "[" * 100_000, '{"format": "colabsd.picture"}', '{"a": ' + "9" * 5000 + "}", "x" * 999_999):
        info = PngInfo()
        info.add_itxt("colabsd", text)
        Image.new("RGB", (9, 9)).save(path, pnginfo=info)
        with pytest.raises(DamagedManifestError):
            library.manifest(record)
    path.write_bytes(b"no picture")
    with pytest.raises(NotAPictureError):
        library.manifest(record)
