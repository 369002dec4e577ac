"""The index finds what the journal tells of, and can be lost, damaged and shared."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colabsd.errors import QueryError
from colabsd.library.library import Library
from colabsd.storage.workspace import Workspace

PICTURES: list[dict[str, Any]] = [
    {"prompt": "una manzana roja, fondo azul", "steps": 20},
    {"prompt": "una MANZANA verde", "steps": 30, "sampler": "Heun", "guidance": 3.0},
    {"prompt": "un búho de noche 🦉", "seed": 2**64 - 1, "negative_prompt": "borroso, feo"},
    {"prompt": "赤いりんご", "width": 128, "height": 128, "model": "Stable-Diffusion-v1.5"},
    {"prompt": "half \ud800 a surrogate \x00 nul", "seed": 0},
    {"prompt": "", "seed": 2**63},
]


@pytest.fixture
def filled(library: Library, keep_all: Callable[..., Any]) -> Library:
    for changes in PICTURES:
        keep_all(library, **changes)
    return library


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("manzana", [1, 0]),
        ("MANZANA -azul", [1]),
        ("manzana azul", [0]),
        ("buho", [2]),
        ("BÚHO", [2]),
        ("🦉", [2]),
        ("りんご", [3]),
        ('"manzana roja"', [0]),
        ('"roja manzana"', []),
        ("manz*", [1, 0]),
        ("manz", []),
        ("surrogate", [4]),
        ("sampler:heun", [1]),
        ("sampler:euler_a manzana", [0]),
        ('sampler:"EULER A" búho', [2]),
        ("-sampler:euler_a", [1]),
        ("steps:>20", [1]),
        ("steps:>=20 manzana", [1, 0]),
        ("steps:25..35", [1]),
        ("-steps:20", [1]),
        (f"seed:{2**64 - 1}", [2]),
        (f"seed:>={2**63}", [5, 2]),
        ("seed:<7", [4]),
        (f"steps:<{2**64 - 1} manzana", [1, 0]),
        ("guidance:<7", [1]),
        ("negative:feo", [2]),
        ("feo", []),
        ("size:128x128", [3]),
        ("width:>100", [3]),
        ("model:stable*", [3]),
        ("model:stable_diffusion_v1.5", [3]),
        ("date:2026-11-24", [5, 4, 3, 2, 1, 0]),
        ("date:2026", [5, 4, 3, 2, 1, 0]),
        ("date:>2026-11", []),
        ("date:>=2026-11", [5, 4, 3, 2, 1, 0]),
        ("date:2025..2026", [5, 4, 3, 2, 1, 0]),
        ("date:<2026-11-24", []),
        ("", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_queries_find_what_they_mean_newest_first(filled: Library, query: str, found: list[int]) -> None:
    assert [record.prompt for record in filled.search(query)] == [PICTURES[place]["prompt"] for place in found]


hostile = st.lists(
    st.text(max_size=6)
    | st.sampled_from(['"', "*", "-", ":", "NEAR(", "AND", "{prompt}", "\x00", "prompt:", "^", "'"]),
    max_size=8,
).map("".join)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=hostile)
def test_no_text_breaks_the_search(filled: Library, query: str) -> None:
    try:
        filled.search(query)
    except QueryError:
        return


def test_a_limit_gives_the_newest(filled: Library) -> None:
    assert [record.prompt for record in filled.list(2)] == [PICTURES[5]["prompt"], PICTURES[4]["prompt"]]


def test_records_come_back_exactly(library: Library, keep_all: Callable[..., Any]) -> None:
    kept = [keep_all(library, **changes)[0].record for changes in PICTURES]
    assert library.list() == kept[::-1]


def test_another_process_sees_new_pictures_at_once(
    library: Library, make_library: Callable[..., Library], keep_all: Callable[..., Any]
) -> None:
    other = make_library()
    for number in range(3):
        keep_all(library)
        assert len(other.list()) == number + 1


def test_the_index_made_from_the_journal_equals_the_one_made_from_the_pictures(
    filled: Library, workspace: Workspace, make_library: Callable[..., Library], tmp_path: Path
) -> None:
    before = filled.list()
    filled.close()
    from_journal = make_library(Workspace(workspace.root, tmp_path / "machine 2"))
    assert from_journal.list() == before
    for segment in workspace.journal.iterdir():
        segment.unlink()
    from_pictures = make_library(Workspace(workspace.root, tmp_path / "machine 3"))
    assert from_pictures.list() == []
    assert from_pictures.rebuild() == len(before)
    assert from_pictures.list() == before
    assert [len(from_pictures.search(query)) for query in ("buho", "steps:>20")] == [1, 1]
    from_pictures.close()
    assert make_library(Workspace(workspace.root, tmp_path / "machine 4")).list() == before


def test_the_journal_alone_is_enough_without_pictures(
    filled: Library, workspace: Workspace, make_library: Callable[..., Library], tmp_path: Path
) -> None:
    before = filled.list()
    filled.close()
    workspace.pictures.rename(tmp_path / "away")
    library = make_library(Workspace(workspace.root, tmp_path / "machine 2"))
    assert library.rebuild() == len(before)
    assert library.list() == before


@pytest.mark.parametrize("damage", [b"no database", b"", "cut", "tables"])
def test_a_damaged_index_is_made_anew(
    filled: Library, workspace: Workspace, make_library: Callable[..., Library], damage: Any
) -> None:
    before = filled.list()
    filled.close()
    path = workspace.local / "library.sqlite"
    if damage == "tables":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
    else:
        path.write_bytes(path.read_bytes()[:3000] + b"\x00" * 9000 if damage == "cut" else damage)
    assert make_library().list() == before


def test_an_index_that_breaks_while_it_is_open_is_made_anew(filled: Library, workspace: Workspace) -> None:
    before = filled.list()
    path = workspace.local / "library.sqlite"
    path.write_bytes(b"broken" * 5000)
    assert filled.list() == before
