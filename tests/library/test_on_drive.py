"""On a real mount that behaves like Drive: what was called "on Drive" is there, whatever fails, is killed or ends.

The mount is `benchmarks/drive_mount.py`, with latencies of a few milliseconds; `python -m benchmarks.drive` takes 300.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.drive_folder import Drive, missing
from benchmarks.drive_trial import claims, open_library_at, run_machine, trial
from colabsd.library.library import Verdict
from colabsd.library.manifest import read_manifest
from colabsd.storage.ledger import LedgerState
from colabsd.storage.mounts import file_system

pytestmark = [pytest.mark.integration, pytest.mark.skipif(missing() != "", reason=f"no mount: {missing()}")]

WAIT_S = 60.0
FAULTS = {"107": 0.004, "5": 0.006, "28": 0.004}
LATE = {"latency_s": 0.001, "late_s": 0.03, "upload_s": (0.2, 3.0)}


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    with Drive(tmp_path, latency_s=0.001) as mounted:
        yield mounted


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_the_mount_is_as_drive_is(drive: Drive) -> None:
    path = drive.place / "x.png"
    path.write_bytes(b"x" * 300_000)
    assert path.read_bytes() == b"x" * 300_000 and file_system(path) == "fuse.drive"
    for link in (os.link, os.symlink):
        with pytest.raises(OSError) as caught:
            link(path, drive.place / "y.png")
        assert caught.value.errno == 95
    drive.settle()
    drive.change(upload_s=(60.0, 60.0))
    path.rename(drive.place / "z.png")
    (drive.place / "lost.png").write_bytes(b"not up yet")
    assert os.getxattr(drive.place / "lost.png", "user.drive.id").startswith(b"local")
    drive.vanish()
    with pytest.raises(OSError) as caught:
        (drive.place / "z.png").stat()
    assert caught.value.errno == 107
    drive.unmount()
    drive.start()
    assert [path.name for path in drive.place.iterdir()] == ["x.png"]


def test_two_files_may_have_one_name_there(drive: Drive) -> None:
    drive.change(late_s=0.5)
    for content in (b"one", b"two"):
        descriptor = os.open(drive.place / "x.png", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.write(descriptor, content)
        os.close(descriptor)
    until(lambda: len(list(drive.place.iterdir())) == 2)
    assert sorted(path.name for path in drive.place.iterdir()) == ["x (1).png", "x.png"]


def test_kept_pictures_are_on_drive_at_the_end(drive: Drive, tmp_path: Path) -> None:
    root, local = drive.place / "colabsd", tmp_path / "machine"
    assert run_machine(root, local, 8).wait(WAIT_S) == 0
    library = open_library_at(root, tmp_path / "machine 2")
    states = [found.state for found in library.verify() if isinstance(found, Verdict)]
    assert states == ["right"] * 8
    assert [path for path in (root / ".unfinished").iterdir()] == []
    library.close()


@pytest.mark.parametrize("kind", [107, 5, 28])
def test_a_drive_that_fails_altogether_loses_nothing(drive: Drive, tmp_path: Path, kind: int) -> None:
    root, local = drive.place / "colabsd", tmp_path / "machine"
    drive.change(faults={str(kind): 1.0})
    running = run_machine(root, local, 5)
    until(lambda: len(list((local / "outbox").rglob("*.png"))) == 5)
    time.sleep(0.5)
    assert claims(local) == {} and running.poll() is None
    drive.change(faults={})
    assert running.wait(WAIT_S) == 0
    assert len(claims(local)) >= 5 and len(list(root.rglob("*.png"))) == 5


def test_a_program_that_is_killed_loses_nothing_on_its_machine(drive: Drive, tmp_path: Path) -> None:
    root, local = drive.place / "colabsd", tmp_path / "machine"
    drive.change(read_only=True)
    running = run_machine(root, local, 6)
    until(lambda: len(list((local / "outbox").rglob("*.png"))) == 6)
    running.send_signal(signal.SIGKILL)
    running.wait()
    drive.change(read_only=False)
    library = open_library_at(root, local)
    list(library.flush(WAIT_S))
    assert library.ledger() == LedgerState(6, 0)
    assert [found.state for found in library.verify() if isinstance(found, Verdict)] == ["right"] * 6
    library.close()


def test_a_mount_that_dies_is_mounted_again_by_whoever_may(drive: Drive, tmp_path: Path) -> None:
    from dataclasses import replace

    from benchmarks.drive_trial import keep_pictures

    def remount() -> bool:
        drive.unmount()
        drive.start()
        return True

    library = open_library_at(drive.place / "colabsd", tmp_path / "machine")
    saving = library._saving
    saving._remount = remount
    drive.vanish()
    keep_pictures(library, 4)
    until(lambda: saving._outbox.wants_remount)
    assert library.ledger().on_drive == 0
    list(library.flush(WAIT_S))
    assert replace(library.ledger(), trouble=None) == LedgerState(4, 0)
    library.close()


def test_a_drive_that_goes_away_for_good_leaves_the_machines_disk_alone(drive: Drive, tmp_path: Path) -> None:
    """The folder of the mount is an ordinary one then: nothing must be written there."""
    from benchmarks.drive_trial import keep_pictures

    library = open_library_at(drive.place / "colabsd", tmp_path / "machine")
    keep_pictures(library, 1)
    list(library.flush(WAIT_S))
    drive.die()
    (drive.mount / "MyDrive").mkdir()
    keep_pictures(library, 1)
    time.sleep(1.0)
    assert list((drive.mount / "MyDrive").iterdir()) == []
    assert library.ledger().on_the_way == 1
    (drive.mount / "MyDrive").rmdir()
    drive.start()
    list(library.flush(WAIT_S))
    assert library.ledger() == LedgerState(2, 0)
    library.close()


@pytest.mark.parametrize("seed", [1])
def test_nothing_that_was_called_on_drive_is_lost_and_no_final_name_shows_half_a_file(
    tmp_path: Path, seed: int
) -> None:
    """2,000 calls and more that fail at random, three kills, Drive away once, and the machine's sudden end."""
    with Drive(tmp_path, faults=FAULTS, seed=seed, **LATE) as drive:
        outcome = trial(drive, tmp_path, 75, 5 * WAIT_S)
        assert (outcome.lost, outcome.half) == (0, 0)
        assert outcome.kept == 75 and outcome.claimed >= 60 and outcome.found >= outcome.claimed_pictures >= 50
        assert outcome.calls > 2000
        for path in (drive.place / "colabsd" / "pictures").rglob("*.png"):
            read_manifest(path)


def test_the_command_line_waits_for_drive_and_names_the_final_path(drive: Drive, tmp_path: Path) -> None:
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLABSD_LANG": "es"}
    command = [sys.executable, "-m", "colabsd", "generate", "una manzana roja", "--steps", "2"]
    folder = drive.place / "colabsd"
    done = subprocess.run(
        [*command, "--output", str(folder)], env=environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip().splitlines()[-1])
    assert path.is_relative_to(folder) and read_manifest(path).drawing.prompt == "una manzana roja"
    assert "pasan ahora a Drive" in done.stderr
