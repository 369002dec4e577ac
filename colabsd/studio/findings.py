"""What the studies say in words, from the pictures of their grids."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from colabsd.planning.grids import GridPlan
from colabsd.progress import Note
from colabsd.settings.axes import WORDS
from colabsd.settings.grids import GridSettings, Place, Study
from colabsd.settings.samplers import find_sampler
from colabsd.sheets.findings import ALIKE, COLOURS_ALIKE, FewestSteps, changes, fewest_steps

if TYPE_CHECKING:
    from PIL.Image import Image


class Pictures(Protocol):
    """The pictures of a grid's cells."""

    def at(self, place: Place) -> "Image | None":
        """The picture of a cell; None where there is none."""


def find(plan: GridPlan, pictures: Pictures) -> Iterator[Note]:
    """What the study of a grid found; nothing for a grid that is none."""
    yield from STUDIES[plan.settings.study](plan, pictures)


def _nothing(_plan: GridPlan, _pictures: Pictures) -> Iterator[Note]:
    return iter(())


def _sampler(plan: GridPlan, pictures: Pictures) -> Iterator[Note]:
    """For each sampler the fewest steps that look like the most, or why there is no such number."""
    grid, axis = plan.settings, plan.settings.axis("sampler")
    names = axis.values if axis is not None else (None,)
    for number in range(len(names)):
        places = [place for place in grid.places() if axis is None or place[grid.axes.index(axis)] == number]
        cells = {cell.place: cell.drawing for cell in plan.cells}
        drawn = [plan.drawings[index] for index in map(cells.get, places) if index is not None]
        if not drawn:
            continue
        sampler = find_sampler(drawn[0].sampler)
        if sampler.changes_with_steps(drawn[0].eta):
            yield Note("note.study.stochastic", {"sampler": sampler.label})
            continue
        compared = _by_steps(plan, places, pictures)
        if len(compared) > 1:
            yield _told(sampler.label, fewest_steps(compared), len(next(iter(compared.values()))))


def _by_steps(plan: GridPlan, places: list[Place], pictures: Pictures) -> Mapping[int, list["Image"]]:
    """The pictures of these places by their steps; only steps for which all seeds are there."""
    steps = {cell.place: plan.drawings[cell.drawing].steps for cell in plan.cells if cell.drawing is not None}
    found: dict[int, list[Image | None]] = {}
    for place in places:
        if place in steps:
            found.setdefault(steps[place], []).append(pictures.at(place))
    whole = {number: [one for one in several if one is not None] for number, several in found.items()}
    most = max(map(len, whole.values()), default=0)
    return {number: several for number, several in whole.items() if several and len(several) == most}


def _told(sampler: str, found: FewestSteps, seeds: int) -> Note:
    facts = {"sampler": sampler, "most": found.most, "seeds": seeds}
    facts |= {"least": f"{ALIKE:g}", "largest": f"{COLOURS_ALIKE:g}"}
    steps = max(found.figures) if found.fewest is None else found.fewest
    likeness = found.figures[steps]
    facts |= {"steps": steps, "similarity": f"{likeness.similarity:.2f}", "colours": f"{likeness.colours:.1f}"}
    return Note("note.study.none" if found.fewest is None else "note.study.fewest", facts)


def _probe(plan: GridPlan, pictures: Pictures) -> Iterator[Note]:
    """How much a word changes the picture, on average and for the seed where it changes most."""
    pairs = _with_and_without(plan.settings, pictures)
    if not pairs:
        return
    figures = dict(zip(pairs, changes(list(pairs.values())), strict=True))
    most = min(figures, key=lambda label: figures[label])
    axis = plan.settings.axis(WORDS)
    assert axis is not None, "a probe has words"
    similarity = sum(figures.values()) / len(figures)
    yield Note(
        "note.study.probe",
        {
            "word": axis.values[0],
            "similarity": f"{similarity:.2f}",
            "count": len(figures),
            "seed": most,
            "least": f"{figures[most]:.2f}",
        },
    )


def _with_and_without(grid: GridSettings, pictures: Pictures) -> Mapping[str, tuple["Image", "Image"]]:
    """The pairs of a probe, by the seed (or whatever else is on the other axis)."""
    number = next(place for place, axis in enumerate(grid.axes) if axis.setting == WORDS)
    pairs: dict[str, tuple[Image, Image]] = {}
    for place in grid.places():
        if place[number] == 0:
            columns, rows, sheets = (1 if axis == number else value for axis, value in enumerate(place))
            one, other = pictures.at(place), pictures.at((columns, rows, sheets))
            label = ", ".join(f"{name}={value}" for name, value in grid.values_at(place).items() if name != WORDS)
            if one is not None and other is not None:
                pairs[label] = one, other
    return pairs


STUDIES: Mapping[Study, Callable[[GridPlan, Pictures], Iterator[Note]]] = {
    "": _nothing,
    "words": _nothing,
    "sampler": _sampler,
    "probe": _probe,
}
