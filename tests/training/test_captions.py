"""Captions: read from beside a photo, proposed from its name, written whole; never a way to another file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import StorageError
from colabsd.training.captions import LONGEST_CAPTION, clean_caption, propose_caption, read_caption, write_caption


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("my_red-backpack (3).jpg", "my red backpack"),
        ("a photo of sks dog.png", "a photo of sks dog"),
        ("perro en la playa 2.heic", "perro en la playa"),
        ("mi-mochila_azul.JPG", "mi mochila azul"),
        ("IMG_20240501_112233.jpg", ""),
        ("IMG-20240501-WA0003.jpg", ""),
        ("DSC01234.JPG", ""),
        ("PXL_20240501_112233445.MP.jpg", ""),
        ("WhatsApp Image 2024-05-02 at 11.22.33.jpeg", ""),
        ("Screenshot 2024-05-02 at 11.22.33.png", ""),
        ("0001.jpg", ""),
        ("8f2383e4dd3cfbb4.webp", ""),
        ("photo-1513002749550-c59d786b8e6c.jpg", ""),
        (".jpg", ""),
        ("..etc..passwd.jpg", "etc passwd"),
    ],
)
def test_a_name_says_what_is_on_the_photo_or_nothing(name, proposed):
    assert propose_caption(name) == proposed


@given(st.text(max_size=80))
@settings(max_examples=80, deadline=None)
def test_whatever_a_file_is_called_the_proposal_is_a_line_of_words(name):
    proposed = propose_caption(name)
    assert proposed == clean_caption(proposed)
    assert not set(proposed) & set("/\\\n\r\t\0<>")


def test_the_captions_of_other_programs_are_read(tmp_path):
    for name, beside in (("a.jpg", "a.txt"), ("b.png", "b.caption"), ("c.webp", "c.webp.txt")):
        (tmp_path / beside).write_text(f"\ufeff\n  a photo of {name} \nanother line\n", encoding="utf-8")
        assert read_caption(tmp_path / name) == f"a photo of {name}"
    assert read_caption(tmp_path / "d.jpg") == ""


def test_a_caption_that_is_no_text_does_no_harm(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00dog\x1b[31m\x00")
    assert "dog" in read_caption(tmp_path / "a.jpg") and "\x1b" not in read_caption(tmp_path / "a.jpg")
    (tmp_path / "b.txt").write_bytes(b"x" * 1_000_000)
    assert read_caption(tmp_path / "b.jpg") == ""
    (tmp_path / "c.txt").write_text("word " * 1000)
    assert len(read_caption(tmp_path / "c.jpg")) <= LONGEST_CAPTION
    (tmp_path / "d.txt").mkdir()
    assert read_caption(tmp_path / "d.jpg") == ""


def test_a_caption_is_written_beside_the_photo_and_taken_away_again(tmp_path):
    photo = tmp_path / "dog.jpg"
    photo.write_bytes(b"the photo")
    assert write_caption(photo, "un perro\nfeliz") == tmp_path / "dog.txt"
    assert read_caption(photo) == "un perro feliz"
    write_caption(photo, "otro")
    assert read_caption(photo) == "otro"
    write_caption(photo, "")
    assert read_caption(photo) == "" and [path.name for path in tmp_path.iterdir()] == ["dog.jpg"]
    assert photo.read_bytes() == b"the photo"


def test_where_nothing_can_be_written_it_is_our_error(tmp_path):
    with pytest.raises(StorageError):
        write_caption(tmp_path / "gone" / "dog.jpg", "a dog")
