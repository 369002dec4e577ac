"""Schedules: texts such as "0: (1), 30: (1.04)" that give every frame of a film a number, or a name.

Deforum's rules in both of its dialects. A number is a key frame that others are interpolated from, a calculation holds
until the next key, and so does a name. Where neither dialect can read a text, it is read as it was probably meant.
"""

import re
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Literal

from colabsd.errors import InvalidScheduleError
from colabsd.planning.key_frames import Method, filled
from colabsd.planning.plans import Note
from colabsd.planning.schedule_functions import NAN, NotWholeError
from colabsd.planning.schedule_grammar import Calculation, Place, calculation
from colabsd.planning.schedule_keys import (
    MOST_KEYS,
    Cut,
    a1111_cuts,
    bare,
    check_length,
    kind_cuts,
    notebook_cuts,
    unwrapped,
)

Dialect = Literal["notebook", "a1111"]
Variables = Mapping[str, float | Sequence[float]]
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
EXPONENT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+")
NAMES: Mapping[Dialect, tuple[str, ...]] = {"notebook": ("t", "max_frames"), "a1111": ("t", "max_f", "s")}
SOUND = ("beat", "onset", "amplitude")
KEY_NAMES = ("max_f", "s")
SIGNIFICANT = 15  # digits of a frame's number


