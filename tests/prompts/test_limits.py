"""No text crashes the prompt language, and none makes it slow."""

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.prompts import count_combinations, expand, lint, literal, parse, spans, write
from colabsd.prompts.templates import parse_template
from colabsd.prompts.tree import MAX_DEPTH

DEEP = 10_000
ADVERSARIES = {
    "round brackets": "(" * DEEP + "a" + ")" * DEEP,
    "square brackets": "[" * DEEP + "a" + "]" * DEEP,
    "never closed": "([" * DEEP,
    "never opened": ")]" * DEEP,
    "crossing": "([" * DEEP + ")]" * DEEP,
    "nested schedules": "[a:" * DEEP + "b" + ":5]" * DEEP,
    "nested alternations": "[a|" * DEEP + "b" + "]" * DEEP,
    "nested weights": "(a:" * DEEP + "1" + ")" * DEEP,
    "opened and closed": "(a)" * DEEP,
    "weights in brackets": "((a:2) b " * DEEP,
    "colons": ":" * DEEP,
    "bars": "|" * DEEP,
    "bars in brackets": "[" + "|" * DEEP + "]",
    "backslashes": "\\" * (2 * DEEP + 1),
    "tags": "<a:" * DEEP + "b" + ">" * DEEP,
    "tags never closed": "<lora:a" * DEEP,
    "ands": "a AND " * DEEP,
    "breaks": "BREAK " * DEEP,
    "comments": "a#b\n" * DEEP,
    "blanks": "a" + " " * DEEP + ":" + " " * DEEP + "1 AND b",
    "digits": "(a:" + "1" * DEEP + ")[b:" + "9" * DEEP + "]",
    "control characters": "\0\x1b\u202e\ud800(a:1.1)" * 1000,
}


@pytest.mark.parametrize("text", ADVERSARIES.values(), ids=ADVERSARIES)
def test_no_nesting_is_too_deep(text: str) -> None:
    prompt = parse(text)
    assert parse(write(prompt)) == prompt
    assert spans(prompt, 4)[-1].end_call == 4
    lint(text, tokenize=lambda words: words.split())  # type: ignore[arg-type, return-value]
    pickle.dumps(prompt)
    hash(prompt)
    repr(prompt)


def test_deep_trees_stay_within_the_stack() -> None:
    for nest in ("(" * MAX_DEPTH + ")" * MAX_DEPTH, "[a:" * MAX_DEPTH + "b" + ":5]" * MAX_DEPTH):
        prompt = parse(nest)
        assert parse(write(prompt)) == prompt


@pytest.mark.parametrize("unit", ["(", "[a:", "(a:1.1", "<a:", "a AND ", "[a|b](c)", "\\", "a #b\n", "x:1 ", ")", "])"])
def test_twice_the_text_takes_about_twice_the_time(unit: str) -> None:
    def seconds(count: int) -> float:
        text = unit * count
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            prompt = parse(text)
            write(prompt)
            spans(prompt, 1)
            best = min(best, time.process_time() - start)
        return best

    # Quadratic time would be 64 times as long for 8 times the text; 24 leaves room for a busy machine.
    assert seconds(8_000) < 24 * max(seconds(1_000), 0.001)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=60), st.text("()[]{}:|\\$%_~@!#<>,.=?AND1ab \n", max_size=60)))
def test_any_text_is_a_prompt(text: str) -> None:
    for negative in (False, True):
        assert spans(parse(text, negative=negative), 3)[-1].end_call == 3
    lint(text, tokenize=lambda words: list(range(len(words.split()))))
    parse_template(text)


@pytest.mark.parametrize("unit", ["{", "}", "{a|", "${a", "%{", "__a", "_", "{2$$", "\\{", "${a=", "__a("])
def test_templates_of_unfinished_signs_are_text(unit: str) -> None:
    text = unit * 5_000
    assert "".join(node for node in parse_template(text) if isinstance(node, str)) or "__" in unit


@pytest.mark.parametrize("opener", ["{a|", "{", "${v=", "%{a$$"])
def test_deep_templates_do_not_crash(opener: str) -> None:
    text = opener * 5_000 + "b" + "}" * 5_000
    assert expand(text, 1).template == text
    assert count_combinations(text).number >= 1


def test_a_literal_is_as_fast_as_it_is_safe() -> None:
    literal("(a:1.2) AND <lora:x:1> " * 10_000)
