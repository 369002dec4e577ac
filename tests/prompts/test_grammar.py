"""Text → tree: what is read, in which order, and what stays text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.prompts.cleaning import clean, strip_comments
from colabsd.prompts.grammar import parse, read_part
from colabsd.prompts.tree import (
    Alternation,
    Break,
    Deemphasis,
    Emphasis,
    Moment,
    Network,
    Part,
    Prompt,
    Schedule,
    Text,
)


def nodes(text: str) -> tuple[object, ...]:
    (part,) = parse(text).parts
    return part.nodes


def test_a_sentence_is_one_text() -> None:
    assert parse("a cat") == Prompt((Part((Text("a cat"),)),))
    assert parse("") == Prompt((Part(()),))


def test_attention_is_in_the_tree() -> None:
    assert nodes("(a:1.3) (b) [c]") == (
        Emphasis((Text("a"),), 1.3),
        Text(" "),
        Emphasis((Text("b"),)),
        Text(" "),
        Deemphasis((Text("c"),)),
    )


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("[a:b:10]", Schedule((Text("a"),), (Text("b"),), Moment(10, "step"))),
        ("[a:b:0.5]", Schedule((Text("a"),), (Text("b"),), Moment(0.5, "share"))),
        ("[b:3]", Schedule((), (Text("b"),), Moment(3, "step"))),
        ("[a::3]", Schedule((Text("a"),), (), Moment(3, "step"))),
        ("[:b:3]", Schedule((), (Text("b"),), Moment(3, "step"))),
        ("[:3]", Schedule((), (), Moment(3, "step"))),
        ("[ a : b : 1 ]", Schedule((Text(" a "),), (Text(" b "),), Moment(1, "step"))),
        ("[a:b:-1]", Schedule((Text("a"),), (Text("b"),), Moment(-1, "step"))),
        ("[a:b:+.5]", Schedule((Text("a"),), (Text("b"),), Moment(0.5, "share"))),
        ("[a:b:1e1]", Schedule((Text("a"),), (Text("b"),), Moment(10, "step"))),
        ("[5:6]", Schedule((), (Text("5"),), Moment(6, "step"))),
        ("[a|b]", Alternation(((Text("a"),), (Text("b"),)))),
        ("[fe|]", Alternation(((Text("fe"),), ()))),
        ("[|]", Alternation(((), ()))),
        ("[a|(b:1.1)]", Alternation(((Text("a"),), (Emphasis((Text("b"),), 1.1),)))),
        (r"[a\:b:c:5]", Schedule((Text(r"a\:b"),), (Text("c"),), Moment(5, "step"))),
    ],
)
def test_schedules_and_alternations(text: str, node: object) -> None:
    assert nodes(text) == (node,)


def test_they_nest() -> None:
    inner = Schedule((Text("c"),), (Text("d"),), Moment(2, "step"))
    assert nodes("[b:[c:d:2]:1]") == (Schedule((Text("b"),), (inner,), Moment(1, "step")),)
    assert nodes("(a [c:d:2]:1.2)") == (Emphasis((Text("a "), inner), 1.2),)


@pytest.mark.parametrize("text", ["[a:b:c]", "[a:b]", "[a:1:b:5]", "[(a:b:c):d:5]", "[a:b:1.2.3]", "[a:b:٣]"])
def test_what_fits_no_schedule_is_attention(text: str) -> None:
    (node,) = nodes(text)
    assert isinstance(node, Deemphasis)


def test_stray_brackets_and_colons_are_text_and_hide_no_schedule() -> None:
    three = Moment(3, "step")
    assert nodes("((a][:b:c [d:3]") == (Text("((a][:b:c "), Schedule((), (Text("d"),), three))
    assert nodes("[[d:3]") == (Text("["), Schedule((), (Text("d"),), three))
    assert nodes("(a:[d:3]:x)") == (Emphasis((Text("a:"), Schedule((), (Text("d"),), three), Text(":x"))),)


@pytest.mark.parametrize("spoiler", ["a | b", "(a|b)", "[a:b|c:5]", "[a|b", "a\\", "a\\\nb"])
def test_a_bar_outside_or_a_backslash_at_the_end_makes_every_schedule_text(spoiler: str) -> None:
    reading = read_part(f"[c:d:5] {spoiler}")
    assert not any(isinstance(node, (Schedule, Alternation)) for node in reading.nodes)
    assert reading.bars or reading.stray_backslash >= 0


def test_break_is_a_node() -> None:
    assert nodes("a BREAK b") == (Text("a "), Break(), Text(" b"))
    assert nodes("BREAKFAST") == (Text("BREAKFAST"),)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a cat :1.2 AND a dog AND a penguin :2.2", [("a cat", 1.2), ("a dog", 1.0), ("a penguin", 2.2)]),
        ("a:-1 AND b:.5 AND c:2.", [("a", -1.0), ("b", 0.5), ("c", 2.0)]),
        ("a:1.1:1.2 AND b", [("a:1.1", 1.2), ("b", 1.0)]),
        ("a : 2 \nAND\n b", [("a", 2.0), ("b", 1.0)]),
        ("a:1e3 AND b", [("a:1e3", 1.0), ("b", 1.0)]),
        ("SAND AND BRAND", [("SAND", 1.0), ("BRAND", 1.0)]),
        ("AND", [("", 1.0), ("", 1.0)]),
    ],
)
def test_and_makes_parts_with_weights(text: str, parts: list[tuple[str, float]]) -> None:
    read = [
        ("".join(node.source for node in part.nodes if isinstance(node, Text)), part.weight)
        for part in parse(text).parts
    ]
    assert read == parts


def test_a_number_at_the_end_is_text_where_there_is_no_and() -> None:
    assert parse("time 12:30") == Prompt((Part((Text("time 12:30"),)),))


def test_and_is_a_word_in_a_negative_prompt() -> None:
    assert len(parse("a AND b", negative=True).parts) == 1


def test_and_splits_what_stands_in_brackets() -> None:
    first, second = parse("[a AND b:5]").parts
    assert first.nodes == (Text("[a"),)
    assert second.nodes == (Text("b:5]"),) or second.weight == 1.0


def test_networks_are_taken_out_before_anything_is_split() -> None:
    prompt = parse("a <lora:ink:0.8:1> cat <hypernet:x:AND:1>")
    assert prompt.networks == (Network("lora", ("ink", "0.8", "1")), Network("hypernet", ("x", "AND", "1")))
    assert prompt.parts == (Part((Text("a  cat "),)),)
    assert parse("[<lora:a:1>:b:5]").parts[0].nodes == (Schedule((), (Text("b"),), Moment(5, "step")),)


@pytest.mark.parametrize("text", ["<lora:>", "<lora>", "< lora:a>", "a < b: c", "<lora:a"])
def test_what_is_no_tag_is_text(text: str) -> None:
    assert parse(text).networks == ()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a # b\nc", "a \nc"),
        ("# all\nc", "c"),
        ("a\n# b\nc", "a\nc"),
        ("a #", "a "),
        (r"a \# b", r"a \# b"),
        (r"a \\# b", r"a \\"),
        ("a ## b", "a "),
    ],
)
def test_comments_go_to_the_end_of_the_line(text: str, left: str) -> None:
    assert strip_comments(text) == left


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.sampled_from(["a", "b c", "#x\n", "#", "\n", "<lora:n:1>", "<a:b>", "<", ">", "\\", "(", ":"])).map(
        "".join
    )
)
def test_positions_are_traced_back_through_everything_taken_out(text: str) -> None:
    cleaned = clean(text)
    for position, letter in enumerate(cleaned.text):
        assert text[cleaned.origin(position)] == letter
    places = [cleaned.origin(position) for position in range(len(cleaned.text))]
    assert places == sorted(set(places))
    for network, place, _ in cleaned.networks:
        assert text[place:].startswith(f"<{network.kind}:")


def test_a_weight_can_change_with_the_steps() -> None:
    five = Moment(5, "step")
    assert nodes("(a:[1.2:1.3:5])") == (Emphasis((Text("a:"), Schedule((Text("1.2"),), (Text("1.3"),), five))),)
