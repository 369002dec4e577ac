"""A new machine has the journal of a workspace on Drive after bringing each segment once, and packs instead of many."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.journal_lines import JournalRecord, write_line
from colabsd.storage.mirror import PACKED, Mirror
from colabsd.storage.outbox import Outbox
from colabsd.storage.workspace import Workspace

WAIT_S = 20.0


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.read_names: list[str] = []

    def read(self, path: Path) -> bytes:
        self.read_names.append(path.name)
        return super().read(path)


def now() -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC)


def machine(tmp_path: Path, name: str) -> Workspace:
    (tmp_path / "drive").mkdir(exist_ok=True)
    (tmp_path / name).mkdir()
    made = Workspace(tmp_path / "drive" / "colabsd", tmp_path / name, remote=True)
    made.prepare_to_keep()
    return made


def put(workspace: Workspace, name: str, number: int) -> None:
    """A segment with one record, on Drive."""
    workspace.journal.mkdir(parents=True, exist_ok=True)
    line = write_line(JournalRecord(name, 0, now(), "kind", {"n": number}))
    (workspace.journal / f"{name}.jsonl").write_bytes(line)


def numbers(workspace: Workspace) -> list[int]:
    return sorted(entry.data["n"] for entry in Journal(workspace, "reader", now).records() if "n" in entry.data)


def test_segments_are_brought_once_and_a_new_one_later(tmp_path: Path) -> None:
    there = machine(tmp_path, "one")
    for number in range(7):
        put(there, f"run{number}", number)
    disk = CountingDisk()
    mirror = Mirror(there, disk)
    assert not mirror.step(5) and mirror.left() == 2
    assert mirror.step(5) and numbers(there) == list(range(7))
    put(there, "run7", 7)
    assert mirror.step(5) and numbers(there) == list(range(7)), "it was not told to look again"
    mirror.refresh()
    assert mirror.step(5) and numbers(there) == list(range(8))
    assert len(disk.read_names) == len(set(disk.read_names)) == 8


def test_a_segment_that_drive_shows_in_part_is_brought_when_it_is_whole(tmp_path: Path) -> None:
    there = machine(tmp_path, "one")
    put(there, "run", 3)
    path = there.journal / "run.jsonl"
    whole = path.read_bytes()
    for part in (b"", whole[:20]):
        path.write_bytes(part)
        mirror = Mirror(there, Disk())
        assert mirror.step(5) and numbers(there) == []
    path.write_bytes(whole)
    assert Mirror(there, Disk()).step(5) and numbers(there) == [3]


def test_many_segments_become_a_pack_that_the_next_machine_reads_instead(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    for number in range(PACKED):
        put(one, f"run{number:03d}", number)
    mirror = Mirror(one, Disk())
    assert mirror.step(1000)
    mirror.pack("20261124T000000-abcdefgh", now)
    (pack,) = (one.outbox / "journal").iterdir()
    (one.journal / pack.name).write_bytes(pack.read_bytes())
    pack.unlink()
    put(one, "younger", PACKED)

    two = machine(tmp_path, "two")
    disk = CountingDisk()
    mirror = Mirror(two, disk)
    assert mirror.step(1000)
    assert sorted(disk.read_names) == [pack.name, "younger.jsonl"]
    assert numbers(two) == list(range(PACKED + 1))
    mirror.pack("20261125T000000-abcdefgh", now)
    assert list(two.outbox.rglob("*.jsonl")) == [], "what is in a pack is not packed again"


def test_the_journal_of_a_new_workspace_is_empty_and_of_a_drive_that_is_away_unknown(tmp_path: Path) -> None:
    there = machine(tmp_path, "one")
    assert Mirror(there, Disk()).step(5)
    (tmp_path / "drive").rmdir()
    with pytest.raises(OSError):
        Mirror(there, Disk()).step(5)


def test_whoever_reads_waits_for_the_journal_but_not_for_a_drive_that_is_away(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    put(one, "run", 5)
    two = machine(tmp_path, "two")
    outbox = Outbox(two, "me", lambda arrivals: None)
    outbox.read_journal(WAIT_S)
    assert numbers(two) == [5]
    outbox.stop(WAIT_S)

    three = machine(tmp_path, "three")
    (tmp_path / "drive").rename(tmp_path / "away")
    outbox = Outbox(three, "me", lambda arrivals: None)
    start = time.monotonic()
    outbox.read_journal(10 * WAIT_S)
    assert time.monotonic() - start < WAIT_S
    trouble = outbox.trouble()
    assert trouble is not None and trouble.key == "note.drive.disconnected"
    outbox.stop(WAIT_S)
