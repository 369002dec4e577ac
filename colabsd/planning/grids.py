"""From a grid's settings to its exact plan: every cell a drawing, equal drawings once, sorted by what is loaded."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Self, TypeAlias

from colabsd.errors import InvalidGridError, InvalidSettingError
from colabsd.language.amounts import duration
from colabsd.planning.plans import Drawing, Execution, ImagePlan, LoraUse, Note
from colabsd.settings.axes import Axis
from colabsd.settings.grids import GridSettings, Place, check_grid
from colabsd.settings.images import MAX_SEED, NEW_SEED, ImageSettings

MOST_CELLS = 1000
PlanCell: TypeAlias = Callable[[ImageSettings], ImagePlan]
Together: TypeAlias = tuple[str, str, str, str, Execution]


@dataclass(frozen=True)
class GridCell:
    """One cell: its place, and the index of its drawing; None where the settings do not go together (`trouble`)."""

    place: Place
    drawing: int | None
    trouble: Note | None = None


@dataclass(frozen=True)
class GridPart:
    """Drawings that one loaded model draws one after the other; `first` is the first one's index in the grid."""

    first: int
    plan: ImagePlan


@dataclass(frozen=True, kw_only=True)
class GridPlan:
    """All pictures of a grid, each once, in the order in which they are drawn, and the cells that show them.

    `settings` have no seed left to choose. `executions` and `prompting` belong to the drawings one by one; `prompting`
    is empty where no dynamic prompts were asked for. `kept` are the indexes of drawings that the library has already,
    and `seconds` what the others take, about: `measured` on this machine, or else a guess. Pictures are drawn one at a
    time, so that no cell depends on its neighbours, not even in its last bit.
    """

    settings: GridSettings
    drawings: tuple[Drawing, ...]
    executions: tuple[Execution, ...]
    cells: tuple[GridCell, ...]
    prompting: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Note, ...] = ()
    kept: frozenset[int] = frozenset()
    seconds: float = 0.0
    measured: bool = False

    @property
    def sheets(self) -> int:
        """How many sheets it gives: one for each value of the third axis."""
        return self.settings.shape[2]

    def cell_of(self, drawing: int) -> GridCell:
        """The first cell that shows a drawing."""
        return next(cell for cell in self.cells if cell.drawing == drawing)

    def parts(self) -> list[GridPart]:
        """The drawings by what has to be loaded for them."""
        indexes = range(len(self.drawings))
        together = (tuple(same) for _, same in groupby(indexes, key=self._together))
        return [GridPart(same[0], self._part(same)) for same in together]

    def _together(self, index: int) -> Together:
        return _loaded(self.drawings[index], self.executions[index])

    def _part(self, indexes: Sequence[int]) -> ImagePlan:
        return ImagePlan(
            drawings=tuple(self.drawings[index] for index in indexes),
            batches=tuple((place,) for place in range(len(indexes))),
            execution=self.executions[indexes[0]],
            prompting=tuple(self.prompting[index] for index in indexes) if self.prompting else (),
        )

    def as_json(self) -> dict[str, Any]:
        """As a job has it: an image plan's data, and beside it under `grid` what makes it a grid."""
        cells = [
            {"drawing": cell.drawing}
            if cell.trouble is None
            else {"drawing": None, "trouble": [cell.trouble.key, dict(cell.trouble.facts)]}
            for cell in self.cells
        ]
        whole = replace(self._part(range(len(self.drawings))), execution=self.executions[0])
        executions = [execution.as_json() for execution in self.executions]
        return whole.as_json() | {"grid": {**self.settings.as_json(), "cells": cells, "executions": executions}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError, ValueError or InvalidGridError when the data is no grid's plan."""
        whole, grid = ImagePlan.from_json(data), data["grid"]
        settings = GridSettings.from_json(grid)
        cells = tuple(
            GridCell(place, cell["drawing"], Note(*cell["trouble"]) if "trouble" in cell else None)
            for place, cell in zip(settings.places(), grid["cells"], strict=True)
        )
        executions = tuple(Execution(**one) for one in grid["executions"])
        return cls(
            settings=settings,
            drawings=whole.drawings,
            executions=executions,
            cells=cells,
            prompting=whole.prompting,
        )


def plan_grid(
    grid: GridSettings, *, plan_cell: PlanCell, new_seed: Callable[[], int], seconds_of: Callable[[ImagePlan], float]
) -> GridPlan:
    """The exact plan of a grid; `plan_cell` plans one picture, and `seconds_of` says what it takes.

    Cells whose sampler and schedule do not go together stay empty, as long as others do.
    Raises: InvalidGridError, and what `plan_cell` raises.
    """
    check_grid(grid)
    grid = with_seeds(grid, new_seed)
    if grid.count > MOST_CELLS:
        raise _too_many(grid, plan_cell, seconds_of)
    plans = {place: _planned(grid.at(place), plan_cell) for place in grid.places()}
    possible = {place: plan for place, plan in plans.items() if isinstance(plan, ImagePlan)}
    if not possible:
        raise next(error for error in plans.values() if isinstance(error, InvalidSettingError))
    drawn = _in_order(possible.values())
    numbers = {drawing: number for number, drawing in enumerate(drawn)}
    prompting = tuple(plan.prompting_of(0) for plan in drawn.values())
    return GridPlan(
        settings=grid,
        drawings=tuple(drawn),
        executions=tuple(plan.execution for plan in drawn.values()),
        cells=tuple(_cell(place, plan, numbers) for place, plan in plans.items()),
        prompting=prompting if any(prompting) else (),
        notes=_distinct(note for plan in possible.values() for note in plan.notes),
    )


def _too_many(grid: GridSettings, plan_cell: PlanCell, seconds_of: Callable[[ImagePlan], float]) -> InvalidGridError:
    """The error that says how many cells there are, and how long they take if all take what the corners do."""
    columns, rows, sheets = grid.shape
    corners = [plan_cell(grid.at(place)) for place in ((0, 0, 0), (columns - 1, rows - 1, sheets - 1))]
    seconds = sum(map(seconds_of, corners)) / len(corners) * grid.count
    facts = {"count": f"{grid.count:,}", "limit": f"{MOST_CELLS:,}", "time": duration(seconds)}
    return InvalidGridError("error.grid.many_cells", **facts)


def with_seeds(grid: GridSettings, new_seed: Callable[[], int]) -> GridSettings:
    """The grid with seeds in the place of those that were to be chosen: one for all cells, or neighbours on an axis."""
    first, variation = new_seed(), new_seed()
    base = grid.base
    if grid.axis("seed") is None and base.seed in (None, NEW_SEED):
        base = replace(base, seed=first)
    varied = base.variation_strength or grid.axis("variation_strength") is not None
    if varied and grid.axis("variation_seed") is None and base.variation_seed in (None, NEW_SEED):
        base = replace(base, variation_seed=variation)
    starts = {"seed": first, "variation_seed": variation}
    axes = tuple(_chosen(axis, starts[axis.setting]) if axis.setting in starts else axis for axis in grid.axes)
    return replace(grid, base=base, axes=axes)


def _chosen(axis: Axis, first: int) -> Axis:
    """An axis of seeds with a new seed in place of the first -1, and the ones after it in place of the others."""
    new = iter(range(first, first + len(axis.values)))
    values = tuple(next(new) % (MAX_SEED + 1) if value in (None, NEW_SEED) else value for value in axis.values)
    return Axis(axis.setting, values)


def _planned(settings: ImageSettings, plan_cell: PlanCell) -> ImagePlan | InvalidSettingError:
    try:
        return plan_cell(settings)
    except InvalidSettingError as error:
        if error.message_key != "error.schedule_unsupported":
            raise
        return error


def _cell(place: Place, plan: ImagePlan | InvalidSettingError, numbers: Mapping[Drawing, int]) -> GridCell:
    if isinstance(plan, ImagePlan):
        return GridCell(place, numbers[plan.drawings[0]])
    return GridCell(place, None, Note(plan.message_key, plan.facts))


def _in_order(plans: Iterable[ImagePlan]) -> dict[Drawing, ImagePlan]:
    """Each drawing once, by what is loaded for it and by its LoRAs; otherwise as the cells come."""
    first: dict[Drawing, ImagePlan] = {}
    for plan in plans:
        first.setdefault(plan.drawings[0], plan)
    models: dict[Together, int] = {}
    loras: dict[tuple[LoraUse, ...], int] = {}
    for drawing, plan in first.items():
        models.setdefault(_loaded(drawing, plan.execution), len(models))
        loras.setdefault(drawing.loras, len(loras))

    def order(one: tuple[Drawing, ImagePlan]) -> tuple[int, int]:
        return models[_loaded(one[0], one[1].execution)], loras[one[0].loras]

    return dict(sorted(first.items(), key=order))


def _loaded(drawing: Drawing, execution: Execution) -> Together:
    """What has to be loaded to draw it."""
    without_reasons = replace(execution, reasons=())
    return drawing.model, drawing.model_sha256, drawing.vae, drawing.vae_sha256, without_reasons


def _distinct(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Each note once."""
    return tuple({(note.key, str(note.facts)): note for note in notes}.values())
