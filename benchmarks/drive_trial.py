"""Pictures kept on a Drive that fails all the time, a kill, a dead machine: what the next machine finds of them.

`python -m benchmarks.drive_trial ROOT LOCAL COUNT` is one machine's program: it keeps so many and waits for Drive.
"""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.drive_folder import Drive
from colabsd.artifacts import Picture
from colabsd.library.library import Library
from colabsd.library.saving import DriveCare
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.delivery import Patience
from colabsd.storage.journal import Journal
from colabsd.storage.names import runtime_name
from colabsd.storage.workspace import Workspace

SIDE = 16
FLUSH_S = 600.0
HASTE = Patience(first_s=0.02, longest_s=0.5, upload_s=0.1, visible_s=2.0, uploaded_s=60.0)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Files: kept on the machine, called "on Drive" before it ended; of these lost; half ones under final names.

    `found` are the pictures that the next machine's library knows and has whole; `doubles` are files that Drive has
    twice; `calls` are those that Drive got.
    """

    kept: int
    claimed: int
    claimed_pictures: int
    lost: int
    half: int
    found: int
    doubles: int
    calls: int


def machine(root: Path, local: Path, count: int) -> None:
    """Keep pictures of noise, as drawing would, and wait until all are on Drive."""
    library = open_library_at(root, local)
    keep_pictures(library, count)
    for _ in library.flush(FLUSH_S):
        pass
    library.close()


def open_library_at(root: Path, local: Path, patience: Patience = HASTE, remote: bool = True) -> Library:
    """A library with little patience, so that much happens in little time."""

    def clock() -> datetime:
        return datetime.now().astimezone()

    local.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root, local, remote)
    journal = Journal(workspace, runtime_name(clock(), os.urandom), clock)
    return Library(workspace, journal, clock, care=DriveCare(patience=patience))


def keep_pictures(library: Library, count: int, side: int = SIDE, work_s: float = 0.0) -> None:
    """One job of so many pictures of noise, each after `work_s` of waiting for a graphics card that is not there."""
    how = {"sampler": "Euler a", "schedule": "Automatic", "steps": 1, "guidance": 1.0, "clip_skip": 1}
    facts: dict[str, Any] = {"prompt": "ruido", "negative_prompt": "", "model": "none", "model_sha256": "a" * 64, **how}
    drawings = tuple(Drawing(**facts, width=side, height=side, seed=seed) for seed in range(count))
    batches = tuple((index,) for index in range(count))
    plan = ImagePlan(drawings=drawings, batches=batches, execution=Execution())
    job = library.start_job({"prompt": "ruido"}, plan.as_json(), "png")
    with library.lock_job(job):
        for index, drawing in enumerate(drawings):
            time.sleep(work_s)
            image = Image.frombytes("RGB", (side, side), random.Random(time.monotonic_ns()).randbytes(side * side * 3))
            library.keep(Picture(image=image, drawing=drawing, execution=plan.execution, index=index), job)
            library.tend()
        library.finish_job(job)


def run_machine(root: Path, local: Path, count: int) -> "subprocess.Popen[bytes]":
    """The program in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.drive_trial", str(root), str(local), str(count)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1])


def claims(local: Path) -> dict[str, str]:
    """What a machine called "on Drive": the sha256 of each file by its path. An unfinished line says nothing."""
    log = local / "on_drive.log"
    text = log.read_text() if log.exists() else ""
    rows = [line.split(" ", 2) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return {relative.rstrip("\n"): sha256 for sha256, _, relative in rows}


def wait_for_claims(local: Path, least: int, running: "subprocess.Popen[bytes]", patience_s: float) -> None:
    """Wait until a machine has called so many files "on Drive", or its program has ended. Raises: TimeoutError."""
    deadline = time.monotonic() + patience_s
    while len(claims(local)) < least and running.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(claims(local))} of {least} files after {patience_s} s")
        time.sleep(0.05)


def trial(drive: Drive, folder: Path, pictures: int, patience_s: float) -> Outcome:
    """Three programs on one machine, each killed; Drive goes away once and comes back; then the machine ends."""
    root, local = drive.place / "colabsd", folder / "machine 1"
    for part in (1, 2):
        running = run_machine(root, local, pictures // 3)
        wait_for_claims(local, part * pictures // 6, running, patience_s)
        running.kill()
        running.wait()
    running = run_machine(root, local, pictures - 2 * (pictures // 3))
    wait_for_claims(local, pictures // 2, running, patience_s)
    drive.vanish()
    time.sleep(0.5)
    drive.unmount()
    drive.start()
    wait_for_claims(local, pictures * 4 // 5, running, patience_s)
    running.kill()
    running.wait()
    drive.die()  # at once: what was not up is lost
    drive.change(faults={}, late_s=0.0)
    drive.start()
    return look(root, local, folder / "machine 2", drive.calls())


def look(root: Path, old: Path, new: Path, calls: int) -> Outcome:
    """What a new machine finds, against what the old one had on its disk and had called "on Drive"."""
    copies = old / "copies"
    kept = {path.relative_to(copies).as_posix(): digest(path) for path in copies.rglob("*") if path.is_file()}
    claimed = claims(old)
    library = open_library_at(root, new)
    library.rebuild()  # also waits for the journal, and for scratch files that get their names
    there = {path.relative_to(root).as_posix(): digest(path) for path in final_files(root)}
    found = sum(library.is_whole(record) for record in library.list())
    library.close()
    doubled = {path for path in there if " (" in path}
    whole = set(kept.values())
    return Outcome(
        kept=sum(path.startswith("pictures/") for path in kept),
        claimed=len(claimed),
        claimed_pictures=sum(path.startswith("pictures/") for path in claimed),
        lost=sum(there.get(path) != sha256 for path, sha256 in claimed.items()),
        half=sum(sha256 not in whole for path, sha256 in there.items() if path in kept or path in doubled),
        found=found,
        doubles=len(doubled),
        calls=calls,
    )


def final_files(root: Path) -> Iterator[Path]:
    """The files of a workspace under final names."""
    for path in root.rglob("*"):
        if path.is_file() and ".unfinished" not in path.parts:
            yield path


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    machine(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
