"""What the linter remarks, and where."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.language import LANGUAGES, say
from colabsd.prompts import lint


def tokenize(text: str) -> list[int]:
    return [7 if word == "," else 8 for word in text.replace(",", " , ").split()]


CASES = {
    "a (cat": [("lint.bracket_open", 2)],
    "a [cat": [("lint.bracket_open", 2)],
    "cat) b]": [("lint.bracket_close", 3), ("lint.bracket_close", 6)],
    "(a [b) c]": [("lint.bracket_open", 3), ("lint.bracket_close", 8)],
    "(a:1..2)": [("lint.number", 3)],
    "(a:1,3)": [("lint.number", 3)],
    "(a:1e3)": [("lint.number", 3)],
    "[a:b:0,5]": [("lint.number", 5)],
    "time 12:30": [("lint.number_at_end", 7)],
    "(a BREAK b:1.3)": [("lint.break", 3)],
    "[a AND b:5]": [("lint.and", 3), ("lint.bracket_open", 0), ("lint.bracket_close", 10)],
    "[<lora:x:1>a:b:5]": [("lint.network_timed", 1)],
    "[a|b <lora:x:1>]": [("lint.network_timed", 5)],
    "<lora:x:abc> a": [("lint.network_number", 0)],
    "<lora:nix:1> a": [("lint.lora_unknown", 0)],
    "<lora:x:3> a": [("lint.weight", 0)],
    "(cat:2.5)": [("lint.weight", 1)],
    "(cat:-0.5)": [("lint.weight", 1)],
    "((((((((cat))))))))": [("lint.weight", 8)],
    "[cat:1.2]": [("lint.schedule_late", 0)],
    "a | [b:c:5]": [("lint.bar", 2)],
    "[b:c:5] a\\": [("lint.backslash", 9)],
    "sky #fff, blue": [("lint.comment", 4)],
    "(" * 70 + ")" * 70: [("lint.depth", 64)],
}


@pytest.mark.parametrize(("text", "remarks"), CASES.items())
def test_each_trap_is_remarked_where_it_is(text: str, remarks: list[tuple[str, int]]) -> None:
    found = [(remark.key, remark.position) for remark in lint(text, loras={"x"})]
    assert sorted(found) == sorted(remarks)
    assert [position for _, position in found] == sorted(position for _, position in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat, (red:1.3), [b:c:0.5], [a|b], <lora:x:0.8>",
        "a :1.2 AND b",
        "a BREAK b",
        "a | b",
        r"\(a\) \[b\]",
        "# a whole line\na cat",
        "[a::5] (b [c:d:3]:1.2)",
        "(a:[1.2:1.3:5])",
        "ratio 16:9 picture",
    ],
)
def test_what_is_right_is_not_remarked(text: str) -> None:
    assert lint(text, tokenize=tokenize, loras={"x"}) == ()


def test_positions_count_in_the_text_as_typed() -> None:
    text = "# first\na <lora:x:1> cat # hm\n and (dog"
    remarks = {remark.key: remark.position for remark in lint(text)}
    assert remarks == {"lint.comment": text.index("# hm"), "lint.bracket_open": text.index("(dog")}


def test_the_second_part_is_looked_at_too() -> None:
    (remark,) = lint("a AND (b")
    assert (remark.key, remark.position) == ("lint.bracket_open", 6)


def test_a_long_prompt_is_told_where_it_is_cut() -> None:
    text = "(red:1.1) " + "word " * 70 + ", last clause of this prompt"
    (remark,) = lint(text, tokenize=tokenize)
    assert remark.key == "lint.length"
    assert remark.position == text.index("last")
    assert remark.facts == {"tokens": 80, "chunks": 2, "words": "last clause of this prompt"}
    assert lint(text) == ()


def test_a_cut_that_was_asked_for_is_not_remarked() -> None:
    assert lint("word " * 70 + "BREAK" + " word" * 70, tokenize=tokenize) == ()
    (remark,) = lint("word BREAK" + " word" * 70 + " then" * 20, tokenize=tokenize)
    assert remark.position > 300


def test_loras_are_not_known_when_nobody_says_which_there_are() -> None:
    assert lint("<lora:nix:1>") == ()


def test_negative_prompts_have_no_and() -> None:
    assert lint("[a AND b:5]", negative=True) == ()
    assert lint("time 12:30", negative=True) == ()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([*CASES, " ", "a", "\n", "AND", "BREAK"]), max_size=5).map("".join))
def test_every_remark_can_be_said_in_both_languages_and_points_into_the_text(text: str) -> None:
    for remark in lint(text, tokenize=tokenize, loras={"x"}):
        assert 0 <= remark.position <= len(text)
        for language in LANGUAGES:
            assert say(remark.key, language, **remark.facts)
