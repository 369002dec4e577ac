"""A library on Drive: keeping does not wait, the journal says what arrived, the end waits and tells what is left."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from colabsd.library.inputs import find_input, keep_input
from colabsd.library.library import Library, Verdict
from colabsd.library.saving import DriveCare, Saving
from colabsd.progress import Note, Progress
from colabsd.storage.delivery import Patience
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.ledger import LedgerState
from colabsd.storage.workspace import Workspace

HASTE = Patience(first_s=0.01, longest_s=0.05, upload_s=0.02, visible_s=0.3, uploaded_s=30.0)
WAIT_S = 20.0


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "drive").mkdir()
    return machine(tmp_path, "machine 1")


@pytest.fixture
def care() -> DriveCare:
    return DriveCare(patience=HASTE)


@pytest.fixture
def library(make_library: Callable[..., Library], care: DriveCare) -> Iterator[Library]:
    made = make_library(care=care)
    yield made
    made._saving._waited = True  # where Drive is away on purpose, the end is not to wait for it


def machine(tmp_path: Path, name: str) -> Workspace:
    (tmp_path / name).mkdir()
    return Workspace(tmp_path / "drive" / "colabsd", tmp_path / name, remote=True)


def away(workspace: Workspace) -> Callable[[], None]:
    """Drive goes away; gives how it comes back."""
    there, elsewhere = workspace.root.parent, workspace.root.parent.with_name("away")
    there.rename(elsewhere)
    return lambda: elsewhere.rename(there) and None  # type: ignore[func-returns-value]


def notes(events: Iterator[Progress | Note]) -> list[str]:
    return [event.key for event in events if isinstance(event, Note)]


def test_pictures_are_kept_found_and_read_while_drive_is_away(
    library: Library, workspace: Workspace, keep_all: Any
) -> None:
    back = away(workspace)
    start = time.monotonic()
    kept = keep_all(library, 3)
    assert time.monotonic() - start < WAIT_S
    assert [record.index for record in library.list()] == [2, 1, 0]
    for one in kept:
        assert one.path.is_file() and workspace.locate(one.record.path).read_bytes() == one.path.read_bytes()
    assert library.ledger().on_the_way == 3 and library.ledger().on_drive == 0
    back()
    assert notes(library.flush(WAIT_S)) == ["note.drive.saving"]
    assert library.ledger() == LedgerState(3, 0)
    for one in kept:
        assert (workspace.root / one.record.path).read_bytes() == one.path.read_bytes()


def test_at_the_end_everything_and_the_journal_that_says_so_is_on_drive(
    library: Library, workspace: Workspace, keep_all: Any, tmp_path: Path
) -> None:
    kept = keep_all(library, 3)
    library.close()
    assert not any(path.is_file() for path in workspace.outbox.rglob("*"))
    there = Workspace(workspace.root, tmp_path / "nobody's", remote=False)
    entries = list(Journal(there, "reader", lambda: None).records())  # type: ignore[arg-type,return-value]
    told = {
        file["path"]: file["sha256"] for entry in entries if entry.kind == "on_drive" for file in entry.data["files"]
    }
    assert {one.record.path: one.record.sha256 for one in kept}.items() <= told.items()
    assert not any(path.startswith("journal/") for path in told)


def test_a_new_machine_has_the_pictures_and_verifies_them(
    library: Library, make_library: Any, keep_all: Any, tmp_path: Path, care: DriveCare
) -> None:
    kept = keep_all(library, 3)
    library.close()
    other = make_library(machine(tmp_path, "machine 2"), care=care)
    assert [record.path for record in other.list()] == [one.record.path for one in reversed(kept)]
    assert other.unfinished_jobs() == []
    verdicts = [found for found in other.verify() if isinstance(found, Verdict)]
    assert [found.state for found in verdicts] == ["right"] * 3


def test_a_job_that_another_machine_began_is_continued(
    library: Library, make_library: Any, make_plan: Any, draw: Any, tmp_path: Path, care: DriveCare
) -> None:
    plan = make_plan(3)
    job = library.start_job({}, plan.as_json(), "png")
    library.keep(draw(plan, 1), job)
    library.close()
    other = make_library(machine(tmp_path, "machine 2"), care=care)
    (found,) = other.unfinished_jobs()
    assert (found.id, found.kept) == (job.id, {1})


def test_verify_tells_what_is_damaged_on_drive_though_this_machine_has_a_copy(
    library: Library, workspace: Workspace, keep_all: Any
) -> None:
    kept = keep_all(library, 2)
    list(library.flush(WAIT_S))
    (workspace.root / kept[0].record.path).write_bytes(b"half")
    (workspace.root / kept[1].record.path).unlink()
    states = {found.path: found.state for found in library.verify() if isinstance(found, Verdict)}
    assert states == {kept[0].record.path: "changed", kept[1].record.path: "missing"}


def test_a_file_that_drive_has_twice_is_one_picture(library: Library, workspace: Workspace, keep_all: Any) -> None:
    (kept,) = keep_all(library)
    list(library.flush(WAIT_S))
    path = workspace.root / kept.record.path
    path.with_name(f"{path.stem} (1).png").write_bytes(path.read_bytes())
    assert library.rebuild() == 1


def test_the_end_waits_no_longer_than_it_says_and_tells_what_is_left(
    library: Library, workspace: Workspace, keep_all: Any
) -> None:
    away(workspace)
    keep_all(library, 2)
    start = time.monotonic()
    events = list(library.flush(0.5))
    assert time.monotonic() - start < WAIT_S
    said = [event for event in events if isinstance(event, Note)]
    assert [note.key for note in said] == ["note.drive.saving", "note.drive.left", "note.drive.disconnected"]
    assert said[0].facts["limit_s"] == "0" and said[1].facts["count"] >= 2
    assert any(isinstance(event, Progress) and event.stage == "save" for event in events)


def test_whoever_has_enough_of_waiting_is_not_made_to_wait_again(
    library: Library, workspace: Workspace, keep_all: Any
) -> None:
    away(workspace)
    keep_all(library, 1)
    waiting = library.flush()
    next(waiting)
    waiting.close()  # type: ignore[attr-defined]
    start = time.monotonic()
    library.close()
    assert time.monotonic() - start < WAIT_S


def test_what_pictures_are_made_from_is_found_before_it_is_on_drive(workspace: Workspace, tmp_path: Path) -> None:
    away(workspace)
    (tmp_path / "mine.png").write_bytes(b"a picture")
    sha256 = hashlib.sha256(b"a picture").hexdigest()
    kept = keep_input(workspace, tmp_path / "mine.png", sha256)
    assert kept == find_input(workspace, sha256) == keep_input(workspace, tmp_path / "mine.png", sha256)
    assert kept.read_bytes() == b"a picture" and workspace.is_on_the_way(f"inputs/{sha256}.png")


def test_the_next_program_of_the_machine_brings_what_was_left(
    library: Library, make_library: Any, workspace: Workspace, keep_all: Any, care: DriveCare
) -> None:
    back = away(workspace)
    keep_all(library, 2)
    list(library.flush(0.1))
    library._saving._outbox.stop(WAIT_S)
    back()
    later = make_library(care=care)
    assert notes(later.flush(WAIT_S)) == ["note.drive.saving"]
    assert later.ledger() == LedgerState(2, 0)


def test_drive_is_mounted_again_on_the_main_thread_alone_and_not_all_the_time(
    workspace: Workspace, clock: Any, keep_all: Any, make_library: Any
) -> None:
    asked: list[bool] = []
    back: list[Callable[[], None]] = []

    def remount() -> bool:
        asked.append(threading.current_thread() is threading.main_thread())
        back[0]()
        return True

    library = make_library(care=DriveCare(remount=remount, patience=HASTE))
    library.tend()
    assert asked == [], "Drive is not away"
    back.append(away(workspace))
    keep_all(library, 2)
    deadline = time.monotonic() + WAIT_S
    while not library._saving._outbox.wants_remount:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    from_aside = threading.Thread(target=library.tend)
    from_aside.start()
    from_aside.join()
    assert asked == []
    library.tend()
    library.tend()
    assert asked == [True]
    assert notes(library.flush(WAIT_S)) in (["note.drive.saving"], [])
    assert library.ledger() == LedgerState(2, 0)


def test_on_an_ordinary_disk_there_is_nothing_to_wait_for(tmp_path: Path, clock: Any, keep_all: Any) -> None:
    plain = Workspace(tmp_path / "ws", tmp_path / "local")
    library = Library(plain, Journal(plain, "runtime", clock), clock)
    keep_all(library, 2)
    threads = threading.active_count()
    library.tend()
    assert list(library.flush()) == []
    assert library.ledger() == LedgerState(0, 0, drive=False)
    library.close()
    assert threading.active_count() == threads
    assert not any(thread.name == "colabsd-outbox" for thread in threading.enumerate() if not thread.daemon)


def test_keeping_asks_nothing_of_drive(workspace: Workspace, clock: Any, keep_all: Any) -> None:
    """Whatever happens on Drive happens in the outbox's thread, which is not started here."""

    class Watched(Disk):
        def make_folder(self, path: Path) -> None:
            assert not path.is_relative_to(workspace.root)
            super().make_folder(path)

    library = Library(workspace, Journal(workspace, "runtime", clock), clock, disk=Watched())
    library._saving = Saving(Workspace(workspace.root, workspace.local), library._journal, DriveCare())
    library._journal.before_reading = lambda: None
    away(workspace)
    kept = keep_all(library, 2)
    assert [record.path for record in library.list()] == [one.record.path for one in reversed(kept)]
