"""Names are sortable, random and free of what people type."""

import re
from datetime import UTC, datetime
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.storage.names import new_token, picture_names, runtime_name

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
tokens = st.binary(min_size=5, max_size=5)


@settings(deadline=None, max_examples=50)
@given(moments, st.integers(0, 9999), tokens)
def test_a_name_is_time_token_and_index(moment: datetime, index: int, token: bytes) -> None:
    name = next(picture_names(moment, index, "png", lambda count: token))
    assert re.fullmatch(r"[0-9]{6}-[a-z2-7]{8}-[0-9]{4}\.png", name)
    assert name.startswith(f"{moment:%H%M%S}") and name.endswith(f"{index:04d}.png")


@settings(deadline=None, max_examples=50)
@given(moments, moments)
def test_names_of_runtimes_sort_by_their_start(earlier: datetime, later: datetime) -> None:
    earlier, later = sorted((earlier.replace(microsecond=0), later.replace(microsecond=0)))
    first, second = (runtime_name(moment, lambda count: b"abcde") for moment in (earlier, later))
    assert (first < second) == (earlier < later)


def test_a_collision_is_followed_by_another_name() -> None:
    stream = iter(range(256))
    names = picture_names(datetime(2026, 11, 24), 0, "png", lambda count: bytes([next(stream)] * count))
    assert len(set(islice(names, 20))) == 20


@settings(deadline=None, max_examples=50)
@given(tokens, tokens)
def test_other_random_bytes_give_another_token(one: bytes, other: bytes) -> None:
    assert (new_token(lambda count: one) == new_token(lambda count: other)) == (one == other)
