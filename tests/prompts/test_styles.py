"""styles.csv and what it does to prompts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import DamagedStylesError, UnknownStyleError
from colabsd.prompts import Style, Styled, apply_styles, find_styles, read_styles, write_styles

INK = Style("ink", "ink drawing, {prompt}, on paper", "photo")
SHARP = Style("sharp", "sharp focus", "blurry, {prompt}")
HEADING = Style("--- mine ---")


def test_a_table_of_a1111_is_read() -> None:
    text = (
        '\ufeffname,prompt,negative_prompt\r\nink, "ink, {prompt}",photo\r\n#no,a,b\r\n,x,y\r\n"two\nlines","a\nb",\r\n'
    )
    assert read_styles(text) == (Style("ink", "ink, {prompt}", "photo"), Style("two\nlines", "a\nb", ""))


def test_the_older_column_is_read_and_the_last_of_a_name_counts() -> None:
    assert read_styles("name,text\nink,old\nink,new\n") == (Style("ink", "new"),)


def test_nothing_is_no_style() -> None:
    assert read_styles("") == read_styles("\ufeff") == read_styles("name,prompt\n") == ()


def test_what_is_written_begins_with_a_byte_order_mark_and_the_header() -> None:
    assert write_styles([INK]) == '\ufeffname,prompt,negative_prompt\r\nink,"ink drawing, {prompt}, on paper",photo\r\n'


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20).map(str.strip)
ROWS = st.builds(Style, CELL.filter(lambda name: name != "" and not name.startswith("#")), CELL, CELL)


@settings(deadline=None, max_examples=100)
@given(st.lists(ROWS, max_size=5, unique_by=lambda style: style.name))
def test_written_styles_read_back_equal(styles: list[Style]) -> None:
    assert read_styles(write_styles(styles)) == tuple(styles)


def test_a_damaged_table_is_told_with_its_line() -> None:
    with pytest.raises(DamagedStylesError):
        read_styles("name,prompt\nink," + "x" * 200_000)


def test_styles_go_around_or_behind_the_prompt() -> None:
    assert apply_styles("a cat", "dog", ["ink", "sharp"], [INK, SHARP]) == Styled(
        "ink drawing, a cat, on paper, sharp focus", "blurry, dog, photo", ("ink", "sharp")
    )
    assert apply_styles("a cat", "", ["sharp"], [SHARP]).negative_prompt == "blurry, "
    assert apply_styles("", "", ["ink"], [INK]).prompt == "ink drawing, , on paper"
    assert apply_styles(" a cat ", "", [HEADING.name], [HEADING]).prompt == "a cat"
    assert apply_styles("a", "", ["twice"], [Style("twice", "{prompt} and {prompt}")]).prompt == "a and a"


def test_an_unknown_style_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownStyleError, match="ink"):
        apply_styles("a", "", ["inc"], [INK, SHARP])
    with pytest.raises(UnknownStyleError, match="add a row"):
        apply_styles("a", "", ["inc"], [])


def test_styles_are_found_again_in_what_they_made() -> None:
    styles = [SHARP, HEADING, INK]
    for names in (["ink"], ["sharp"], ["ink", "sharp"], ["sharp", "ink"]):
        made = apply_styles("a cat", "dog", names, styles)
        assert find_styles(made.prompt, made.negative_prompt, styles) == Styled("a cat", "dog", tuple(names))


def test_a_style_is_found_only_where_both_of_its_texts_are() -> None:
    made = apply_styles("a cat", "dog", ["ink"], [INK])
    assert find_styles(made.prompt, "dog", [INK]).styles == ()
    assert find_styles("a cat", "dog", [INK, HEADING]) == Styled("a cat", "dog")
    assert find_styles("sharp focus", "", [Style("sharp", "sharp focus")]) == Styled("", "", ("sharp",))
    assert find_styles("abc", "", [Style("x", "ab{prompt}bc")]).styles == ()
