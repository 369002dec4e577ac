"""Jobs that were killed are continued: no finished picture is lost, none is drawn twice."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import colabsd
from colabsd.errors import JobRunningError
from colabsd.library.library import Library
from colabsd.planning.plans import ImagePlan
from colabsd.storage.workspace import Workspace

SETTINGS = {"prompt": "as asked"}


@pytest.fixture
def leave(make_library: Callable[..., Library], make_plan: Any, draw: Any) -> Callable[..., Library]:
    """Starts a job in its own library, keeps some of its pictures and lets go of it, as a dead process does."""

    def start(kept: int, pictures: int = 4) -> Library:
        library, plan = make_library(), make_plan(pictures)
        job = library.start_job(SETTINGS, plan.as_json(), "webp")
        with library.lock_job(job):
            for index in range(kept):
                library.keep(draw(plan, index), job)
        return library

    return start


def test_an_unfinished_job_tells_what_was_asked_planned_and_kept(
    leave: Callable[..., Library], library: Library, make_plan: Any
) -> None:
    leave(3)
    (job,) = library.unfinished_jobs()
    assert (job.settings, job.image_format, job.total) == (SETTINGS, "webp", 4)
    assert ImagePlan.from_json(job.plan) == make_plan(4)
    assert job.kept == {0, 1, 2}


def test_a_finished_job_is_not_unfinished(library: Library, keep_all: Callable[..., Any]) -> None:
    keep_all(library, 3)
    assert library.unfinished_jobs() == []


def test_a_job_that_lacks_only_its_last_line_gets_it(leave: Callable[..., Library], library: Library) -> None:
    leave(4)
    assert library.unfinished_jobs() == []
    library.close()
    assert library.unfinished_jobs() == []


def test_missing_and_damaged_pictures_count_as_not_kept(
    leave: Callable[..., Library], library: Library, workspace: Workspace
) -> None:
    leave(4)
    missing, damaged, *_ = sorted(workspace.pictures.rglob("*.webp"))
    missing.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-3])
    (job,) = library.unfinished_jobs()
    assert job.kept == {2, 3}


def test_a_picture_whose_journal_line_was_lost_is_recognised_by_its_file(
    leave: Callable[..., Library], library: Library, workspace: Workspace
) -> None:
    leave(3)
    for path in (workspace.local / "journal").glob("*.open"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
    assert len(library.list()) == 2
    (job,) = library.unfinished_jobs()
    assert job.kept == {0, 1, 2}
    assert len(library.list()) == 3


def test_a_picture_that_only_pretends_to_be_of_the_job_is_not_counted(
    leave: Callable[..., Library], library: Library, make_plan: Any, draw: Any
) -> None:
    leave(1)
    (job,) = library.unfinished_jobs()
    other = make_plan(4, prompt="something else")
    library.keep(draw(other, 2), job)
    (job,) = library.unfinished_jobs()
    assert job.kept == {0}


def test_a_job_that_a_living_library_draws_is_not_unfinished_and_cannot_be_taken(
    library: Library, make_library: Callable[..., Library], make_plan: Any
) -> None:
    job = library.start_job(SETTINGS, make_plan(2).as_json(), "png")
    other = make_library()
    assert library.unfinished_jobs() == other.unfinished_jobs() == []
    with pytest.raises(JobRunningError) as caught, other.lock_job(job):
        pass
    assert job.id in str(caught.value)


def test_a_job_is_locked_with_what_is_kept_of_it_by_then(
    leave: Callable[..., Library], library: Library, make_library: Callable[..., Library], make_plan: Any, draw: Any
) -> None:
    leave(1)
    (stale,) = library.unfinished_jobs()
    other = make_library()
    with other.lock_job(stale) as fresh:
        assert fresh.kept == {0}
        other.keep(draw(make_plan(4), 1), fresh)
    with library.lock_job(stale) as fresh:
        assert fresh.kept == {0, 1}
    with other.lock_job(stale) as fresh:
        other.finish_job(fresh)
    with library.lock_job(stale) as fresh:
        assert fresh.kept == {0, 1, 2, 3}


def test_another_machine_can_continue_a_job_of_several_pictures_from_the_workspace_alone(
    library: Library,
    make_library: Callable[..., Library],
    make_plan: Any,
    draw: Any,
    workspace: Workspace,
    tmp_path: Path,
) -> None:
    plan = make_plan(3)
    job = library.start_job(SETTINGS, plan.as_json(), "png")
    library.keep(draw(plan, 0), job)
    other = make_library(Workspace(workspace.root, tmp_path / "machine 2"))
    (found,) = other.unfinished_jobs()
    assert (found.id, found.kept) == (job.id, {0})


def test_jobs_come_oldest_first(leave: Callable[..., Library], library: Library) -> None:
    for _ in range(3):
        leave(0)
    jobs = library.unfinished_jobs()
    assert [job.started for job in jobs] == sorted(job.started for job in jobs)
    assert len(jobs) == 3


def test_a_job_of_a_shape_that_is_not_known_is_passed_over(
    leave: Callable[..., Library], library: Library, make_library: Callable[..., Library]
) -> None:
    leave(1)
    stranger = make_library()
    for data in ({"job": "x"}, {"job": "y", "plan": {}, "settings": {}, "format": "png"}, {"job": 7}, {}):
        stranger._journal.append("job", data)
    assert len(library.unfinished_jobs()) == 1


PROGRAM = """
import random
from pathlib import Path
from PIL import Image
from colabsd.artifacts import Picture
from colabsd.library.library import open_library
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.workspace import Workspace

