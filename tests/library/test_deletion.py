"""Deleted pictures are gone for good, everywhere, whatever is killed, and nothing else is."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from colabsd.errors import NotAPictureError, StorageError, UnknownPictureError
from colabsd.library.entries import DELETED, REMOVED
from colabsd.library.inputs import find_input, keep_input
from colabsd.library.library import Library, Verdict
from colabsd.storage.disk import Disk
from colabsd.storage.workspace import Workspace


def delete(library: Library, *records: Any) -> list[tuple[int, int]]:
    return [(step.done, step.total) for step in library.delete([record.path for record in records])]


def paths(library: Library) -> set[str]:
    return {record.path for record in library.list()}


class Watched(Disk):
    """The real disk; remembers what was emptied and removed, and may fail for some names."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.broken: set[str] = set()

    def _note(self, call: str, path: Path) -> None:
        if path.name in self.broken:
            raise OSError(5, "Input/output error")
        self.calls.append((call, path.name))

    def empty(self, path: Path) -> None:
        self._note("empty", path)
        super().empty(path)

    def remove(self, path: Path) -> None:
        self._note("remove", path)
        super().remove(path)


@pytest.fixture
def disk() -> Watched:
    return Watched()


def test_a_deleted_picture_is_found_nowhere_and_its_file_is_gone(
    library: Library, keep_all: Callable[..., Any]
) -> None:
    first, second, third = keep_all(library, 3)
    assert delete(library, first.record, third.record) == [(1, 2), (2, 2)]
    assert library.list() == library.search("manzana") == [second.record]
    assert library.count() == 1
    assert [kept.path.exists() for kept in (first, second, third)] == [False, True, False]
    with pytest.raises(UnknownPictureError):
        library.find(first.path.name)


def test_a_file_is_emptied_before_it_is_removed(
    make_library: Callable[..., Library], keep_all: Callable[..., Any], disk: Watched
) -> None:
    library = make_library(disk=disk)
    kept = keep_all(library)[0]
    disk.calls.clear()
    delete(library, kept.record)
    own = [call for call, name in disk.calls if name == kept.path.name]
    assert own == ["empty", "remove"]


def test_the_journal_in_the_workspace_is_told_first(
    make_library: Callable[..., Library], keep_all: Callable[..., Any], disk: Watched, workspace: Workspace
) -> None:
    library = make_library(disk=disk)
    kept = keep_all(library)[0]
    disk.broken = {kept.path.name}
    with pytest.raises(StorageError):
        delete(library, kept.record)
    assert kept.path.exists()
    assert any(f'"{DELETED}"' in path.read_text() for path in workspace.journal.iterdir())


@pytest.mark.parametrize("journal_lost_up_to", [None, "pictures"])
def test_it_does_not_come_back_by_another_machine_or_a_new_index(
    library: Library, make_library: Any, keep_all: Any, tmp_path: Path, journal_lost_up_to: str | None
) -> None:
    first, second = keep_all(library, 2)
    assert library.count() == 2
    library.close()
    if journal_lost_up_to:  # the lines of the pictures themselves are lost, those of the deletion are not
        for segment in library.workspace.journal.iterdir():
            segment.unlink()
    data = first.path.read_bytes()
    delete(library, first.record)
    first.path.write_bytes(data)  # somebody or something put it back
    assert library.rebuild() == 1
    library.close()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    other.rebuild()
    assert paths(other) == {second.record.path}
    assert {found.path for found in other.verify() if isinstance(found, Verdict)} == {second.record.path}


def test_a_line_of_the_picture_that_is_read_later_changes_nothing(
    library: Library, make_library: Any, keep_all: Any, tmp_path: Path
) -> None:
    """The picture's own segment reaches this machine after that of its deletion: Drive shows files when it likes."""
    kept = keep_all(library)[0]
    library.close()
    (segment,) = library.workspace.journal.iterdir()
    data = segment.read_bytes()
    delete(library, kept.record)
    library.close()
    segment.unlink()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    assert other.list() == []
    segment.write_bytes(data)
    assert other.list() == []


