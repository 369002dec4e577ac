"""Pictures are kept whole and once, found by whatever names them, and checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colabsd.errors import InvalidSettingError, StorageError, UnknownPictureError
from colabsd.library.infotext import read_infotext
from colabsd.library.library import Library, Verdict
from colabsd.library.manifest import read_manifest
from colabsd.library.picture_files import read_picture_text
from colabsd.library.record import Record, is_picture_path
from colabsd.storage.workspace import Workspace, open_workspace

PREFIX = "pictures/2026-11-24/"


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_a_kept_picture_is_a_file_that_tells_everything(
    library: Library, workspace: Workspace, make_plan: Any, draw: Any, image_format: Any
) -> None:
    plan = make_plan(3)
    job = library.start_job({"prompt": "as asked"}, plan.as_json(), image_format)
    kept = library.keep(draw(plan, 1), job, {"unet": "b" * 64})
    assert kept.path == workspace.root / kept.record.path
    manifest = read_manifest(kept.path)
    assert manifest.drawing == plan.drawings[1]
    assert (manifest.batch, manifest.position) == (plan.drawings[:2], 1)
    assert (manifest.job, manifest.index, manifest.settings) == (job.id, 1, {"prompt": "as asked"})
    assert manifest.model_files == {"unet": "b" * 64}
    assert {"python", "torch", "diffusers"} <= set(manifest.versions)
    text = read_infotext(read_picture_text(kept.path).infotext or "")
    assert (text.prompt, text.parameters["Seed"]) == ("una manzana roja, estilo 3d", "8")
    with Image.open(kept.path) as image:
        assert image.size == (64, 48)
        if image_format == "png":
            assert image.tobytes() == draw(plan, 1).image.tobytes()


def test_names_have_no_word_of_the_prompt_and_lie_in_the_days_folder(
    library: Library, keep_all: Callable[..., Any]
) -> None:
    kept = keep_all(library, prompt="../../manzana")[0]
    assert kept.record.path.startswith(PREFIX)
    assert "manzana" not in kept.record.path


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_a_path_that_leads_out_of_the_pictures_is_none(path: str) -> None:
    inside = Path("/ws") / path
    assert not is_picture_path(path) or inside.resolve().is_relative_to("/ws/pictures")


@pytest.mark.parametrize("path", ["../x.png", "/etc/passwd", "pictures/../../x", "journal/x", "pictures/a\\..\\b", ""])
def test_paths_of_a_hostile_journal_are_refused(path: str, library: Library, keep_all: Callable[..., Any]) -> None:
    record = keep_all(library)[0].record
    with pytest.raises(ValueError, match="path"):
        Record.from_json(record.as_json() | {"path": path})


def test_a_record_survives_the_journal(library: Library, keep_all: Callable[..., Any]) -> None:
    record = keep_all(library)[0].record
    assert Record.from_json(record.as_json()) == record


def test_a_picture_is_found_by_path_name_key_and_copy(
    library: Library, workspace: Workspace, keep_all: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = keep_all(library, 2)
    copy = tmp_path / "copy.png"
    copy.write_bytes(first.path.read_bytes())
    names = [str(first.path), first.record.path, first.path.name, first.path.stem, first.record.key]
    for name in [*names, first.record.key[:12].upper(), str(copy)]:
        assert library.find(name) == first.record, name
    first.path.unlink()
    assert library.find(str(first.path)) == first.record
    assert library.find(second.path.name) == second.record


def test_of_equal_pictures_the_newest_is_found(library: Library, keep_all: Callable[..., Any]) -> None:
    keep_all(library)
    newest = keep_all(library)[0].record
    assert library.find(newest.key) == newest


@pytest.mark.parametrize("name", ["", "x", "nothing.png", "/etc/passwd", "\x00", "0" * 64, "../../x", "%", "a" * 5000])
def test_what_is_not_there_is_told(library: Library, keep_all: Callable[..., Any], name: str) -> None:
    keep_all(library)
    with pytest.raises(UnknownPictureError):
        library.find(name)


def test_a_key_that_begins_several_is_told(
    library: Library, keep_all: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colabsd.library.finding.SHORTEST_KEY", 1)
    keep_all(library, 40)
    keys = [record.key for record in library.list()]
    digit = next(digit for digit in "0123456789abcdef" if sum(key.startswith(digit) for key in keys) > 1)
    with pytest.raises(UnknownPictureError) as caught:
        library.find(digit)
    assert caught.value.message_key == "error.picture.ambiguous"


def verdicts(library: Library) -> dict[str, str]:
    return {found.path: found.state for found in library.verify() if isinstance(found, Verdict)}


def test_verify_tells_right_changed_missing_unknown_and_damaged(
    library: Library, workspace: Workspace, keep_all: Callable[..., Any]
) -> None:
    right, changed, missing = keep_all(library, 3)
    changed.path.write_bytes(changed.path.read_bytes()[:-1] + b"?")
    missing.path.unlink()
    Image.new("RGB", (8, 8)).save(right.path.with_name("strange.png"))
    library.close()
    segment = sorted(workspace.journal.iterdir())[-1]
    segment.write_bytes(segment.read_bytes() + b"garbage\n")
    assert verdicts(library) == {
        right.record.path: "right",
        changed.record.path: "changed",
        missing.record.path: "missing",
        f"{PREFIX}strange.png": "unknown",
        f"journal/{segment.name}": "damaged",
    }


def test_verify_reports_its_progress(library: Library, keep_all: Callable[..., Any]) -> None:
    keep_all(library, 3)
    steps = [(step.done, step.total) for step in library.verify() if not isinstance(step, Verdict)]
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_full_disk_keeps_what_was_kept_and_leaves_no_half_file(
    make_library: Callable[..., Library], make_plan: Any, draw: Any, workspace: Workspace
) -> None:
    from colabsd.storage.disk import Disk

    class Full(Disk):
        full = False

        def write(self, descriptor: int, data: memoryview) -> int:
            if self.full:
                super().write(descriptor, data[:100])
                raise OSError(28, "No space left on device")
            return super().write(descriptor, data)

    disk = Full()
    library, plan = make_library(disk=disk), make_plan(2)
    job = library.start_job({}, plan.as_json(), "png")
    library.keep(draw(plan, 0), job)
    disk.full = True
    with pytest.raises(StorageError) as caught:
        library.keep(draw(plan, 1), job)
    assert caught.value.message_key == "error.storage.full"
    disk.full = False
    assert len(list(workspace.pictures.rglob("*.png"))) == 1
    assert list(workspace.unfinished.iterdir()) == []
    with library.lock_job(job):
        pass
    assert [found.kept for found in library.unfinished_jobs()] == [frozenset({0})]


def test_a_folder_that_vanishes_in_the_middle_is_told_and_everything_is_there_when_it_returns(
    library: Library, make_plan: Any, draw: Any, workspace: Workspace
) -> None:
    plan = make_plan(2)
    job = library.start_job({}, plan.as_json(), "png")
    library.keep(draw(plan, 0), job)
    workspace.root.rename(workspace.root.with_name("away"))
    with pytest.raises(StorageError) as caught:
        library.keep(draw(plan, 1), job)
    assert caught.value.message_key == "error.storage.vanished"
    assert not workspace.root.exists()
    workspace.root.with_name("away").rename(workspace.root)
    library.keep(draw(plan, 1), job)
    assert [record.index for record in library.list()] == [1, 0]
    assert set(verdicts(library).values()) == {"right"}


def test_no_job_starts_where_nothing_can_be_kept(tmp_path: Path, make_library: Any, make_plan: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    library = make_library(open_workspace(tmp_path / "file", {"HOME": str(tmp_path)}))
    with pytest.raises(StorageError):
        library.start_job({}, make_plan(1).as_json(), "png")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_job_that_does_not_fit_the_disk_or_the_files_is_refused_before_it_is_drawn(
    library: Library, make_plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidSettingError):
        library.start_job({}, make_plan(1, prompt="x" * 900_000).as_json(), "png")
    monkeypatch.setattr("colabsd.storage.budget.free_bytes", lambda path: 1000)
    with pytest.raises(StorageError) as caught:
        library.start_job({}, make_plan(1).as_json(), "png")
    assert caught.value.message_key == "error.storage.no_room"
    assert library.unfinished_jobs() == []


def test_a_very_long_prompt_is_kept_in_every_format(library: Library, keep_all: Callable[..., Any]) -> None:
    prompt = "palabra " * 10_000
    for image_format in ("png", "jpeg", "webp"):
        kept = keep_all(library, image_format=image_format, prompt=prompt)[0]
        assert read_manifest(kept.path).drawing.prompt == prompt


def test_strange_prompts_are_kept_and_read_back(library: Library, keep_all: Callable[..., Any]) -> None:
    for prompt in (
        "",
        "\x00\x01\x1b[2J",
        "🍎👩‍🚀",
        "تفاحة حمراء",
        "\ud800",
        "Negative prompt: x\n\n",
        "]]>&<a href='x'>",
    ):
        for image_format in ("png", "jpeg", "webp"):
            kept = keep_all(library, image_format=image_format, prompt=prompt)[0]
            assert read_manifest(kept.path).drawing.prompt == prompt
    assert library.rebuild() == 21


def test_reading_a_library_that_is_not_there_makes_nothing_in_it(library: Library, workspace: Workspace) -> None:
    assert library.list() == []
    assert library.unfinished_jobs() == []
    assert not workspace.root.exists()


def test_pictures_of_two_processes_never_share_a_name(
    make_library: Callable[..., Library], keep_all: Callable[..., Any], clock: Any
) -> None:
    """Even when clock and randomness are the same in both."""
    streams = [iter([bytes([number] * 5) for number in range(1, 40) for _ in range(2)]) for _ in range(2)]
    libraries = [make_library(random_bytes=lambda count, stream=stream: next(stream)) for stream in streams]
    paths = []
    for library in libraries:
        clock.now = clock.now.replace(second=1, minute=0)
        paths += [kept.record.path for kept in keep_all(library, 2)]
    assert len(set(paths)) == len(paths) == len(libraries[0].list())


def test_the_day_of_a_picture_is_the_clocks_own(library: Library, keep_all: Callable[..., Any], clock: Any) -> None:
    from datetime import timedelta, timezone

    clock.now = clock.now.replace(hour=23, minute=30, tzinfo=timezone(timedelta(hours=-5)))
    kept = keep_all(library)[0]
    assert kept.record.path.startswith(PREFIX)
    assert library.search("date:2026-11-24") == [kept.record]
