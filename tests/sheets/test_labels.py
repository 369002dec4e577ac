"""Text on sheets: both languages' letters, lines that fit, nothing without form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.language import LANGUAGES, words
from colabsd.sheets.labels import ELLIPSIS, UNBROKEN, Lettering, lettering, plain

LETTERS = lettering(14)


def glyph(letters: Lettering, letter: str) -> bytes:
    return bytes(letters.font.getmask(letter))


def test_the_font_has_every_letter_that_the_languages_use() -> None:
    missing = glyph(LETTERS, "\U0010ffff")
    used = {letter for language in LANGUAGES for sentence in words(language).values() for letter in sentence}
    used |= set("áéíóúüñÁÉÍÓÚÜÑ¿¡ºª«»“”×≥≈ΔЖж")
    assert sorted(letter for letter in used if letter.strip() and glyph(LETTERS, letter) == missing) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(30, 300), st.integers(1, 4))
def test_lines_fit_and_are_no_more_than_asked(text: str, width: int, lines: int) -> None:
    wrapped = LETTERS.wrap(text, width, lines)
    assert len(wrapped) <= lines
    assert all(LETTERS.width(line) <= width or len(line) == 1 for line in wrapped)


def test_what_is_left_out_is_marked() -> None:
    assert LETTERS.wrap("one two three four five six", 50, 2)[-1].endswith(ELLIPSIS)
    assert LETTERS.wrap("one two", 500, 1) == ["one two"]


def test_a_word_longer_than_a_line_is_broken() -> None:
    lines = LETTERS.wrap("x" * 60, 100, 20)
    assert "".join(lines) == "x" * 60


def test_an_unbroken_space_holds_words_together() -> None:
    held = f"Seed:{UNBROKEN}7"
    assert held in LETTERS.wrap(f"something before it {held}", LETTERS.width("something before it Seed:"), 5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a b c"),
        ("  a   b ", "a b"),
        ("a\x1b[31m", "a\ufffd[31m"),
        ("\u202eab", "\ufffdab"),
        ("e\u0301", "é"),
    ],
)
def test_what_has_no_form_gets_one(text: str, shown: str) -> None:
    assert plain(text) == shown