@dataclass(frozen=True, slots=True)
class Key:
    """A key frame: a number, or a calculation that holds. `at` is the frame, or the calculation of it (a1111)."""

    at: int | Calculation
    value: float | Calculation
    place: Place


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A number for every frame. `notes` say what of its text was read otherwise than it stands there."""

    name: str
    names: tuple[str, ...]
    keys: tuple[Key, ...]
    method: Method = "Linear"
    notes: tuple[Note, ...] = ()

    def values(
        self, frames: int, variables: Variables | None = None, notes: MutableSequence[Note] | None = None
    ) -> tuple[float, ...]:
        """The numbers of frames 0 … `frames` - 1.

        `variables` are one number, or one per frame, by name: the seed `s`, and what a sound says; the frame `t`,
        `max_f` and `max_frames` are known. `notes` gets a note of keys that no frame has. Not-a-number is interpolated,
        infinities stay. Raises: InvalidScheduleError, for a missing key 0 or name, and where nothing is a number.
        """
        known = {"max_f": frames - 1, "max_frames": frames, **(variables or {})}
        keys = self._placed(frames, known, notes)
        if len(keys) == 1 and isinstance(only := keys[0].value, float):
            return (only,) * frames
        values = [NAN] * frames
        starts = sorted(keys)
        for start, end in zip(starts, [*starts[1:], frames], strict=True):
            value = keys[start].value
            if isinstance(value, Calculation):
                self._calculate(values, start, end, value, known, keys[start].place)
            else:
                values[start] = value
        try:
            return tuple(filled(values, self.method, len(self.keys)))
        except ValueError:
            raise keys[0].place.wrong("error.film_schedule.no_number", 0) from None

    def _placed(self, frames: int, known: Variables, notes: MutableSequence[Note] | None) -> dict[int, Key]:
        """The keys by the frames that they are for. Of several for one frame the last counts."""
        keys: dict[int, Key] = {}
        beyond: list[int] = []
        for key in self.keys:
            frame = key.at if isinstance(key.at, int) else _frame(key.at, known, key.place)
            if 0 <= frame < frames:
                keys[frame] = key
            else:
                beyond.append(frame)
        if 0 not in keys:
            first = min(keys, default=None)
            if first is None:
                raise self.keys[0].place.wrong("error.film_schedule.beyond", 0, frames=frames)
            raise keys[first].place.wrong("error.film_schedule.first", 0, first=first)
        if beyond and notes is not None:
            facts = {"name": self.name, "count": len(beyond), "first": beyond[0], "last": frames - 1}
            notes.append(Note("note.film_schedule.beyond", facts))
        return keys

    def _calculate(
        self, values: list[float], start: int, end: int, value: Calculation, known: Variables, place: Place
    ) -> None:
        """Fill frames `start` to before `end` with what a calculation gives."""
        slots: list[float] = [0.0] * len(self.names)
        sequences: list[tuple[int, Sequence[float]]] = []
        for index, name in enumerate(self.names):
            if name == "t" or name not in value.used:
                continue
            if name not in known:
                raise place.wrong("error.film_schedule.sound", 0, word=name)
            given = known[name]
            if isinstance(given, Sequence):
                sequences.append((index, given))
            else:
                slots[index] = given
        time, call = self.names.index("t"), value.call
        try:
            for frame in range(start, end):
                slots[time] = frame
                for index, sequence in sequences:
                    slots[index] = sequence[frame] if frame < len(sequence) else 0.0
                values[frame] = _float(call(slots))
        except NotWholeError:
            raise place.wrong("error.film_schedule.whole", 0, sign="& | ^ ~ << >>") from None


@dataclass(frozen=True, kw_only=True)
class TextSchedule:
    """A name for every frame: each holds until the next key."""

    name: str
    keys: tuple[tuple[int | Calculation, str], ...]
    place: Place
    notes: tuple[Note, ...] = ()

    def values(self, frames: int, variables: Variables | None = None) -> tuple[str, ...]:
        """The names of frames 0 … `frames` - 1. Raises: InvalidScheduleError for a missing key 0."""
        known = {"max_f": frames - 1, **(variables or {})}
        placed = {at if isinstance(at, int) else _frame(at, known, self.place): text for at, text in self.keys}
        starts = sorted(start for start in placed if 0 <= start < frames)
        if not starts or starts[0] != 0:
            key = "error.film_schedule.first" if starts else "error.film_schedule.beyond"
            raise self.place.wrong(key, 0, first=starts[0] if starts else 0, frames=frames)
        ends = [*starts[1:], frames]
        return tuple(placed[start] for start, end in zip(starts, ends, strict=True) for _ in range(start, end))


def parse_schedule(
    text: str, dialect: Dialect, *, name: str, method: Method = "Linear", strict: bool = False
) -> Schedule:
    """The schedule that a text says. `strict` reads it to the letter as Deforum does, and refuses what Deforum does.

    Otherwise a calculation behind a doubled key is not lost, and what Deforum cannot read is read kindly: trailing
    commas, commas in functions, blanks, quotes, bare numbers, pi, min and max.
    Raises: InvalidScheduleError with the schedule's name, the place, and what was expected there.
    """
    check_length(text, name)
    place = Place(name, text)
    try:
        cuts = _cuts(text, dialect, place)
        if strict or not any(cut.dropped for cut in cuts):
            return _schedule(cuts, dialect, place, method, strict=True)
    except InvalidScheduleError:
        if strict:
            raise
    return _schedule(_few(kind_cuts(text, place), place), dialect, place, method, strict=False)


def parse_text_schedule(text: str, dialect: Dialect, *, name: str, strict: bool = False) -> TextSchedule:
    """The same for a schedule of names. A bare name is one for all frames. Raises: InvalidScheduleError."""
    check_length(text, name)
    place = Place(name, text)
    cuts = _cuts(text, dialect, place) if strict else _few(kind_cuts(text, place), place)
    keys = []
    for cut in cuts:
        shown = _plain_name(cut, dialect, place) if strict else unwrapped(cut.value)
        keys.append((_key(cut, dialect, place, strict), shown))
    return TextSchedule(name=name, keys=tuple(keys), place=place)


def _cuts(text: str, dialect: Dialect, place: Place) -> list[Cut]:
    """The text as the dialect cuts it. Raises: InvalidScheduleError where it finds nothing."""
    return _few(notebook_cuts(text) if dialect == "notebook" else a1111_cuts(text), place)


def _few(cuts: Iterable[Cut], place: Place) -> list[Cut]:
    """The cuts: at least one, and not more than anybody needs. Raises: InvalidScheduleError."""
    kept = []
    for cut in cuts:
        kept.append(cut)
        if len(kept) > MOST_KEYS:
            raise place.wrong("error.film_schedule.keys", cut.key_start, limit=MOST_KEYS)
    if not kept:
        raise place.wrong("error.film_schedule.form", 0)
    return kept


def _schedule(cuts: Sequence[Cut], dialect: Dialect, place: Place, method: Method, *, strict: bool) -> Schedule:
    names = (*NAMES[dialect], *SOUND)
    keys = tuple(
        Key(_key(cut, dialect, place, strict), *_value(cut, dialect, names, place, strict=strict)) for cut in cuts
    )
    return Schedule(
        name=place.name, names=names, keys=keys, method=method, notes=_notes(cuts, keys, place.name, strict=strict)
    )


def _key(cut: Cut, dialect: Dialect, place: Place, strict: bool) -> int | Calculation:
    """A key as a frame's number, or a calculation of it."""
    if dialect == "notebook" and cut.key.isdigit():
        return int(cut.key[:SIGNIFICANT])
    plain = bare(cut.key).strip()
    if NUMBER.fullmatch(plain) and len(plain) <= SIGNIFICANT:
        if "." in plain:
            raise place.wrong("error.film_schedule.key", cut.key_start, frame=plain)
        return int(plain)
    own = Place(place.name, place.text, cut.key_start)
    if not cut.key.strip():
        raise own.wrong("error.film_schedule.key", 0, frame="")
    text = cut.key.replace('"', " ").replace("'", " ")
    return calculation(text, KEY_NAMES, own, more=not strict)


