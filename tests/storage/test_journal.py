"""The journal keeps every record once, whatever is torn, damaged, killed or shared."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import colabsd
from colabsd.errors import StorageError
from colabsd.storage.journal import Journal
from colabsd.storage.journal_lines import JournalRecord, read_line, read_segment, write_line
from colabsd.storage.workspace import Workspace

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def record(number: int = 0, data: Any = None) -> JournalRecord:
    return JournalRecord("run", number, NOW, "kind", data or {"n": number})


def numbers(journal: Journal) -> list[int]:
    return [entry.data["n"] for entry in journal.records()]


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text(max_size=8), plain, max_size=4))
def test_a_line_reads_back_as_it_was_written(data: dict[str, Any]) -> None:
    line = write_line(record(3, data or {"n": 1}))
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert read_line(line) == record(3, data or {"n": 1})


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_line_with_any_byte_changed_is_known_as_damaged(data: st.DataObject) -> None:
    line = bytearray(write_line(record(1, {"prompt": "una manzana"})))
    place = data.draw(st.integers(0, len(line) - 2))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    line[place] = value
    assert read_line(bytes(line)) in (None, record(1, {"prompt": "una manzana"}))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_failing(text: bytes) -> None:
    read_segment("x", text)


def test_damaged_lines_are_told_and_the_rest_is_kept() -> None:
    lines = [write_line(record(number)) for number in range(4)]
    lines[1] = lines[1].replace(b'"n":1', b'"n":7')
    lines[2] = b"\x00\xff garbage\n"
    segment = read_segment("s", b"".join(lines))
    assert [entry.number for entry in segment.records] == [0, 3]
    assert [damaged.line for damaged in segment.damaged] == [2, 3]


def test_a_torn_last_line_is_no_damage() -> None:
    lines = write_line(record(0)) + write_line(record(1))
    for cut in range(1, len(write_line(record(1))) - 1):
        segment = read_segment("s", lines[: -cut - 1])
        assert [entry.number for entry in segment.records] == [0]
        assert segment.damaged == ()


def test_records_are_there_at_once_and_in_order_of_time(workspace: Workspace, clock: Any) -> None:
    one, other = Journal(workspace, "a", clock), Journal(workspace, "b", clock)
    for number in range(6):
        clock.move(1)
        (one, other)[number % 2].append("kind", {"n": number})
    assert numbers(one) == numbers(other) == list(range(6))


def test_a_segment_is_closed_after_fifty_records(workspace: Workspace, clock: Any) -> None:
    journal = Journal(workspace, "a", clock)
    for number in range(120):
        journal.append("kind", {"n": number})
    assert journal.closed_segments() == ["a-000001.jsonl", "a-000002.jsonl"]
    assert sorted(numbers(journal)) == list(range(120))


def test_a_segment_is_closed_after_a_minute_and_at_the_end(workspace: Workspace, clock: Any) -> None:
    journal = Journal(workspace, "a", clock)
    journal.append("kind", {"n": 0})
    clock.move(59)
    journal.append("kind", {"n": 1})
    assert journal.closed_segments() == []
    clock.move(1)
    journal.append("kind", {"n": 2})
    assert len(journal.closed_segments()) == 1
    journal.append("kind", {"n": 3})
    journal.close()
    assert len(journal.closed_segments()) == 2
    assert numbers(journal) == [0, 1, 2, 3]
    assert list((workspace.local / "journal").iterdir()) == []


def test_the_journal_in_the_workspace_alone_tells_everything_once_closed(workspace: Workspace, clock: Any) -> None:
    journal = Journal(workspace, "a", clock)
    for number in range(3):
        journal.append("kind", {"n": number})
    journal.close()
    elsewhere = Workspace(workspace.root, workspace.local.parent / "another machine")
    assert numbers(Journal(elsewhere, "b", clock)) == [0, 1, 2]


def test_a_dead_runtimes_segment_is_published_without_its_torn_line(workspace: Workspace, clock: Any) -> None:
    folder = workspace.local / "journal"
    (folder / "dead-000001.open").write_bytes(write_line(record(0)) + write_line(record(1))[:-20])
    journal = Journal(workspace, "a", clock)
    assert numbers(journal) == [0]
    journal.recover()
    assert journal.closed_segments() == ["dead-000001.jsonl"]
    assert (workspace.journal / "dead-000001.jsonl").read_bytes() == write_line(record(0))
    assert list(folder.iterdir()) == []
    assert numbers(journal) == [0]


def test_a_segment_that_was_published_before_the_kill_is_not_published_twice(workspace: Workspace, clock: Any) -> None:
    for path in (workspace.local / "journal" / "dead-000001.open", workspace.journal / "dead-000001.jsonl"):
        path.write_bytes(write_line(record(0)))
    journal = Journal(workspace, "a", clock)
    assert numbers(journal) == [0]
    journal.recover()
    assert journal.closed_segments() == ["dead-000001.jsonl"]
    assert numbers(journal) == [0]


def test_a_living_runtimes_segment_is_left_alone(workspace: Workspace, clock: Any) -> None:
    living = Journal(workspace, "living", clock)
    living.append("kind", {"n": 0})
    Journal(workspace, "other", clock).recover()
    assert living.closed_segments() == []
    living.append("kind", {"n": 1})
    living.close()
    assert sorted(numbers(living)) == [0, 1]


def test_a_record_outlives_a_workspace_that_vanishes(workspace: Workspace, clock: Any) -> None:
    journal = Journal(workspace, "a", clock)
    journal.append("kind", {"n": 0})
    workspace.root.rename(workspace.root.with_name("away"))
    with pytest.raises(StorageError) as caught:
        journal.close()
    assert caught.value.message_key == "error.storage.vanished"
    workspace.root.with_name("away").rename(workspace.root)
    journal.append("kind", {"n": 1})
    journal.close()
    assert sorted(numbers(journal)) == [0, 1]


def test_a_line_that_cannot_be_written_whole_is_not_written_at_all(
    workspace: Workspace, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(workspace, "a", clock)
    journal.append("kind", {"n": 0})
    write, calls = os.write, []

    def full(descriptor: int, data: Any) -> int:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, bytes(data)[:10])

    monkeypatch.setattr("colabsd.storage.journal.os.write", full)
    with pytest.raises(StorageError) as caught:
        journal.append("kind", {"n": 1})
    assert caught.value.message_key == "error.storage.full"
    monkeypatch.undo()
    journal.append("kind", {"n": 2})
    assert sorted(numbers(journal)) == [0, 2]
    assert list(journal.damage()) == []


def test_damage_is_told_with_segment_and_line(workspace: Workspace, clock: Any) -> None:
    (workspace.journal / "x-000001.jsonl").write_bytes(b"garbage\n" + write_line(record(0)))
    journal = Journal(workspace, "a", clock)
    assert [(found.segment, found.line) for found in journal.damage()] == [("x-000001.jsonl", 1)]
    assert numbers(journal) == [0]


WRITER = """
import os
from datetime import UTC, datetime
from pathlib import Path
from colabsd.storage.journal import Journal
from colabsd.storage.workspace import Workspace

