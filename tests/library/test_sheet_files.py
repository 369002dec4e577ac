"""Sheets of grids as files: they say what their cells are, are found again, and are no pictures."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from colabsd.errors import DamagedManifestError
from colabsd.library.library import Job, Library
from colabsd.library.manifest import read_manifest
from colabsd.library.sheet_files import SheetCell, read_sheet

GRID = {"base": {"prompt": "una manzana"}, "axes": [{"setting": "steps", "values": [4, 8]}], "found": []}


@pytest.fixture
def start_grid(make_plan: Any) -> Callable[[Library], Job]:
    """Writes down a grid of two cells."""

    def start(library: Library) -> Job:
        plan = make_plan(2).as_json() | {"grid": {}}
        return library.start_job({"prompt": "una manzana"}, plan, "png")

    return start


def sheet() -> Image.Image:
    return Image.new("RGB", (300, 200), "#336699")


def test_a_sheet_names_the_pictures_in_its_cells(library: Library, start_grid: Any, keep_all: Any) -> None:
    kept = keep_all(library, 1)[0]
    job = start_grid(library)
    cells = (SheetCell((0, 0, 0), kept.record), SheetCell((1, 0, 0), None))
    made = library.keep_sheet(sheet(), job, 0, cells, GRID)
    data = read_sheet(made.path)
    assert data is not None
    assert (data["job"], data["number"], data["grid"]) == (job.id, 0, GRID)
    record = kept.record
    assert data["cells"] == [
        {"place": [0, 0, 0], "key": record.key, "path": record.path, "sha256": record.sha256},
        {"place": [1, 0, 0]},
    ]
    with Image.open(made.path) as image:
        assert image.size == (300, 200)


def test_the_sheets_of_a_job_are_found_by_their_numbers(library: Library, start_grid: Any) -> None:
    first, other = start_grid(library), start_grid(library)
    kept = [library.keep_sheet(sheet(), first, number, (), GRID) for number in range(3)]
    library.keep_sheet(sheet(), other, 0, (), GRID)
    assert library.sheets_of(first) == {made.number: made.path for made in kept}
    assert {made.path.parent.name for made in kept} == {"sheets"}


def test_files_that_are_no_sheets_are_passed_over(library: Library, start_grid: Any) -> None:
    job = start_grid(library)
    made = library.keep_sheet(sheet(), job, 0, (), GRID)
    made.path.with_name("99999999-broken.png").write_bytes(b"no picture")
    sheet().save(made.path.with_name("99999999-plain.png"))
    assert library.sheets_of(job) == {0: made.path}


def test_a_sheet_is_no_picture_of_the_library(library: Library, start_grid: Any) -> None:
    job = start_grid(library)
    made = library.keep_sheet(sheet(), job, 0, (), GRID)
    with pytest.raises(DamagedManifestError, match="sheet of a grid"):
        read_manifest(made.path)
    assert library.list() == []
    library.rebuild()
    assert library.list() == []


def test_a_grid_is_unfinished_until_its_sheets_are_there(make_library: Any, make_plan: Any, draw: Any) -> None:
    library = make_library()
    plan = make_plan(2)
    job = library.start_job({}, plan.as_json() | {"grid": {}}, "png")
    for index in range(2):
        library.keep(draw(plan, index), job, {})
    library.close()
    (found,) = make_library().unfinished_jobs()
    assert found.is_grid and found.kept == {0, 1}
    again = make_library()
    again.finish_job(found)
    assert again.unfinished_jobs() == []


def test_pictures_are_found_by_their_whole_keys(library: Library, keep_all: Any) -> None:
    kept = keep_all(library, 3)
    keys = {one.record.key for one in kept[:2]}
    found = library.of_keys(keys | {"0" * 64})
    assert set(found) == keys
    newer = keep_all(library, 1)[0]
    assert library.of_keys({newer.record.key})[newer.record.key].path == newer.record.path
    assert library.is_whole(newer.record)
    assert not library.is_whole(replace(newer.record, sha256="0" * 64))


def test_thousands_of_keys_can_be_asked_for(library: Library, keep_all: Any) -> None:
    kept = keep_all(library, 1)[0]
    keys = {f"{number:064x}" for number in range(5000)} | {kept.record.key}
    assert set(library.of_keys(keys)) == {kept.record.key}
