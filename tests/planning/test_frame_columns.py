"""Columns: a value per frame that takes little room."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.planning.frame_columns import Column


@given(st.lists(st.sampled_from((1, 1.0, True, "a", None, 2.5)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=60)
def test_a_column_gives_back_every_value_with_its_type_also_from_json(values: list[object]) -> None:
    column = Column.of(values)
    again = Column[object].from_json(json.loads(json.dumps(column.as_json())))
    for one in (column, again):
        assert [(type(value), value) for value in one.over(len(values))] == [(type(value), value) for value in values]
        assert [one.at(frame) for frame in range(len(values))] == values


def test_a_constant_takes_one_value_however_many_frames_there_are() -> None:
    assert Column.of([7] * 10_000).as_json() == {"starts": [0], "values": [7]}


@pytest.mark.parametrize("data", [{"values": []}, {"values": [1, 2], "starts": [0, 0]}, {"values": [1], "starts": [3]}])
def test_what_is_no_column_is_refused(data: dict[str, list[int]]) -> None:
    with pytest.raises(ValueError, match="starts"):
        Column[int].from_json(data)