workspace = Workspace(Path({root!r}), Path({local!r}))

def now():
    return datetime.now(UTC)

def work(run, most=10**9):
    journal = Journal(workspace, f"run{{run}}", now)
    said = os.open(workspace.local / f"said{{run}}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number in range(most):
        journal.append("kind", {{"n": number}})
        os.write(said, b".")
    journal.close()

def check(run):
    journal = Journal(workspace, f"reader{{run}}", now)
    if run % 2:
        journal.recover()
    said = workspace.local / f"said{{run}}"
    found = [entry.data["n"] for entry in journal.records() if entry.runtime == f"run{{run}}"]
    assert found == list(range(len(found)))
    assert len(found) >= (said.stat().st_size if said.exists() else 0)
    assert list(journal.damage()) == []
"""


def writer(workspace: Workspace) -> str:
    return WRITER.format(root=str(workspace.root), local=str(workspace.local))


def test_kills_at_random_moments_lose_no_record_that_was_written(
    workspace: Workspace, fork_and_kill: Callable[..., None]
) -> None:
    fork_and_kill(writer(workspace), kills=20, longest_s=0.05, seed=5)


def test_two_processes_write_at_once_and_nothing_is_lost(workspace: Workspace, clock: Any) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(colabsd.__file__).parents[1])}
    programs = [f"{writer(workspace)}\nwork({run}, 130)" for run in range(2)]
    running = [subprocess.Popen([sys.executable, "-c", program], env=environ) for program in programs]
    assert [child.wait(60) for child in running] == [0, 0]
    assert sorted(numbers(Journal(workspace, "reader", clock))) == sorted([*range(130), *range(130)])


def test_a_segment_that_nobody_appends_to_can_be_closed_by_the_clock(workspace: Workspace, clock: Any) -> None:
    """On Drive the outbox does it: the last star of a session must not wait for the next record."""
    journal = Journal(workspace, "runtime", clock)
    journal.append("star", {})
    journal.publish_old()
    assert journal.closed_segments() == []
    clock.move(61)
    journal.publish_old()
    assert len(journal.closed_segments()) == 1
    journal.publish_old()
    assert len(journal.closed_segments()) == 1
    journal.close()