def test_missing_files_and_names_said_twice_are_fine(library: Library, keep_all: Callable[..., Any]) -> None:
    first, second = keep_all(library, 2)
    first.path.unlink()
    assert delete(library, first.record, first.record, second.record) == [(1, 2), (2, 2)]
    assert library.list() == []


def test_an_unknown_name_is_told_before_anything_is_deleted(library: Library, keep_all: Callable[..., Any]) -> None:
    kept = keep_all(library)[0]
    with pytest.raises(UnknownPictureError):
        library.delete([kept.record.path, "nothing.png"])
    assert paths(library) == {kept.record.path} and kept.path.exists()


def test_what_cannot_be_removed_now_is_removed_with_the_next_deletion(
    make_library: Callable[..., Library], keep_all: Callable[..., Any], disk: Watched
) -> None:
    library = make_library(disk=disk)
    first, second, third = keep_all(library, 3)
    disk.broken = {first.path.name}
    with pytest.raises(StorageError):
        delete(library, first.record, second.record)
    assert [kept.path.exists() for kept in (first, second, third)] == [True, False, True]
    assert paths(library) == {third.record.path}
    disk.broken = set()
    assert delete(library, third.record) == [(1, 2), (2, 2)]
    assert not first.path.exists()
    assert library._index.tombstones() == []


def test_a_stopped_deletion_is_finished_by_a_new_index(
    library: Library, make_library: Any, keep_all: Any, tmp_path: Path
) -> None:
    """Also on another machine, after this one was taken away."""
    kept = keep_all(library, 3)
    deleting = library.delete([one.record.path for one in kept])
    next(deleting)
    deleting.close()  # type: ignore[attr-defined]
    assert library.list() == []
    assert sum(one.path.exists() for one in kept) == 2
    library.close()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    assert other.rebuild() == 0
    assert not any(one.path.exists() for one in kept)


def test_a_folder_that_is_away_is_not_taken_for_removed_files(
    library: Library, workspace: Workspace, keep_all: Callable[..., Any]
) -> None:
    kept = keep_all(library)[0]
    library._journal.publish()
    data = {"path": kept.record.path, "sha256": kept.record.sha256, "job": kept.record.job, "index": 0, "inputs": []}
    library._journal.append(DELETED, data)
    library._index.catch_up()
    away = workspace.root.with_name("away")
    workspace.root.rename(away)
    with pytest.raises(StorageError):
        library.rebuild()
    away.rename(workspace.root)
    assert kept.path.exists()
    assert library.rebuild() == 0
    assert not kept.path.exists()


def test_a_deleted_picture_of_a_stopped_job_is_not_drawn_again(
    library: Library, make_plan: Any, draw: Any, make_library: Any
) -> None:
    plan = make_plan(3)
    job = library.start_job({}, plan.as_json(), "png")
    with library.lock_job(job):
        first = library.keep(draw(plan, 0), job)
    delete(library, first.record)
    (unfinished,) = library.unfinished_jobs()
    assert unfinished.kept == {0}
    with library.lock_job(unfinished) as held:
        assert held.kept == {0}
        library.keep(draw(plan, 1), held)
        kept = library.keep(draw(plan, 2), held)
    delete(library, kept.record)
    assert library.unfinished_jobs() == []


def test_the_plan_of_a_deletion_tells_what_would_go(library: Library, keep_all: Any, tmp_path: Path) -> None:
    first, second = keep_all(library, 2)
    deletion = library.deletion([first.path.name, first.record.path, second.path.stem])
    assert deletion.records == (first.record, second.record)
    assert deletion.bytes == first.path.stat().st_size + second.path.stat().st_size
    assert deletion.copies == ()
    assert paths(library) == {first.record.path, second.record.path}


