"""The sheets of a grid: labels in the reader's language, what its study found, and the files that are kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.geometry import Size
from colabsd.language import Language, say
from colabsd.library.library import Job, KeptSheet
from colabsd.library.record import Record
from colabsd.library.sheet_files import SheetCell
from colabsd.planning.grids import GridCell, GridPlan
from colabsd.progress import Note, Progress
from colabsd.settings.axes import SIZE, WORDS, Axis
from colabsd.settings.grids import GridSettings
from colabsd.sheets.grid import Cell, SheetText, draw_sheet
from colabsd.sheets.labels import ELLIPSIS, UNBROKEN
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from PIL.Image import Image

    from colabsd.studio.workshop import Workshop

PATHS = ("model", "vae")
FACTS = ("model", "sampler", "schedule", "steps", "guidance", "seed")


def make_sheets(workshop: "Workshop", job: Job, plan: GridPlan) -> Iterator[Progress | Note | KeptSheet]:
    """Make and keep the sheets that are still missing, after what the study found. Raises: StorageError."""
    from colabsd.studio.findings import find

    there = workshop.library.sheets_of(job)
    known = workshop.library.of_keys({drawing.key for drawing in plan.drawings})
    records = {cell.place: _record(cell, plan, known) for cell in plan.cells}
    pictures = _Pictures(workshop.workspace, records)
    found = tuple(find(plan, pictures))
    yield from found
    last = len(plan.drawings) - 1
    for number in range(plan.sheets):
        yield Progress(stage="save", done=number, total=plan.sheets, item=last, items=last + 1)
        cells = tuple(SheetCell(cell.place, records[cell.place]) for cell in plan.cells if cell.place[2] == number)
        if number in there:
            yield KeptSheet(there[number], cells, number)
            continue
        text = sheet_text(plan, number, found, workshop.language)
        image = draw_sheet(text, _largest(plan), _contents(plan, number, pictures, workshop.language))
        facts = plan.settings.as_json() | {"found": [[note.key, dict(note.facts)] for note in found]}
        yield workshop.library.keep_sheet(image, job, number, cells, facts)


def sheet_text(plan: GridPlan, number: int, found: Sequence[Note], language: Language) -> SheetText:
    """What is written on a sheet."""
    across, down, third = (*plan.settings.axes, None, None)[:3]
    assert across is not None, "a grid has an axis"
    return SheetText(
        title=plan.settings.title or _prompt(plan.settings) or axis_name(across, language),
        facts=" · ".join(_facts(plan, third, number, language)),
        columns=tuple(value_label(across, place, language) for place in range(len(across.values))),
        rows=("",) if down is None else tuple(value_label(down, place, language) for place in range(len(down.values))),
        column_name=axis_name(across, language),
        row_name="" if down is None else axis_name(down, language),
        words=tuple(say(note.key, language, **note.facts) for note in found),
    )


def axis_name(axis: Axis, language: Language) -> str:
    """What an axis is called."""
    if axis.setting == WORDS:
        return say("grid.axis.words", language)
    if axis.setting == SIZE:
        return say("grid.axis.size", language)
    return say(f"field.{axis.setting}.label", language)


def value_label(axis: Axis, place: int, language: Language) -> str:
    """What a value of an axis is called."""
    value = axis.values[place]
    if axis.setting == WORDS and not value:
        return say("grid.value.without", language, word=axis.values[0])
    if value in ("", ()):
        return say("grid.value.none", language)
    if value is None:
        return say("grid.value.own", language)
    if isinstance(value, tuple):
        return ", ".join(value)
    if axis.setting in PATHS and isinstance(value, str):
        return Path(value).name if Path(value).is_absolute() else value
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(plan: GridPlan, third: Axis | None, number: int, language: Language) -> Iterator[str]:
    """The third axis's value first, then what no axis changes."""
    if third is not None:
        yield f"{axis_name(third, language)}: {value_label(third, number, language)}"
    if plan.settings.title:
        yield _prompt(plan.settings)
    on_axes = {axis.setting for axis in plan.settings.axes}
    for name in FACTS:
        values = {getattr(drawing, name) for drawing in plan.drawings}
        if name not in on_axes and len(values) == 1:
            value = values.pop()
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            yield f"{say(f'field.{name}.label', language)}: {shown}".replace(" ", UNBROKEN)
    sizes = {drawing.size for drawing in plan.drawings}
    if len(sizes) == 1:
        yield str(sizes.pop())


def _prompt(grid: GridSettings) -> str:
    """The prompt of all cells: dots stand where its words differ."""
    prompt = grid.base.prompt
    for axis in grid.axes:
        prompt = prompt.replace(axis.values[0], ELLIPSIS) if axis.setting == WORDS else prompt
    return "" if grid.axis("prompt") is not None else prompt


def _largest(plan: GridPlan) -> Size:
    sizes = [drawing.picture_size for drawing in plan.drawings]
    return Size(max(size.width for size in sizes), max(size.height for size in sizes))


def _record(cell: GridCell, plan: GridPlan, known: Mapping[str, Record]) -> Record | None:
    return None if cell.drawing is None else known.get(plan.drawings[cell.drawing].key)


def _contents(plan: GridPlan, number: int, pictures: "_Pictures", language: Language) -> Iterator[Cell]:
    for cell in plan.cells:
        column, row, sheet = cell.place
        if sheet == number:
            picture = pictures.at(cell.place)
            if picture is not None:
                yield column, row, picture
            elif cell.trouble is not None:
                yield column, row, say("grid.cell.impossible", language)
            else:
                yield column, row, say("grid.cell.gone", language)


class _Pictures:
    """The pictures of the cells, opened one at a time."""

    def __init__(self, workspace: Workspace, records: Mapping[Any, Record | None]) -> None:
        self._workspace = workspace
        self._records = records

    def at(self, place: tuple[int, int, int]) -> "Image | None":
        """The picture of a cell, whole in memory; None where there is none that can be read."""
        from PIL import Image as Images

        record = self._records[place]
        if record is None:
            return None
        with suppress(OSError, SyntaxError, ValueError), Images.open(self._workspace.locate(record.path)) as opened:
            return opened.convert("RGB")
        return None
