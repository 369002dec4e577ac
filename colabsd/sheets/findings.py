"""What a study finds in its pictures: the fewest steps that look like the most, what a word changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colabsd.sheets.colours import colour_difference
from colabsd.sheets.similarity import similarity

if TYPE_CHECKING:
    from PIL.Image import Image

# Side by side two pictures look the same from this structural similarity on, and up to this difference of colours, two
# just noticeable ones. Either alone is not enough: with few steps one sampler is only paler, another of other form.
ALIKE, COLOURS_ALIKE = 0.95, 5.0


@dataclass(frozen=True)
class Likeness:
    """How alike pictures are, of several pairs the worst: structural similarity, and difference of colours."""

    similarity: float
    colours: float

    @property
    def is_same(self) -> bool:
        """Whether they look the same."""
        return self.similarity >= ALIKE and self.colours <= COLOURS_ALIKE


@dataclass(frozen=True)
class FewestSteps:
    """The fewest steps whose pictures look like those of the most, or None where no fewer do.

    `figures` has for each number of steps the likeness to the most steps, of the seeds where it is least.
    """

    fewest: int | None
    most: int
    figures: Mapping[int, Likeness]


def fewest_steps(pictures: Mapping[int, Sequence["Image"]]) -> FewestSteps:
    """Compare the pictures of a sampler, by steps and each in the same order of seeds, with those of the most steps.

    The fewest are those from which on every number of steps gives the same picture for every seed: a chance likeness
    of a few steps does not count.
    """
    most = max(pictures)
    figures = {steps: _likeness(pictures[steps], pictures[most]) for steps in sorted(pictures) if steps != most}
    fewest = None
    for steps in sorted(figures, reverse=True):
        if not figures[steps].is_same:
            break
        fewest = steps
    return FewestSteps(fewest, most, figures)


def changes(pairs: Sequence[tuple["Image", "Image"]]) -> list[float]:
    """How similar the pictures of each pair are: with a word and without it, say."""
    return [similarity(one, other) for one, other in pairs]


def _likeness(some: Sequence["Image"], others: Sequence["Image"]) -> Likeness:
    pairs = list(zip(some, others, strict=True))
    return Likeness(min(similarity(*pair) for pair in pairs), max(colour_difference(*pair) for pair in pairs))
