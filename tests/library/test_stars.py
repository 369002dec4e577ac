"""Stars are set and taken away, found by the search, and the same on every machine."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import UnknownPictureError
from colabsd.library.entries import PICTURE, STAR, apply
from colabsd.library.library import Library
from colabsd.library.migrations import MIGRATIONS, create_tables, migrate
from colabsd.library.query import Query, Starred, Words, parse_query
from colabsd.storage.journal_lines import JournalRecord
from colabsd.storage.workspace import Workspace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_star_is_seen_wherever_the_picture_is(library: Library, keep_all: Callable[..., Any]) -> None:
    plain, chosen = (kept.record for kept in keep_all(library, 2))
    starred = library.star(chosen.path.rpartition("/")[2])
    assert starred.starred and not plain.starred
    assert library.find(chosen.path) == starred
    assert {record.path: record.starred for record in library.list()} == {plain.path: False, chosen.path: True}
    assert not library.star(chosen.path, on=False).starred
    assert library.search("starred") == []


@pytest.mark.parametrize("word", ["starred", "favorita", "favoritas", "FAVORITAS", "Starred"])
def test_the_search_knows_stars_in_both_languages(library: Library, keep_all: Callable[..., Any], word: str) -> None:
    plain, chosen = (kept.record for kept in keep_all(library, 2))
    library.star(chosen.path)
    assert [record.path for record in library.search(word)] == [chosen.path]
    assert [record.path for record in library.search(f"-{word}")] == [plain.path]
    assert [record.path for record in library.search(f"manzana {word} seed:8")] == [chosen.path]
    assert library.count(word) == library.count(f"-{word}") == 1


def test_in_quotes_and_with_a_field_it_is_a_word_like_any_other(library: Library, keep_all: Callable[..., Any]) -> None:
    named = keep_all(library, prompt="my favorita toy, a starred sky")[0].record
    library.star(keep_all(library)[0].record.path)
    for query in ('"starred"', '"favorita"', "prompt:starred", "favorit*"):
        assert library.search(query) == [named], query
    assert parse_query("-starred") == Query((Starred(negated=True),))
    assert parse_query('"starred"') == Query((Words("prompt", "starred"),))


def test_a_picture_that_is_not_there_gets_no_star(library: Library, keep_all: Callable[..., Any]) -> None:
    keep_all(library)
    with pytest.raises(UnknownPictureError):
        library.star("nothing.png")


def test_stars_are_in_the_journal_and_survive_the_index(
    library: Library, make_library: Callable[..., Library], keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    chosen = keep_all(library, 3)[1].record
    library.star(chosen.path)
    library.rebuild()
    assert [record.path for record in library.search("starred")] == [chosen.path]
    library.close()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    assert [record.path for record in other.search("starred")] == [chosen.path]


def test_of_several_machines_the_one_that_spoke_last_is_right(
    library: Library, make_library: Callable[..., Library], keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    """Also when it says what it believes to be so already, because it has not seen the other's word."""
    chosen = keep_all(library)[0].record
    library.star(chosen.path)
    library.close()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    other.star(chosen.path, on=False)
    assert library.star(chosen.path).starred
    library.close()
    other.close()
    third = make_library(Workspace(library.workspace.root, tmp_path / "machine 3"))
    assert third.find(chosen.path).starred
    assert other.find(chosen.path).starred


def star(number: int, starred: bool, minutes: int, runtime: str = "a", path: str = "pictures/x/y.png") -> JournalRecord:
    time = NOON + timedelta(minutes=minutes)
    return JournalRecord(runtime, number, time, STAR, {"path": path, "starred": starred})


@pytest.fixture
def tables() -> Callable[[], sqlite3.Connection]:
    def make() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection, MIGRATIONS)
        return connection

    return make


@pytest.mark.parametrize(
    ("entries", "starred"),
    [
        ([star(1, True, 1), star(2, False, 2), star(3, True, 3)], 1),
        ([star(1, True, 1), star(2, False, 2), star(1, True, 2, runtime="b")], 1),  # one moment: the later runtime
        ([star(1, True, 5), star(2, False, 5), star(0, True, 4, runtime="z")], 0),  # one moment: the later line
    ],
)
def test_the_order_in_which_segments_are_read_changes_nothing(tables: Any, entries: Any, starred: int) -> None:
    for order in permutations(entries):
        connection = tables()
        apply(connection, [*order, *order])
        assert connection.execute("SELECT starred FROM stars").fetchall() == [(starred,)]


def test_a_star_may_be_told_before_its_picture(tables: Any, library: Library, keep_all: Callable[..., Any]) -> None:
    record = keep_all(library)[0].record
    picture = JournalRecord("a", 9, NOON, PICTURE, record.as_json())
    connection = tables()
    apply(connection, [star(1, True, 1, path=record.path), picture])
    assert connection.execute("SELECT COUNT(*) FROM pictures JOIN stars USING (path)").fetchone() == (1,)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"path": "pictures/x.png"},
        {"path": "../x.png", "starred": True},
        {"path": "pictures/x.png", "starred": 1},
        {"path": 7, "starred": True},
        {"path": "pictures/\x1b.png", "starred": True},
    ],
)
def test_stars_of_an_unknown_shape_are_passed_over(tables: Any, data: Any) -> None:
    connection = tables()
    apply(connection, [JournalRecord("a", 1, NOON, STAR, data)])
    assert connection.execute("SELECT COUNT(*) FROM stars").fetchone() == (0,)


def test_an_index_of_an_earlier_version_learns_what_it_passed_over(
    library: Library, make_library: Callable[..., Library], keep_all: Callable[..., Any]
) -> None:
    chosen = keep_all(library)[0].record
    library.star(chosen.path)
    library.close()
    path = library.workspace.local / "library.sqlite"
    path.unlink()
    connection = sqlite3.connect(path)
    create_tables(connection)
    for segment in library.workspace.journal.iterdir():
        connection.execute("INSERT INTO segments VALUES (?)", [segment.name])
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    assert [record.path for record in make_library().search("starred")] == [chosen.path]
