"""Ready grids, each for one question: how many steps, which style, what one word does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from colabsd.errors import InvalidGridError
from colabsd.settings.axes import WORDS, Axis
from colabsd.settings.grids import GridSettings, Study
from colabsd.settings.images import MAX_SEED, NEW_SEED, ImageSettings

STEPS = (5, 10, 15, 20, 30, 50)
SAMPLERS = ("Euler a", "Euler", "LMS", "Heun", "DPM fast", "DPM++ 2M")
SEEDS: Mapping[Study, int] = {"sampler": 2, "words": 3, "probe": 8}
"""How many seeds a study draws when it is not told: one picture alone may be chance."""


def study_grid(study: Study, base: ImageSettings, axes: Iterable[Axis] = ()) -> GridSettings:
    """The grid of a study; an axis given takes the place of the study's own, or comes last.

    - `sampler`: steps across, samplers down, a sheet per seed. What are the fewest steps that look like the most?
    - `words`: seeds across, and down the words that take each other's place in the prompt (styles, artists).
    - `probe`: seeds across, and down one word: with it and without it.

    Without a study it has the axes that are given. A word that the prompt lacks is put at its end. Raises:
    InvalidGridError when a study lacks its words.
    """
    asked = tuple(axes)
    given = {axis.setting: axis for axis in asked}
    if not study or len(given) < len(asked):
        return GridSettings(base=base, axes=asked, study=study)
    own = {axis.setting: given.pop(axis.setting, axis) for axis in OWN_AXES[study](base)}
    if WORDS in own:
        own[WORDS] = _checked_words(study, own[WORDS])
        base = _with_word(base, own[WORDS].values[0])
    return GridSettings(base=base, axes=(*own.values(), *given.values()), study=study)


def _sampler_axes(base: ImageSettings) -> tuple[Axis, ...]:
    return Axis("steps", STEPS), Axis("sampler", SAMPLERS), _seeds("sampler", base)


def _words_axes(base: ImageSettings) -> tuple[Axis, ...]:
    return _seeds("words", base), Axis(WORDS, ())


def _probe_axes(base: ImageSettings) -> tuple[Axis, ...]:
    return _seeds("probe", base), Axis(WORDS, ())


OWN_AXES: Mapping[Study, Callable[[ImageSettings], tuple[Axis, ...]]] = {
    "": lambda _base: (),
    "sampler": _sampler_axes,
    "words": _words_axes,
    "probe": _probe_axes,
}


def _seeds(study: Study, base: ImageSettings) -> Axis:
    """Seeds from the one asked for on; new ones where none was."""
    count = SEEDS[study]
    if base.seed in (None, NEW_SEED):
        return Axis("seed", (NEW_SEED,) * count)
    assert base.seed is not None
    return Axis("seed", tuple((base.seed + place) % (MAX_SEED + 1) for place in range(count)))


def _checked_words(study: Study, axis: Axis) -> Axis:
    words = tuple(dict.fromkeys(axis.values))
    if study == "probe":
        words = tuple(word for word in words if word)
        if len(words) != 1:
            raise InvalidGridError("error.grid.probe", count=len(words))
        return Axis(WORDS, (words[0], ""))
    if len(words) < 2:
        raise InvalidGridError("error.grid.study_words")
    return Axis(WORDS, words)


def _with_word(base: ImageSettings, word: str) -> ImageSettings:
    if word in base.prompt or word in base.negative_prompt:
        return base
    return replace(base, prompt=", ".join(part for part in (base.prompt.strip(), word) if part))