@pytest.fixture
def source(library: Library, tmp_path: Path) -> Iterator[str]:
    """A picture that others are made from, copied into the workspace: its digest."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), "red").save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    keep_input(library.workspace, path, digest)
    yield digest


def test_a_copy_goes_with_the_last_picture_that_was_made_from_it(library: Library, keep_all: Any, source: str) -> None:
    first, second = keep_all(library, 2, source_sha256=source)
    third = keep_all(library, mask_sha256=source)[0]
    other = keep_all(library)[0]
    assert library.deletion([first.record.path, second.record.path]).copies == ()
    delete(library, first.record, second.record, other.record)
    assert find_input(library.workspace, source) is not None
    assert library.deletion([third.record.path]).copies == (f"inputs/{source}.png",)
    delete(library, third.record)
    assert find_input(library.workspace, source) is None


def test_a_copy_stays_while_a_job_still_needs_it(library: Library, make_plan: Any, draw: Any, source: str) -> None:
    plan = make_plan(2, source_sha256=source)
    job = library.start_job({}, plan.as_json(), "png")
    with library.lock_job(job):
        kept = library.keep(draw(plan, 0), job)
    delete(library, kept.record)
    assert find_input(library.workspace, source) is not None
    (unfinished,) = library.unfinished_jobs()
    with library.lock_job(unfinished) as held:
        last = library.keep(draw(plan, 1), held)
        library.finish_job(held)
    delete(library, last.record)
    assert find_input(library.workspace, source) is None


def test_pictures_whose_job_is_not_known_are_asked_themselves(
    library: Library, make_library: Any, keep_all: Any, source: str, tmp_path: Path
) -> None:
    first = keep_all(library, source_sha256=source)[0]
    second = keep_all(library, source_sha256=source)[0]
    library.close()
    for segment in library.workspace.journal.iterdir():  # the journal is lost; the pictures tell of themselves
        segment.unlink()
    other = make_library(Workspace(library.workspace.root, tmp_path / "machine 2"))
    assert other.rebuild() == 2
    delete(other, first.record)
    assert find_input(library.workspace, source) is not None
    delete(other, second.record)
    assert find_input(library.workspace, source) is None


def test_a_hostile_plan_names_no_other_copies(library: Library, keep_all: Any, source: str) -> None:
    kept = keep_all(library)[0]
    drawing = {**kept.picture.drawing.as_json(), "source_sha256": "*", "mask_sha256": "../pictures/"}
    library._journal.append(
        "job", {"job": kept.record.job, "plan": {"drawings": [drawing]}, "settings": {}, "format": "png"}
    )
    assert library.deletion([kept.record.path]).copies == ()
    delete(library, kept.record)
    assert find_input(library.workspace, source) is not None


def test_nothing_outside_the_workspace_is_touched(
    library: Library, workspace: Workspace, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    """A folder that is a link, a picture that is a link, and a picture with a second name elsewhere."""
    first, second, third = keep_all(library, 3)
    outside = tmp_path / "outside"
    outside.mkdir()
    copy = outside / "copy.png"
    copy.write_bytes(second.path.read_bytes())
    second.path.unlink()
    second.path.symlink_to(copy)
    os.link(third.path, outside / "hard.png")
    delete(library, second.record, third.record)
    assert not second.path.is_symlink() and not third.path.exists()
    day = first.path.parent
    day.rename(outside / "day")
    day.symlink_to(outside / "day")
    with pytest.raises(StorageError) as caught:
        delete(library, first.record)
    assert caught.value.message_key == "error.storage.outside"
    sizes = {path.name: path.stat().st_size for path in outside.rglob("*.png")}
    assert set(sizes) == {"copy.png", "hard.png", first.path.name} and all(sizes.values())


def test_deleting_a_copy_elsewhere_deletes_the_librarys_own(
    library: Library, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    kept = keep_all(library)[0]
    copy = tmp_path / "copy.png"
    copy.write_bytes(kept.path.read_bytes())
    list(library.delete([str(copy)]))
    assert copy.stat().st_size > 0 and not kept.path.exists()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (DELETED, {"path": "../x", "sha256": "a" * 64, "job": "j", "index": 0, "inputs": []}),
        (DELETED, {"path": "pictures/x.png", "sha256": "a" * 64, "job": "j", "index": 0, "inputs": ["*"]}),
        (DELETED, {"path": "pictures/x.png", "sha256": "?", "job": "j", "index": -1, "inputs": []}),
        (REMOVED, {"paths": ["/etc/passwd"]}),
        (REMOVED, {"paths": "pictures/x.png"}),
    ],
)
def test_deletions_of_an_unknown_shape_are_passed_over(library: Library, keep_all: Any, kind: str, data: Any) -> None:
    kept = keep_all(library)[0]
    library._journal.append(kind, data)
    assert library.rebuild() == 1
    assert library._index.tombstones() == []
    assert kept.path.exists()


def test_the_thumbnail_of_a_deleted_picture_goes_too(
    library: Library, keep_all: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From this machine, and from the pack in the workspace; the others of that pack stay known here."""
    monkeypatch.setattr("colabsd.library.thumbnail_store.PACK", 4)
    kept = keep_all(library, 4)
    folder = library.workspace.root / "thumbnails"
    assert len(list(folder.iterdir())) == 1
    delete(library, kept[0].record)
    assert list(folder.iterdir()) == []
    with pytest.raises(NotAPictureError):
        library.thumbnail(kept[0].record)
    for one in kept[1:]:
        one.path.unlink()
        assert library.thumbnail(one.record).startswith(b"\xff\xd8")