def _value(
    cut: Cut, dialect: Dialect, names: Sequence[str], place: Place, *, strict: bool
) -> tuple[float | Calculation, Place]:
    """A value as a number or a calculation, and its place."""
    own = Place(place.name, place.text, cut.value_start)
    if dialect == "notebook":
        plain, text = cut.value if strict else _inside(cut.value), cut.value
        if strict and text[:1].isspace():
            raise own.wrong("error.film_schedule.blank", 0)
    else:
        plain = bare(cut.value)
        text = cut.value if strict or NUMBER.fullmatch(plain) is None else plain
    if not strict:
        text = text.replace('"', " ").replace("'", " ")
    if NUMBER.fullmatch(plain):
        return float(plain), own
    return calculation(text, names, own, more=not strict), own


def _inside(text: str) -> str:
    return unwrapped(text).strip()


def _plain_name(cut: Cut, dialect: Dialect, place: Place) -> str:
    """A name as Deforum takes it: without quotes, in a1111 also without brackets, and there it must be no number."""
    if dialect == "notebook":
        return cut.value.replace('"', "").replace("'", "")
    plain = bare(cut.value).strip()
    if not plain or NUMBER.fullmatch(plain):
        raise place.wrong("error.film_schedule.name_number", cut.value_start, word=plain)
    return plain


def _notes(cuts: Sequence[Cut], keys: Sequence[Key], name: str, *, strict: bool) -> tuple[Note, ...]:
    """What was read otherwise than it stands there, each thing once."""
    found: dict[str, Note] = {}
    for cut, key in zip(cuts, keys, strict=True):
        if cut.skipped:
            found.setdefault("skipped", Note("note.film_schedule.skipped", {"name": name, "text": cut.skipped[:40]}))
        if cut.dropped:
            doubled = "note.film_schedule.dropped" if strict else "note.film_schedule.doubled"
            found.setdefault("dropped", Note(doubled, {"name": name, "text": cut.dropped[:40]}))
        if isinstance(key.value, Calculation) and key.value.xor:
            found.setdefault("xor", Note("note.film_schedule.xor", {"name": name}))
    held = next((cut for index, cut in enumerate(cuts) if _holds(cut, keys[index : index + 2])), None)
    if held is not None:
        found["holds"] = Note("note.film_schedule.holds", {"name": name, "text": _inside(held.value)[:40]})
    return tuple(found.values())


def _holds(cut: Cut, keys: Sequence[Key]) -> bool:
    """Whether a number with an exponent, which Deforum takes for a calculation, holds for more than its frame."""
    here, *after = (key.at for key in keys)
    apart = bool(after) and not (isinstance(here, int) and after[0] == here + 1)
    return apart and isinstance(keys[0].value, Calculation) and EXPONENT.fullmatch(_inside(cut.value)) is not None


def _frame(at: Calculation, known: Variables, place: Place) -> int:
    """The frame that a key's calculation gives, cut to a whole number; -1 where it is none."""
    try:
        value = _float(at.call([_single(known.get(name, 0.0)) for name in KEY_NAMES]))
    except NotWholeError:
        raise place.wrong("error.film_schedule.whole", 0, sign="& | ^ ~ << >>") from None
    return int(value) if abs(value) < 2.0**53 else -1


def _single(value: float | Sequence[float]) -> float:
    return 0.0 if isinstance(value, Sequence) else value


def _float(value: object) -> float:
    assert isinstance(value, (int, float))
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
