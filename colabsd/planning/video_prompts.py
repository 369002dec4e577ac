"""The prompts of a film: from `frame: text --neg text` to a sentence for every frame. Knows no styles and no models.

Numbers can be calculated in a text between backticks, with a schedule's names: "a (red:`1 + 0.5*sin(t/10)`) apple".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colabsd.errors import InvalidScheduleError
from colabsd.planning.schedule_functions import NotWholeError
from colabsd.planning.schedule_grammar import Calculation, Place, calculation
from colabsd.planning.schedules import SOUND, Variables

KEYED = re.compile(
    r"\s*[\"']?\s*([0-9]{1,15}|(?=[^:]*max_f)[0-9a-z_+\-*/%(). ]{1,200})\s*[\"']?\s*:(?!//)(.*)", re.DOTALL
)
NEGATIVE = re.compile(r"\s*--neg(?:ative)?\b\s*")
CALCULATED = re.compile(r"`([^`]*)`")
FIELD = "prompts"
DIGITS = 4  # of a calculated number, behind the point


@dataclass(frozen=True, slots=True)
class Sentences:
    """What a frame shows, and what it should not show."""

    prompt: str
    negative_prompt: str = ""


@dataclass(frozen=True)
class Part:
    """A text whose calculations are found: texts[0] + calculations[0] + texts[1] + …"""

    texts: tuple[str, ...]
    calculations: tuple[Calculation, ...] = ()

    def at(self, values: Sequence[float]) -> str:
        if not self.calculations:
            return self.texts[0]
        numbers = [f"{round(float(one.call(values)), DIGITS):g}" for one in self.calculations]
        return "".join(text + number for text, number in zip(self.texts, (*numbers, ""), strict=True))


@dataclass(frozen=True)
class PromptKeys:
    """Prompts by the frames that they begin at, in order; the first holds from frame 0."""

    starts: tuple[int, ...]
    prompts: tuple[Part, ...]
    negatives: tuple[Part, ...]
    names: tuple[str, ...]

    def over(self, frames: int, variables: Variables) -> tuple[Sentences, ...]:
        """The sentences of frames 0 … `frames` - 1. Raises: InvalidScheduleError for what cannot be calculated."""
        plain: dict[int, Sentences] = {}
        found: list[Sentences] = []
        ends = (*self.starts[1:], frames)
        for index, (start, end) in enumerate(zip((0, *self.starts[1:]), ends, strict=True)):
            prompt, negative = self.prompts[index], self.negatives[index]
            if not prompt.calculations and not negative.calculations:
                plain[index] = Sentences(prompt.texts[0], negative.texts[0])
                found += [plain[index]] * (min(end, frames) - start)
                continue
            for frame in range(start, min(end, frames)):
                values = [frame if name == "t" else _at(variables, name, frame) for name in self.names]
                try:
                    found.append(Sentences(prompt.at(values), negative.at(values)))
                except (NotWholeError, OverflowError):
                    raise InvalidScheduleError(
                        "error.film_prompt.number", name=FIELD, position=1, excerpt=prompt.texts[0][:40]
                    ) from None
        return tuple(found)


def prompt_keys(prompts: Sequence[str], negative: str, frames: int, variables: Variables) -> PromptKeys:
    """The prompts of a film by frame. Without any, one empty prompt.

    A frame is a number or a calculation with `max_f`; `--neg` begins a negative prompt, of which there may be several,
    and `negative` is added to each. Raises: InvalidScheduleError for a frame that is none, or a text that has none
    beside others.
    """
    keyed: dict[int, str] = {}
    for text in prompts:
        found = KEYED.fullmatch(text)
        if found is None and len(prompts) > 1 and 0 in keyed:
            raise InvalidScheduleError("error.film_prompt.frame", name=FIELD, position=1, excerpt=text[:40])
        frame, sentence = (0, text) if found is None else (_frame(found[1], frames, variables), found[2])
        keyed[frame] = sentence.strip()
    starts = tuple(sorted(keyed)) or (0,)
    names = ("t", "max_f", "max_frames", "s", *SOUND)
    pairs = [_split(keyed.get(start, ""), negative) for start in starts]
    return PromptKeys(
        starts=starts,
        prompts=tuple(_part(prompt, names) for prompt, _ in pairs),
        negatives=tuple(_part(negative, names) for _, negative in pairs),
        names=names,
    )


def _frame(text: str, frames: int, variables: Variables) -> int:
    if text.strip().isdigit():
        return int(text)
    place = Place(FIELD, text)
    known = {"max_f": frames - 1, "s": _at(variables, "s", 0)}
    try:
        value = float(calculation(text, tuple(known), place).call(list(known.values())))
        return max(0, int(value))
    except (NotWholeError, ValueError, OverflowError):
        raise place.wrong("error.film_prompt.frame", 0) from None


def _split(text: str, added: str) -> tuple[str, str]:
    """A prompt and its negative one."""
    prompt, *negatives = NEGATIVE.split(text)
    return prompt.strip(), ", ".join(part for part in (*(one.strip() for one in negatives), added.strip()) if part)


def _part(text: str, names: Sequence[str]) -> Part:
    pieces = CALCULATED.split(text)
    found = [calculation(inner, names, Place(FIELD, inner)) for inner in pieces[1::2]]
    return Part(tuple(pieces[::2]), tuple(found))


def _at(variables: Mapping[str, float | Sequence[float]], name: str, frame: int) -> float:
    value = variables.get(name, 0.0)
    if isinstance(value, Sequence):
        return value[frame] if frame < len(value) else 0.0
    return value
