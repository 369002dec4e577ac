"""Tree → text → the same tree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.prompts import Text, literal, parse, spans, write
from colabsd.prompts.attention import Piece
from colabsd.prompts.tree import (
    Alternation,
    Break,
    Deemphasis,
    Emphasis,
    Moment,
    Network,
    Node,
    Nodes,
    Part,
    Prompt,
    Schedule,
)
from colabsd.prompts.write import write_number

ANY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
TRICKY = st.lists(
    st.sampled_from(
        ["a", " ", "(", ")", "[", "]", ":", "|", "\\", "1.3", "#", "AND", "BREAK", "<lora:x:1>", "\n", "-"]
    ),
    min_size=1,
    max_size=6,
).map("".join)
WORDS = st.one_of(ANY, TRICKY).map(literal).map(Text)
WEIGHTS = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.1, 1.0, 1e-7]))
MOMENTS = st.one_of(
    st.builds(Moment, st.floats(-10, 10), st.just("share")),
    st.builds(Moment, st.integers(-200, 200).map(float), st.just("step")),
)


def joined(nodes: list[Node]) -> Nodes:
    """Nodes as parsing gives them: no two texts side by side, blanks around a BREAK."""
    result: list[Node] = []
    for node in nodes:
        around = [Text(" "), node, Text(" ")] if isinstance(node, Break) else [node]
        for each in around:
            if isinstance(each, Text) and result and isinstance(result[-1], Text):
                result[-1] = Text(result[-1].source + each.source)
            else:
                result.append(each)
    return tuple(result)


def sequence(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Nodes]:
    return st.lists(inner, max_size=4).map(joined)


NODE: st.SearchStrategy[Node] = st.recursive(
    st.one_of(WORDS, st.just(Break())),
    lambda inner: st.one_of(
        st.builds(Emphasis, sequence(inner), WEIGHTS),
        st.builds(Deemphasis, sequence(inner)),
        st.builds(Schedule, sequence(inner), sequence(inner), MOMENTS),
        st.builds(lambda members: Alternation(tuple(members)), st.lists(sequence(inner), min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


def trimmed(nodes: Nodes) -> Nodes:
    """Blanks at both ends of an AND's side do not count: give it none."""
    return (Text("x"), *nodes, Text("x")) if nodes else nodes


PARTS = st.one_of(
    sequence(NODE).map(lambda nodes: (Part(nodes),)),
    st.lists(
        st.builds(Part, sequence(NODE).map(trimmed).map(list).map(joined), st.floats(-5, 5)), min_size=2, max_size=3
    ).map(tuple),
)
NETWORKS = st.lists(
    st.builds(
        lambda kind, arguments: Network(kind, tuple(arguments)),
        st.sampled_from(["lora", "hypernet", "lyco"]),
        st.lists(st.sampled_from(["ink", "0.8", "te=1", "a b"]), min_size=1, max_size=3),
    ),
    max_size=2,
).map(tuple)


@settings(deadline=None, max_examples=100)
@given(st.builds(Prompt, PARTS, NETWORKS))
def test_a_written_tree_reads_back_equal(prompt: Prompt) -> None:
    assert parse(write(prompt)) == prompt


def test_a_bracket_before_the_colon_of_a_schedule_opens_no_tag() -> None:
    late = Schedule((), (Text(literal("<0")),), Moment(0.0, "share"))
    prompt = Prompt((Part((late,)),), (Network("lora", ("ink",)),))
    assert parse(write(prompt)) == prompt


@settings(deadline=None, max_examples=40)
@given(sequence(NODE))
def test_a_negative_tree_reads_back_equal(nodes: Nodes) -> None:
    prompt = Prompt((Part(nodes),))
    assert parse(write(prompt, negative=True), negative=True) == prompt


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(max_size=40), TRICKY, st.text("()[]:|\\ab1.5 #<>,AND\n", max_size=40)))
def test_any_text_reads_back_as_it_was_read(text: str) -> None:
    prompt = parse(text)
    assert parse(write(prompt)) == prompt


@settings(deadline=None, max_examples=100)
@given(st.one_of(ANY, TRICKY), st.sampled_from(["{}", "({}:2)", "[[{}]:0]"]))
def test_a_literal_means_its_characters_wherever_it_stands(sentence: str, around: str) -> None:
    (span,) = spans(parse(around.format(literal(sentence))), 10)
    (part,) = span.parts
    assert "".join(piece.text for piece in part.pieces if isinstance(piece, Piece)) == sentence
    assert not any(isinstance(piece, Break) for piece in part.pieces)


@pytest.mark.parametrize(
    "text",
    [
        "a (red:1.3) cat, [dog:0.5], [a|b|], (x) [y]",
        "a [b:c:-3] BREAK d",
        "a :1.2 AND b AND c :-0.5",
        "unbalanced ( [ and :",
        "[a:b:0.25][c::12]",
        r"\(x\) \# \\ 12:30",
    ],
)
def test_plain_writing_comes_back_letter_by_letter(text: str) -> None:
    assert write(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("( a: 1.30 )", "( a:1.3)"),
        ("a <lora:x:1> b # c", "a  b <lora:x:1>"),
        ("a AND b:1", "a AND b"),
        ("a:2:1 AND b", "a:2 :1 AND b"),
    ],
)
def test_what_makes_no_difference_is_written_one_way(text: str, written: str) -> None:
    assert write(parse(text)) == written


@pytest.mark.parametrize(("number", "digits"), [(1.0, "1"), (0.1, "0.1"), (1e-7, "0.0000001"), (1e22, "1" + "0" * 22)])
def test_numbers_are_written_without_exponent(number: float, digits: str) -> None:
    assert write_number(number) == digits
    assert float(digits) == number
