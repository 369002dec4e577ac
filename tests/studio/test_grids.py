"""Grids: every cell a kept picture, models drawn together, nothing twice, stopped and resumed, sheets at the end."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from colabsd.errors import InvalidGridError
from colabsd.library.library import KeptPicture, KeptSheet
from colabsd.library.manifest import read_manifest
from colabsd.library.sheet_files import read_sheet
from colabsd.planning.plans import Note
from colabsd.progress import Progress
from colabsd.settings.axes import Axis, read_axis
from colabsd.settings.grids import GridSettings
from colabsd.settings.images import ImageSettings
from colabsd.settings.studies import study_grid
from colabsd.studio import Studio, open_studio

pytestmark = pytest.mark.integration
Kind = TypeVar("Kind")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture
def studio(tmp_path: Path, environ: dict[str, str]) -> Iterator[Studio]:
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    with opened.library:
        yield opened


@pytest.fixture
def asked(small_model_folder: Path) -> ImageSettings:
    return ImageSettings(prompt="red apple", model=str(small_model_folder), steps=2, seed=7, width=64, height=64)


def grid(asked: ImageSettings, *axes: str, **changes: str) -> GridSettings:
    return replace(GridSettings(base=asked, axes=tuple(read_axis(text) for text in axes)), **changes)


def only(kind: type[Kind], events: Iterable[object]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def test_every_cell_is_a_picture_that_says_its_own_settings(studio: Studio, asked: ImageSettings) -> None:
    events = list(studio.draw_grid(grid(asked, "steps=1,2", "sampler=Euler,LMS")))
    kept, sheets = only(KeptPicture, events), only(KeptSheet, events)
    assert [(one.record.steps, one.record.sampler) for one in kept] == [
        (1, "Euler"),
        (2, "Euler"),
        (1, "LMS"),
        (2, "LMS"),
    ]
    manifests = [read_manifest(one.path) for one in kept]
    assert [(one.settings["steps"], one.settings["sampler"]) for one in manifests] == [
        (1, "Euler"),
        (2, "Euler"),
        (1, "LMS"),
        (2, "LMS"),
    ]
    assert [one.index for one in manifests] == [0, 1, 2, 3]
    (sheet,) = sheets
    assert [cell.record for cell in sheet.cells] == [one.record for one in kept]
    assert events[-1] is sheet
    assert studio.unfinished() == []


def test_a_cell_equals_the_picture_that_is_drawn_alone(studio: Studio, asked: ImageSettings) -> None:
    kept = only(KeptPicture, studio.draw_grid(grid(asked, "steps=1,2", "guidance=1,5")))
    (alone,) = only(KeptPicture, studio.draw(replace(asked, steps=2, guidance=5.0)))
    assert alone.record.key == kept[-1].record.key
    assert alone.picture.image.tobytes() == kept[-1].picture.image.tobytes()


def test_the_sheet_is_kept_with_its_cells(studio: Studio, asked: ImageSettings) -> None:
    events = list(studio.draw_grid(grid(asked, "steps=1,2,3", title="My study")))
    (sheet,) = only(KeptSheet, events)
    data = read_sheet(sheet.path)
    assert data is not None
    assert data["grid"]["title"] == "My study"
    assert [cell["key"] for cell in data["cells"]] == [one.record.key for one in only(KeptPicture, events)]
    with Image.open(sheet.path) as image:
        assert image.width >= 3 * 64 and image.height > 64


def test_a_third_axis_gives_a_sheet_per_value(studio: Studio, asked: ImageSettings) -> None:
    sheets = only(KeptSheet, studio.draw_grid(grid(asked, "steps=1,2", "guidance=1", "seed=1,2")))
    assert [sheet.number for sheet in sheets] == [0, 1]
    assert len({sheet.path for sheet in sheets}) == 2
    assert all({cell.place[2] for cell in sheet.cells} == {sheet.number} for sheet in sheets)


def test_what_the_library_has_is_not_drawn_again(studio: Studio, asked: ImageSettings) -> None:
    (before,) = only(KeptPicture, studio.draw(asked))
    wanted = grid(asked, "steps=1,2")
    events = list(studio.draw_grid(wanted))
    assert [one.record.steps for one in only(KeptPicture, events)] == [1]
    assert "note.grid.taken" in [note.key for note in only(Note, events)]
    (sheet,) = only(KeptSheet, events)
    assert sheet.cells[1].record == before.record
    again = list(studio.draw_grid(wanted))
    assert only(KeptPicture, again) == [] and len(only(KeptSheet, again)) == 1


def test_a_plan_says_what_the_library_has_already(studio: Studio) -> None:
    asked = ImageSettings(prompt="a red apple", seed=7, steps=1)
    list(studio.draw(asked))
    assert studio.plan_grid(grid(asked, "steps=1,2")).kept == {0}


def test_a_picture_whose_file_is_damaged_is_drawn_again(studio: Studio, asked: ImageSettings) -> None:
    (before,) = only(KeptPicture, studio.draw(asked))
    before.path.write_bytes(b"damaged")
    kept = only(KeptPicture, studio.draw_grid(grid(asked, "steps=1,2")))
    assert [one.record.steps for one in kept] == [1, 2]


def test_models_are_loaded_once_each(
    studio: Studio, asked: ImageSettings, small_model_folder: Path, tmp_path: Path
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    other = tmp_path / "other-model"
    shutil.copytree(small_model_folder, other)
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor * 0.99 for name, tensor in load_file(weights).items()}, weights)
    axes = (Axis("model", (str(small_model_folder), str(other))), Axis("steps", (1, 2)))
    events = list(studio.draw_grid(GridSettings(base=asked, axes=axes)))
    kept = only(KeptPicture, events)
    assert [Path(read_manifest(one.path).settings["model"]).name for one in kept] == [
        small_model_folder.name,
        small_model_folder.name,
        "other-model",
        "other-model",
    ]
    loads = [event for event in only(Progress, events) if event.stage == "load" and event.done == 0]
    assert len(loads) <= 2
    again = only(KeptPicture, studio.again(str(kept[2].path)))
    assert again[0].record.key == kept[2].record.key


def test_progress_counts_the_whole_grid(studio: Studio, asked: ImageSettings) -> None:
    events = only(Progress, studio.draw_grid(grid(asked, "steps=1,2", "guidance=1,5")))
    drawing = [event for event in events if event.stage == "denoise"]
    assert {event.items for event in drawing} == {4}
    assert sorted({event.item for event in drawing}) == [0, 1, 2, 3]


def test_a_grid_that_is_stopped_is_finished_by_resume(
    studio: Studio, asked: ImageSettings, tmp_path: Path, environ: dict[str, str]
) -> None:
    wanted = grid(asked, "steps=1,2", "sampler=Euler,LMS")
    events = studio.draw_grid(wanted)
    first = next(event for event in events if isinstance(event, KeptPicture))
    events.close()  # type: ignore[attr-defined]
    (job,) = studio.unfinished()
    assert (job.is_grid, job.kept, job.total) == (True, {0}, 4)
    studio.library.close()

    other = open_studio(tmp_path / "workspace", language="es", environ=environ)
    with other.library:
        left = list(other.resume())
        assert len(only(KeptPicture, left)) == 3
        (sheet,) = only(KeptSheet, left)
        assert sheet.cells[0].record is not None and sheet.cells[0].record.path == first.record.path
        assert all(cell.record is not None for cell in sheet.cells)
        assert other.unfinished() == []
        assert list(other.resume()) == []


def test_a_grid_that_lacks_only_its_sheet_gets_it(studio: Studio, asked: ImageSettings) -> None:
    events = studio.draw_grid(grid(asked, "steps=1,2", "guidance=1", "seed=1,2"))
    for event in events:
        if isinstance(event, KeptSheet):
            break
    events.close()  # type: ignore[attr-defined]
    left = list(studio.resume())
    assert only(KeptPicture, left) == []
    assert [sheet.number for sheet in only(KeptSheet, left)] == [0, 1]
    assert len(list((studio.workspace.root / "sheets").glob("*.png"))) == 2


def test_a_grid_that_somebody_draws_cannot_be_resumed(studio: Studio, asked: ImageSettings) -> None:
    events = studio.draw_grid(grid(asked, "steps=1,2"))
    next(event for event in events if isinstance(event, KeptPicture))
    assert studio.unfinished() == []
    events.close()  # type: ignore[attr-defined]
    assert len(studio.unfinished()) == 1


def test_time_is_a_guess_until_something_was_drawn(
    studio: Studio, asked: ImageSettings, tmp_path: Path, environ: dict[str, str]
) -> None:
    wanted = grid(asked, "steps=2,4,8")
    before = studio.plan_grid(wanted)
    assert not before.measured and before.seconds > 0
    list(studio.draw(replace(asked, steps=3)))
    after = studio.plan_grid(wanted)
    assert after.measured
    fresh = open_studio(tmp_path / "workspace", environ=environ)
    with fresh.library:
        assert fresh.plan_grid(wanted).measured
        assert fresh.plan_grid(wanted).seconds == pytest.approx(after.seconds)


def test_the_sampler_study_tells_the_fewest_steps_or_why_there_are_none(studio: Studio, asked: ImageSettings) -> None:
    axes = [read_axis("steps=1,2,3"), read_axis("sampler=Euler,Euler a"), read_axis("seed=1,2")]
    notes = only(Note, studio.draw_grid(study_grid("sampler", asked, axes)))
    euler, ancestral = (note for note in notes if note.key.startswith("note.study."))
    assert euler.key in ("note.study.fewest", "note.study.none")
    assert (euler.facts["sampler"], euler.facts["most"], euler.facts["seeds"]) == ("Euler", 3, 2)
    assert (ancestral.key, ancestral.facts["sampler"]) == ("note.study.stochastic", "Euler a")


def test_a_probe_tells_what_the_word_changes(studio: Studio, asked: ImageSettings) -> None:
    axes = [read_axis("words=red"), read_axis("seed=1,2")]
    notes = only(Note, studio.draw_grid(study_grid("probe", asked, axes)))
    (told,) = [note for note in notes if note.key == "note.study.probe"]
    assert (told.facts["word"], told.facts["count"]) == ("red", 2)
    assert -1 <= float(told.facts["similarity"]) <= 1


def test_mistakes_are_told_before_anything_is_written(studio: Studio, asked: ImageSettings) -> None:
    with pytest.raises(InvalidGridError):
        list(studio.draw_grid(grid(asked, "words=pear|plum")))
    assert not studio.workspace.root.exists()
