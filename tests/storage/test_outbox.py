"""What is kept on Drive is safe at once, gets there whatever fails, and is called so only when it was read back."""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from colabsd.language import LANGUAGES, say
from colabsd.progress import Note
from colabsd.storage.copies import prune_copies
from colabsd.storage.delivery import Arrival, Patience, scratch_name
from colabsd.storage.disk import Disk
from colabsd.storage.ledger import CAUSES, LedgerState, read_cause
from colabsd.storage.locks import Lock
from colabsd.storage.outbox import Outbox
from colabsd.storage.publish import publish_into, sweep
from colabsd.storage.remote_disk import RemoteDisk
from colabsd.storage.rescue import ABANDONED_S, rescue
from colabsd.storage.workspace import Workspace, open_workspace

DATA = bytes(range(256)) * 8
HASTE = Patience(first_s=0.01, longest_s=0.05, upload_s=0.02, visible_s=0.3, uploaded_s=30.0)
WAIT_S = 20.0  # of a machine that is busy with other things
NAME = "pictures/2026-11-24/a.png"


class MoodyDisk(Disk):
    """A Drive that fails with `error` in the calls named in `calls`, and tells `identity` of its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: set[str] = set()
        self.error = 0
        self.failed = 0
        self.identity: bytes | None = None

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ("create", "read", "rename", "make_folder") and name in self.calls:

            def fail(path: Path, *arguments: Any) -> Any:
                if not path.is_relative_to(self.root):
                    return found(path, *arguments)
                self.failed += 1
                raise OSError(self.error, os.strerror(self.error), str(path))

            return fail
        return found

    def attribute(self, path: Path, name: str) -> bytes | None:
        return self.identity if path.exists() else super().attribute(path, name)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "drive").mkdir()
    (tmp_path / "machine").mkdir()
    made = Workspace(tmp_path / "drive" / "colabsd", tmp_path / "machine", remote=True)
    made.prepare_to_keep()
    return made


@pytest.fixture
def disk(workspace: Workspace) -> MoodyDisk:
    return MoodyDisk(workspace.root)


@pytest.fixture
def arrived() -> list[Arrival]:
    return []


@pytest.fixture
def make(workspace: Workspace, disk: MoodyDisk, arrived: list[Arrival]) -> Iterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def note(arrivals: Sequence[Arrival]) -> None:
        arrived.extend(arrivals)

    def build(**options: Any) -> Outbox:
        made.append(Outbox(workspace, f"run{len(made)}", note, **{"disk": disk, "patience": HASTE, **options}))
        return made[-1]

    yield build
    for outbox in made:
        outbox.stop(WAIT_S)


@pytest.fixture
def outbox(make: Callable[..., Outbox]) -> Outbox:
    return make()


def keep(workspace: Workspace, name: str = NAME, data: bytes = DATA) -> Path:
    folder, _, last = name.rpartition("/")
    return publish_into(workspace, data, workspace.root / folder, [last]).path


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
    return found


def test_a_file_is_safe_and_found_before_drive_has_seen_anything(workspace: Workspace) -> None:
    path = keep(workspace)
    assert path.read_bytes() == workspace.locate(NAME).read_bytes() == DATA
    assert workspace.relative(path) == NAME and workspace.is_on_the_way(NAME)
    assert workspace.final_path(NAME) == path
    assert not workspace.root.exists()


def test_it_is_brought_read_back_noted_and_out_of_the_outbox(
    workspace: Workspace, outbox: Outbox, arrived: list[Arrival]
) -> None:
    path = keep(workspace)
    assert outbox.state() == LedgerState(0, 1)
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0) and not outbox.pending())
    assert (workspace.root / NAME).read_bytes() == DATA
    assert [(arrival.relative, arrival.bytes) for arrival in arrived] == [(NAME, len(DATA))]
    assert path.read_bytes() == DATA, "who was given the path may go on using it"
    assert workspace.final_path(NAME) == workspace.root / NAME
    assert list(workspace.unfinished.iterdir()) == []


def test_on_an_ordinary_disk_files_are_in_their_places_at_once(tmp_path: Path) -> None:
    plain = open_workspace(tmp_path / "ws", {"HOME": str(tmp_path)})
    plain.prepare()
    path = keep(plain)
    assert path == plain.root / NAME == plain.locate(NAME) == plain.final_path(NAME)
    assert not plain.outbox.exists() and not plain.copies.exists() and not plain.remote


@pytest.mark.parametrize("call", ["create", "read", "rename", "make_folder"])
@pytest.mark.parametrize(
    ("number", "key"),
    [
        (errno.ENOTCONN, "note.drive.disconnected"),
        (errno.EIO, "note.drive.failing"),
        (errno.ENOSPC, "note.drive.full"),
        (errno.EDQUOT, "note.drive.full"),
        (errno.EROFS, "note.drive.read_only"),
    ],
)
def test_whatever_fails_is_told_and_tried_again(
    workspace: Workspace, outbox: Outbox, disk: MoodyDisk, call: str, number: int, key: str
) -> None:
    disk.calls, disk.error = {call}, number
    keep(workspace)
    outbox.wake()
    until(lambda: outbox.trouble() is not None and disk.failed > 1)
    state = outbox.state()
    assert (state.on_drive, state.on_the_way) == (0, 1)
    assert state.trouble is not None and state.trouble.key == key
    assert all(state.tell(language) for language in LANGUAGES)
    disk.calls = set()
    until(lambda: outbox.state() == LedgerState(1, 0))
    assert (workspace.root / NAME).read_bytes() == DATA


def test_what_reads_back_wrong_is_not_called_on_drive(workspace: Workspace, make: Callable[..., Outbox]) -> None:
    class Forgetful(Disk):
        wrong = True

        def read(self, path: Path) -> bytes:
            return super().read(path)[: -1 if self.wrong and path.suffix == ".png" else None]

    disk = Forgetful()
    outbox = make(disk=disk)
    keep(workspace)
    outbox.wake()
    until(lambda: (workspace.root / NAME).exists())
    time.sleep(0.1)
    assert outbox.state().on_drive == 0
    disk.wrong = False
    until(lambda: outbox.state() == LedgerState(1, 0))


def test_what_drive_has_not_uploaded_is_not_called_on_drive(
    workspace: Workspace, outbox: Outbox, disk: MoodyDisk
) -> None:
    disk.identity = b"local-17"
    keep(workspace)
    outbox.wake()
    until(lambda: (workspace.root / NAME).exists())
    time.sleep(0.1)
    assert outbox.state() == LedgerState(0, 1)
    disk.identity = b"1a2B3c"
    until(lambda: outbox.state() == LedgerState(1, 0))


def test_ids_that_never_change_mean_nothing_in_the_end(
    workspace: Workspace, make: Callable[..., Outbox], disk: MoodyDisk
) -> None:
    disk.identity = b"local-17"
    outbox = make(patience=Patience(first_s=0.01, longest_s=0.05, uploaded_s=0.1))
    keep(workspace)
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))


def test_while_drive_is_full_nothing_is_called_there_though_writing_succeeds(
    workspace: Workspace, make: Callable[..., Outbox], tmp_path: Path
) -> None:
    log = tmp_path / "timeouts.txt"
    outbox = make(log=log)
    keep(workspace)
    log.write_text("E1124 The user has exceeded their Drive storage quota\n")
    os.utime(log, (time.time() + 60, time.time() + 60))
    outbox.wake()
    until(lambda: (workspace.root / NAME).exists())
    time.sleep(0.1)
    assert outbox.state().on_drive == 0
    os.utime(log, (1, 1))
    until(lambda: outbox.state() == LedgerState(1, 0))


@pytest.mark.parametrize(("sign", "key"), CAUSES)
def test_colabs_log_is_read_for_the_cause(tmp_path: Path, sign: str, key: str) -> None:
    log = tmp_path / "timeouts.txt"
    log.write_text(f"older: internalError\nE1124 12:00:01 x.cc:7] {sign}\n")
    assert read_cause(log, since=0) == key
    assert read_cause(log, since=time.time() + 60) is None
    for language in LANGUAGES:
        say(key, language, place="p", reason="r")


def test_without_a_log_there_is_no_cause(tmp_path: Path) -> None:
    assert read_cause(tmp_path / "none", 0) is read_cause(None, 0) is None
    (tmp_path / "empty").touch()
    (tmp_path / "strange").write_bytes(b"\xff\x00 something else\n")
    assert read_cause(tmp_path / "empty", 0) is read_cause(tmp_path / "strange", 0) is None


def test_the_log_explains_an_input_output_error(
    workspace: Workspace, make: Callable[..., Outbox], disk: MoodyDisk, tmp_path: Path
) -> None:
    log = tmp_path / "timeouts.txt"
    log.write_text("userRateLimitExceeded\n")
    disk.calls, disk.error = {"create"}, errno.EIO
    outbox = make(log=log)
    keep(workspace)
    outbox.wake()
    assert until(outbox.trouble).key == "note.drive.quota"


def test_one_file_that_cannot_be_brought_does_not_keep_the_others(workspace: Workspace, make: Any) -> None:
    class OneBad(Disk):
        def create(self, path: Path) -> int:
            if "worst" in path.name:
                raise OSError(errno.EIO, "Input/output error", str(path))
            return super().create(path)

    outbox = make(disk=OneBad())
    for name in ("worst", "good", "better"):
        keep(workspace, f"pictures/2026-11-24/{name}.png", DATA + name.encode())
    outbox.wake()
    until(lambda: outbox.pending() == ["pictures/2026-11-24/worst.png"])
    assert outbox.state().on_drive == 2


def test_a_name_that_another_file_has_is_left_to_it(workspace: Workspace, outbox: Outbox) -> None:
    keep(workspace, "inputs/x.png")
    (workspace.root / "inputs").mkdir(parents=True)
    (workspace.root / "inputs/x.png").write_bytes(b"of somebody else")
    outbox.wake()
    assert until(outbox.trouble).key == "note.drive.taken"
    assert (workspace.root / "inputs/x.png").read_bytes() == b"of somebody else"
    assert outbox.pending() == ["inputs/x.png"]


def test_a_broken_piece_of_a_file_is_put_aside(workspace: Workspace, make: Callable[..., Outbox]) -> None:
    """A Drive that lost what it had not uploaded shows a part of it, or nothing."""
    keep(workspace)
    (workspace.root / NAME).parent.mkdir(parents=True)
    (workspace.root / NAME).write_bytes(DATA[:100])
    outbox = make()  # a later program: it looks first
    os.utime(workspace.outbox / NAME, (1, 1))
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))
    assert (workspace.root / NAME).read_bytes() == DATA


def test_what_was_brought_before_a_kill_is_not_brought_again(
    workspace: Workspace, make: Callable[..., Outbox], disk: MoodyDisk
) -> None:
    keep(workspace)
    (workspace.root / NAME).parent.mkdir(parents=True)
    (workspace.root / NAME).write_bytes(DATA)
    os.utime(workspace.outbox / NAME, (1, 1))
    disk.calls, disk.error = {"create", "rename"}, errno.EIO
    outbox = make()
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))
    assert disk.failed == 0


def test_a_scratch_file_of_a_killed_program_is_used(workspace: Workspace, outbox: Outbox) -> None:
    keep(workspace)
    workspace.unfinished.mkdir(parents=True)
    (workspace.unfinished / scratch_name(NAME, DATA)).write_bytes(DATA[:7])
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))
    assert (workspace.root / NAME).read_bytes() == DATA
    assert list(workspace.unfinished.iterdir()) == []


def test_what_is_deleted_on_the_way_does_not_stay_on_drive(
    workspace: Workspace, outbox: Outbox, disk: MoodyDisk, arrived: list[Arrival]
) -> None:
    disk.identity = b"local-17"
    keep(workspace)
    outbox.wake()
    until(lambda: (workspace.root / NAME).exists())
    (workspace.outbox / NAME).unlink()
    (workspace.root / NAME).unlink()
    disk.identity = b"1a2B3c"
    time.sleep(0.1)
    assert arrived == [] and outbox.state() == LedgerState(0, 0)
    assert not (workspace.root / NAME).exists()


def test_a_drive_that_is_gone_is_not_made_anew_on_the_machines_disk(workspace: Workspace, outbox: Outbox) -> None:
    workspace.root.parent.rename(workspace.root.parent.with_name("away"))
    keep(workspace)
    outbox.wake()
    assert until(outbox.trouble).key == "note.drive.disconnected"
    assert outbox.wants_remount
    assert not workspace.root.parent.exists()
    workspace.root.parent.with_name("away").rename(workspace.root.parent)
    outbox.hurry()
    until(lambda: outbox.state() == LedgerState(1, 0))


def test_once_on_drive_a_workspace_stays_so_while_drive_is_away(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    first = open_workspace(tmp_path / "drive", environ, remote=True)
    first.prepare_to_keep()
    assert open_workspace(tmp_path / "drive", environ).remote
    assert not open_workspace(tmp_path / "elsewhere", environ).remote


def test_only_one_program_of_a_machine_brings_files(workspace: Workspace, outbox: Outbox) -> None:
    other = Lock.take(workspace.local / "outbox.lock")
    assert other is not None
    keep(workspace)
    outbox.wake()
    time.sleep(0.1)
    assert outbox.state() == LedgerState(0, 1, None)
    other.release()
    until(lambda: outbox.state() == LedgerState(1, 0))


def test_a_hung_drive_is_told_and_holds_nobody_up(
    workspace: Workspace, make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colabsd.storage.outbox.SILENT_S", 0.05)

    class Hung(Disk):
        let_go = False

        def make_folder(self, path: Path) -> None:
            while not self.let_go:
                time.sleep(0.005)
            super().make_folder(path)

    disk = Hung()
    outbox = make(disk=disk)
    keep(workspace)
    outbox.wake()
    assert until(outbox.trouble).key == "note.drive.silent"
    start = time.monotonic()
    outbox.stop(0.01)
    assert time.monotonic() - start < 5
    disk.let_go = True


def test_scratch_files_of_killed_programs_are_swept_on_the_machine_alone(workspace: Workspace) -> None:
    for folder in (workspace.scratch, workspace.unfinished):
        folder.mkdir(parents=True)
        (folder / "x.part").touch()
    sweep(workspace)
    assert list(workspace.scratch.iterdir()) == [] and len(list(workspace.unfinished.iterdir())) == 1


def test_whole_scratch_files_of_a_machine_that_ended_get_their_names(workspace: Workspace) -> None:
    """Drive had uploaded them, and had not learned of the rename."""
    workspace.unfinished.mkdir(parents=True)
    whole, half, other = (f"pictures/2026-11-24/{name}.png" for name in ("whole", "half", "other"))
    (workspace.unfinished / scratch_name(whole, DATA)).write_bytes(DATA)
    (workspace.unfinished / scratch_name(half, DATA)).write_bytes(DATA[:50])
    (workspace.unfinished / scratch_name("../../x", DATA)).write_bytes(DATA)
    keep(workspace, other)
    (workspace.unfinished / scratch_name(other, DATA)).write_bytes(DATA)
    assert rescue(workspace, Disk(), time.time()) == 1
    assert (workspace.root / whole).read_bytes() == DATA
    assert not (workspace.root / half).exists() and len(list(workspace.unfinished.iterdir())) == 3
    assert rescue(workspace, Disk(), time.time() + 2 * ABANDONED_S) == 0
    assert [path.name for path in workspace.unfinished.iterdir()] == [scratch_name(other, DATA)]
    assert not (workspace.root.parent / "x").exists()


def test_the_ledger_is_told_in_both_languages() -> None:
    trouble = Note("note.drive.failing", {"place": "p", "reason": "r"})
    assert LedgerState(27, 3).tell("en") == "27 on Drive · 3 on the way"
    assert LedgerState(27, 3).tell("es") == "27 en Drive · 3 en camino"
    assert LedgerState(30, 0).tell("es") == "30 en Drive"
    assert "r" in LedgerState(30, 1, trouble).tell("es")
    assert LedgerState(0, 0).tell("en") == "nothing on its way to Drive"
    assert LedgerState(0, 0, drive=False).tell("en") == ""


def test_copies_of_what_has_arrived_do_not_fill_the_machine(workspace: Workspace) -> None:
    names = [f"pictures/2026-11-24/{number}.png" for number in range(5)]
    for number, name in enumerate(names):
        os.utime(keep(workspace, name), (number + 1, number + 1))
        if number != 1:
            (workspace.outbox / name).unlink()
    segment = workspace.segments / "x.jsonl"
    segment.write_bytes(DATA)
    assert prune_copies(workspace, 2 * len(DATA)) == 3
    left = sorted(path.name for path in workspace.copies.rglob("*.png"))
    assert left == ["1.png", "4.png"] and segment.exists(), "what is on its way stays, and the youngest"


def test_no_folder_of_drive_is_held_while_nothing_is_done_there(
    workspace: Workspace, make: Callable[..., Outbox]
) -> None:
    """Held folders would keep Drive from being unmounted."""
    disk = RemoteDisk()
    outbox = make(disk=disk)
    keep(workspace)
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))
    outbox.stop(WAIT_S)
    descriptors = [path for path in Path("/proc/self/fd").glob("*") if path.is_symlink()]
    held = [path.readlink() for path in descriptors if path.is_symlink()]
    assert not any(path.is_relative_to(workspace.root) for path in held)
    with pytest.raises(FileNotFoundError):
        disk.read(workspace.root / "pictures" / "none.png")
    assert disk.read(workspace.root / NAME) == DATA
    disk.rest()


def test_a_thread_that_ended_by_a_mistake_is_started_again(
    workspace: Workspace, make: Callable[..., Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)

    class Mistaken(Disk):
        mistaken = True

        def create(self, path: Path) -> int:
            if self.mistaken:
                raise ValueError("a mistake of ours")
            return super().create(path)

    disk = Mistaken()
    outbox = make(disk=disk)
    keep(workspace)
    outbox.wake()
    until(lambda: not outbox.is_awake)
    disk.mistaken = False
    outbox.wake()
    until(lambda: outbox.state() == LedgerState(1, 0))
