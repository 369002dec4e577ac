"""Text for a terminal: harmless, measured, cut, in tables."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.cli.text import columns, cut, harmless, table
from colabsd.language.amounts import duration


def test_an_escape_sequence_loses_its_power():
    assert harmless("a\x1b[31mred\x07\x00b\x9b2J") == "a\ufffd[31mred\ufffd\ufffdb\ufffd2J"


def test_line_ends_become_spaces():
    assert harmless("one\ntwo\tthree\r\nfour\u2028five") == "one two three  four five"


def test_direction_overrides_are_shown_and_not_obeyed():
    assert "\u202e" not in harmless("abc\u202efed")


def test_right_to_left_text_and_emoji_pass():
    text = "תפוח אדום 🍎 👩‍🚀 تفاحة"
    assert harmless(text) == text


def test_wide_characters_take_two_columns_and_combining_ones_none():
    assert columns("ab") == 2
    assert columns("りんご") == 6
    assert columns("e\u0301") == 1


@settings(deadline=None, max_examples=200)
@given(st.text(), st.integers(1, 40))
def test_what_is_cut_fits(text: str, width: int):
    assert columns(cut(text, width)) <= width


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_nothing_harmful_is_left_of_any_text(text: str):
    assert not [letter for letter in harmless(text) if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]


def test_short_text_is_not_cut():
    assert cut("a red apple", 11) == "a red apple"
    assert cut("a red apple", 10) == "a red app…"


def test_columns_of_a_table_are_aligned_whatever_the_alphabet():
    lines = table([("りんご", "1", "red"), ("apple", "22", "green")], 80)
    assert lines == ["りんご  1   red", "apple   22  green"]


def test_only_the_last_column_is_cut():
    (line,) = table([("abc", "a very long prompt about many things")], 20)
    assert columns(line) <= 20
    assert line.startswith("abc  a very")
    assert line.endswith("…")


def test_times_are_told_in_symbols_that_both_languages_share():
    assert [duration(seconds) for seconds in (0.4, 59, 65, 3723)] == ["0 s", "59 s", "1 min 05 s", "1 h 02 min"]