def test_an_error_in_between_leaves_a_library_that_works(
    make_library: Callable[..., Library], keep_all: Callable[..., Any], disk: Watched
) -> None:
    library = make_library(disk=disk)
    kept = keep_all(library, 5)
    for one in kept:
        disk.broken = {one.path.name}
        with suppress(StorageError):
            delete(library, one.record)
    disk.broken = set()
    assert library.rebuild() == 0
    assert not any(one.path.exists() for one in kept)


KILLED = """
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from PIL import Image
from colabsd.artifacts import Picture
from colabsd.library.library import Library
from colabsd.planning.plans import Drawing, Execution, ImagePlan
from colabsd.storage.disk import Disk
from colabsd.storage.journal import Journal
from colabsd.storage.names import runtime_name
from colabsd.storage.workspace import Workspace

workspace = Workspace(Path({root!r}), Path({local!r}))

class KillsAt(Disk):
    calls, at = 0, 10**9
    def __getattribute__(self, name):
        if not name.startswith("_") and name not in ("calls", "at"):
            self.calls += 1
            if self.calls > self.at:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)

def now():
    return datetime.now(UTC)

def opened(disk):
    return Library(workspace, Journal(workspace, runtime_name(now(), os.urandom), now, disk), now, disk=disk)

def work(run):
    library = opened(disk := KillsAt())
    drawing = Drawing(prompt="manzana", negative_prompt="", model="starter", model_sha256="a" * 64, width=64, height=64,
                      sampler="Euler a", schedule="Automatic", steps=20, guidance=7.5, clip_skip=1, seed=run)
    plan = ImagePlan(drawings=(drawing,) * 4, batches=((0,), (1,), (2,), (3,)), execution=Execution())
    job = library.start_job({{}}, plan.as_json(), "png")
    with library.lock_job(job):
        kept = [library.keep(Picture(image=Image.new("RGB", (64, 64)), drawing=drawing, execution=Execution(),
                                     index=index), job) for index in range(4)]
        library.finish_job(job)
    disk.calls, disk.at = 0, run
    list(library.delete([one.record.path for one in kept[:3]]))
    library.close()

def files():
    return sorted(path.relative_to(workspace.root).as_posix() for path in workspace.pictures.rglob("*.png"))

def check(run):
    library = opened(Disk())
    library._journal.recover()
    before = library.list()
    assert all(library.is_whole(record) for record in before), "a picture is in the library or deleted, never half"
    library.rebuild()
    assert library.list() == before
    assert files() == sorted(record.path for record in before)
    assert not library._index.tombstones()
    assert not library.unfinished_jobs()
    library.close()
"""


@pytest.mark.integration
def test_a_kill_before_any_call_to_the_disk_leaves_a_picture_whole_or_deleted(
    workspace: Workspace, fork_and_kill: Callable[..., None]
) -> None:
    """Every gap between two calls; then what was begun is finished, and nothing comes back."""
    fork_and_kill(KILLED.format(root=str(workspace.root), local=str(workspace.local)), kills=30, longest_s=None)