workspace = Workspace(Path({root!r}), Path({local!r}))

def start(library):
    drawings = tuple(
        Drawing(prompt="manzana", negative_prompt="", model="starter", model_sha256="a" * 64, width=64, height=64,
                sampler="Euler a", schedule="Automatic", steps=20, guidance=7.5, clip_skip=1, seed=seed)
        for seed in range(20)
    )
    batches = tuple((first, first + 1) for first in range(0, 20, 2))
    plan = ImagePlan(drawings=drawings, batches=batches, execution=Execution())
    return library.start_job({{"prompt": "manzana"}}, plan.as_json(), "png")

def draw(library, job):
    plan = ImagePlan.from_json(job.plan)
    with library.lock_job(job) as job:
        for index, drawing in enumerate(plan.drawings):
            if index not in job.kept:
                image = Image.frombytes("RGB", (64, 64), random.Random(drawing.seed).randbytes(64 * 64 * 3))
                library.keep(Picture(image=image, drawing=drawing, execution=plan.execution, index=index), job)
        library.finish_job(job)

def work(run):
    library = open_library(workspace)
    for job in library.unfinished_jobs():
        draw(library, job)
    draw(library, start(library))
    library.close()

def check(run):
    for path in workspace.pictures.rglob("*.*"):
        read_manifest(path)  # whole, under its final name
"""


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_lose_nothing_and_draw_nothing_twice(
    workspace: Workspace, fork_and_kill: Callable[..., None], make_library: Callable[..., Library], draw: Any, seed: int
) -> None:
    program = PROGRAM.format(root=str(workspace.root), local=str(workspace.local))
    fork_and_kill(program, kills=15, longest_s=0.15, seed=seed)
    library = make_library()
    for job in library.unfinished_jobs():
        plan = ImagePlan.from_json(job.plan)
        with library.lock_job(job) as locked:
            for index in sorted(set(range(20)) - locked.kept):
                library.keep(draw(plan, index), locked)
            library.finish_job(locked)
    assert library.unfinished_jobs() == []
    jobs: dict[str, Counter[int]] = defaultdict(Counter)
    for record in library.list():
        jobs[record.job][record.index] += 1
    assert jobs and all(indexes == Counter(range(20)) for indexes in jobs.values())
    files = {path.relative_to(workspace.root).as_posix() for path in workspace.pictures.rglob("*.*")}
    assert files == {record.path for record in library.list()}
    assert all(getattr(found, "state", "right") == "right" for found in library.verify())


KILLS_ITSELF = """
import os, signal
from colabsd.library.library import Library
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.names import runtime_name

class KillsAt(Disk):
    calls, at = 0, 10**9
    def __getattribute__(self, name):
        if name in ("create", "write", "sync", "close", "read", "exists", "link", "rename", "remove", "make_folder"):
            self.calls += 1
            if self.calls > self.at:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)

def now():
    return datetime.now(UTC)

def work(run):
    disk = KillsAt()
    runtime = runtime_name(now(), os.urandom)
    library = Library(workspace, Journal(workspace, runtime, now, disk), now, disk=disk)
    job = start(library)
    disk.calls, disk.at = 0, run
    draw(library, job)
    library.close()

def check(run):
    for path in workspace.pictures.rglob("*.*"):
        read_manifest(path)
    library = open_library(workspace)
    files = [path.relative_to(workspace.root).as_posix() for path in sorted(workspace.pictures.rglob("*.*"))]
    jobs = library.unfinished_jobs()
    assert len(jobs) == run + 1
    assert not list(workspace.unfinished.iterdir())
    assert sum(len(job.kept) for job in jobs) == len(files)
    assert sorted(record.path for record in library.list()) == files
    library.close()
"""


def test_a_kill_before_any_call_to_the_disk_loses_nothing(
    workspace: Workspace, fork_and_kill: Callable[..., None]
) -> None:
    """Every gap between two calls, that between a picture's name and its line in the journal among them."""
    program = PROGRAM.format(root=str(workspace.root), local=str(workspace.local))
    fork_and_kill(program + "from datetime import UTC, datetime" + KILLS_ITSELF, kills=26, longest_s=None)


def test_two_processes_at_once_lose_nothing(workspace: Workspace, make_library: Callable[..., Library]) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(colabsd.__file__).parents[1])}
    program = PROGRAM.format(root=str(workspace.root), local=str(workspace.local)) + "\nwork(0)"
    running = [subprocess.Popen([sys.executable, "-c", program], env=environ) for _ in range(2)]
    assert [child.wait(60) for child in running] == [0, 0]
    library = make_library()
    assert library.unfinished_jobs() == []
    assert Counter(record.index for record in library.list()) == Counter([*range(20), *range(20)])
    assert all(getattr(found, "state", "right") == "right" for found in library.verify())
