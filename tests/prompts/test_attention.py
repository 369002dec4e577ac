"""Attention as A1111 reads it: the values are measured there."""

import pytest

from colabsd.prompts.attention import Piece, runs, weigh
from colabsd.prompts.tree import Break

DOWN = 1 / 1.1


def weighed(text: str) -> list[tuple[str, float] | str]:
    return ["BREAK" if isinstance(piece, Break) else (piece.text, piece.weight) for piece in weigh(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("a (red) cat", [("a ", 1.0), ("red", 1.1), (" cat", 1.0)]),
        ("(a:1.3)", [("a", 1.3)]),
        ("[a]", [("a", DOWN)]),
        ("((a))", [("a", 1.1 * 1.1)]),
        ("((a:2):3)", [("a", 6.0)]),
        ("[[a]b]", [("a", DOWN * DOWN), ("b", DOWN)]),
        ("([a])b", [("ab", 1.0)]),
        ("(a)(b)", [("ab", 1.1)]),
        ("a()b", [("ab", 1.0)]),
        ("", [("", 1.0)]),
        ("()", [("", 1.0)]),
    ],
)
def test_brackets_weigh_what_is_in_them(text: str, pieces: list[tuple[str, float]]) -> None:
    assert weighed(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("(a:1.5", [("a:1.5", 1.1)]),
        ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
        ("[a:1.2]", [("a:1.2", DOWN)]),
        ("(a:-1)", [("a", -1.0)]),
        ("(a:+2)", [("a", 2.0)]),
        ("(a:.5)", [("a", 0.5)]),
        ("(a:1.)", [("a", 1.0)]),
        ("(a: 1.5 )", [("a", 1.5)]),
        ("(a:1e3)", [("a:1e3", 1.1)]),
        ("(a:0)", [("a", 0.0)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("{a} <b:1>", [("{a} <b:1>", 1.0)]),
        (r"(a\:1.3)", [("a", 1.3)]),
    ],
)
def test_the_surprises_of_weights_are_kept(text: str, pieces: list[tuple[str, float]]) -> None:
    assert weighed(text) == pieces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"\(a\)", "(a)"),
        (r"\[a\]", "[a]"),
        (r"a\\b", "a\\b"),
        (r"a\b", "ab"),
        ("a\\", "a"),
        (r"\(a:1.3\)", "(a:1.3)"),
    ],
)
def test_a_backslash_makes_a_bracket_a_character_and_vanishes(text: str, words: str) -> None:
    assert weighed(text) == [(words, 1.0)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a (b", [("a ", 1.0), ("b", 1.1)]),
        ("a [b", [("a ", 1.0), ("b", DOWN)]),
        ("a) b]", [("a) b]", 1.0)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.1 * DOWN), (" c", DOWN)]),
        ("[a (b] c)", [("a ", DOWN), ("b", DOWN * 1.1), (" c", 1.1)]),
    ],
)
def test_unbalanced_brackets_count_to_the_end_or_are_characters(text: str, pieces: list[tuple[str, float]]) -> None:
    assert weighed(text) == pieces


@pytest.mark.parametrize("number", ["1..2", ".", "...", "9" * 400])
def test_a_weight_that_is_no_number_is_text(number: str) -> None:
    assert weighed(f"(a:{number})") == [(f"a:{number}", 1.1)]


@pytest.mark.parametrize("text", ["a BREAK b", "a\nBREAK\n b", "a    BREAK b"])
def test_break_stands_alone_and_eats_the_blanks_around_it(text: str) -> None:
    assert weighed(text) == [("a", 1.0), "BREAK", ("b", 1.0)]


def test_only_the_whole_word_breaks() -> None:
    assert weighed("BREAKFAST xBREAK break") == [("BREAKFAST xBREAK break", 1.0)]


def test_break_breaks_inside_brackets_too() -> None:
    assert weighed("(a BREAK b:1.3)") == [("a", 1.3), "BREAK", ("b", 1.3)]
    assert weighed("BREAK") == ["BREAK"]


def test_a_longer_example_gives_the_weights_measured_in_a1111() -> None:
    assert weighed("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).") == [
        ("a ", 1.0),
        ("house", 1.5730000000000004),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641000000000006),
        (".", 1.1),
    ]


def test_runs_tell_where_their_text_begins() -> None:
    text = "a (red:1.2) \\( BREAK b"
    for run in runs(text):
        assert run.text is None or text[run.start :].startswith(run.text) or text[run.start] == "\\"
    assert [run.start for run in runs(text) if run.text is None] == [text.index("BREAK")]


def test_weights_stay_finite_however_deep() -> None:
    huge = "9" * 300
    for text in ("(" * 10_000 + "a", f"((a:{huge}):{huge})", "(" * 8_000 + "(a:0)"):
        for piece in weigh(text):
            assert isinstance(piece, Piece)
            assert abs(piece.weight) < float("inf")
