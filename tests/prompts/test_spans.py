"""Which text is used until which model call: the values are measured in A1111."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.prompts import Piece, parse, spans
from colabsd.prompts.spans import Timeline, text_at


def timeline(text: str, steps: int = 10, calls: int = 1, **options: object) -> list[tuple[int, str]]:
    """The spans as (last call, text without weights)."""
    return [
        (
            span.end_call,
            " AND ".join("".join(p.text for p in part.pieces if isinstance(p, Piece)) for part in span.parts),
        )
        for span in spans(parse(text), steps, calls, **options)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("[(a:2):3]", [(3, ""), (10, "a")]),
        ("[[a:b:5]:c:3]", [(3, "a"), (10, "c")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-1]", [(10, "b")]),
        ("[a:b:0.05]", [(10, "b")]),
        ("[a:b:10]", [(10, "a")]),
        ("[a:b:99]", [(10, "a")]),
        ("[a:b:1.0]", [(10, "a")]),
        ("[a:b:1.2]", [(10, "a")]),
        ("[a:b:0.99]", [(9, "a"), (10, "b")]),
        ("a [unbalanced", [(10, "a unbalanced")]),
    ],
)
def test_schedules_switch_after_their_moment(text: str, expected: list[tuple[int, str]]) -> None:
    assert timeline(text) == expected


def test_an_alternation_changes_at_every_step() -> None:
    assert timeline("[a|b|c]", 5) == [(1, "a"), (2, "b"), (3, "c"), (4, "a"), (5, "b")]
    assert timeline("[fe|]male", 3) == [(1, "female"), (2, "male"), (3, "female")]
    assert timeline("[[a|b]:c:2]", 5) == [(1, "a"), (2, "b"), (5, "c")]
    assert timeline("[a|a]", 5) == [(5, "a")]


def test_samplers_of_second_order_count_calls() -> None:
    assert timeline("[a:b:10]", 20, 2) == [(10, "a"), (40, "b")]
    assert timeline("[a:b:0.5]", 20, 2) == [(20, "a"), (40, "b")]
    assert timeline("[a|b]", 2, 2) == [(1, "a"), (2, "b"), (3, "a"), (4, "b")]


def test_the_second_pass_goes_on_where_the_first_ended() -> None:
    second = {"first_pass_calls": 10}
    assert timeline("[a:b:.5]", 8, **second) == [(8, "b")]
    assert timeline("[a:b:1.5]", 8, **second) == [(4, "a"), (8, "b")]
    assert timeline("[a:b:1.0]", 8, **second) == [(8, "b")]
    assert timeline("[a:b:5]", 8, **second) == [(8, "b")]
    assert timeline("[a:b:12]", 8, **second) == [(2, "a"), (8, "b")]
    assert timeline("[a:b:12]", 8, 2, first_pass_calls=10) == [(2, "a"), (16, "b")]


def test_old_timelines_take_every_number_below_one_as_a_share_and_repeat_in_the_second_pass() -> None:
    assert timeline("[a:b:.5]", old_timeline=True) == [(5, "a"), (10, "b")]
    assert timeline("[a:b:1.0]", old_timeline=True) == [(1, "a"), (10, "b")]
    assert timeline("[a:b:2.5]", old_timeline=True) == [(2, "a"), (10, "b")]
    assert timeline("[a:b:.5]", 8, first_pass_calls=10, old_timeline=True) == [(5, "a"), (10, "b")]


def test_each_part_has_its_weight_and_its_own_schedule() -> None:
    first, second = spans(parse("a [b:c:2] :1.5 AND (d:2)"), 4)
    assert [part.weight for part in first.parts] == [1.5, 1.0]
    assert first.parts[0].pieces == (Piece("a b"),)
    assert second.parts[0].pieces == (Piece("a c"),)
    assert first.parts[1].pieces == second.parts[1].pieces == (Piece("d", 2.0),)
    assert (first.end_call, second.end_call) == (2, 4)


def test_a_schedule_in_the_place_of_a_weight_changes_the_weight() -> None:
    first, second = spans(parse("(a:[1.2:1.3:5])"), 10)
    assert first.parts[0].pieces == (Piece("a", 1.2),)
    assert second.parts[0].pieces == (Piece("a", 1.3),)


def test_without_brackets_schedules_work_and_attention_does_not() -> None:
    first, second = spans(parse("(a:1.2) [b:c:5] BREAK"), 10, brackets=False)
    assert first.parts[0].pieces == (Piece("(a:1.2) b BREAK"),)
    assert second.parts[0].pieces == (Piece("(a:1.2) c BREAK"),)


def test_equal_neighbours_are_one_span() -> None:
    assert timeline("[a:a:5]") == [(10, "a")]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["a", "(", ")", "[", "]", ":", "|", "b", ":3]", ":.5]", "[c|d]", " AND ", "1.2"])).map(
        "".join
    ),
    st.integers(1, 12),
    st.sampled_from([1, 2]),
)
def test_spans_cover_every_call_once(text: str, steps: int, calls: int) -> None:
    prompt = parse(text)
    found = spans(prompt, steps, calls)
    ends = [span.end_call for span in found]
    assert ends == sorted(set(ends))
    assert ends[-1] == steps * calls
    for call in range(1, steps * calls + 1):
        span = next(span for span in found if call <= span.end_call)
        alone = [text_at(part.nodes, call, Timeline(steps * calls)) for part in prompt.parts]
        assert len(span.parts) == len(alone)
