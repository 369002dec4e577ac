"""What people bring along: the same from ipywidgets 7 and 8, under names of ours."""

from pathlib import Path
from typing import Any

import pytest

from colabsd.widgets.uploads import keep_upload, uploaded_files

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.mark.parametrize(
    "value",
    [
        {"a.png": {"metadata": {"name": "a.png"}, "content": PNG}},
        ({"name": "a.png", "type": "image/png", "size": len(PNG), "content": memoryview(PNG)},),
    ],
    ids=["ipywidgets 7", "ipywidgets 8"],
)
def test_both_versions_hand_over_the_same(value: Any) -> None:
    assert uploaded_files(value) == [("a.png", PNG)]


def test_nothing_chosen_is_no_file(tmp_path: Path) -> None:
    assert uploaded_files({}) == uploaded_files(()) == []
    assert keep_upload([], tmp_path) is None
    assert keep_upload([("empty.png", b"")], tmp_path) is None


def test_the_name_of_a_file_is_made_of_its_bytes_and_never_the_one_it_was_brought_under(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    paths = {keep_upload([(name, PNG)], folder) for name in ("../../etc/passwd.png", "a.png", "\x00.png")}
    (path,) = paths
    assert path is not None and path.parent == folder and path.suffix == ".png" and path.read_bytes() == PNG
    assert [entry.name for entry in tmp_path.iterdir()] == ["uploads"]


def test_what_is_no_picture_gets_an_ending_that_says_so(tmp_path: Path) -> None:
    path = keep_upload([("a.png", b"MZ not a picture")], tmp_path)
    assert path is not None and path.suffix == ".bin"
