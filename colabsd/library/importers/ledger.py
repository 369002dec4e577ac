"""The ledger of one picture: its pairs are taken one by one, and what became of each is written down."""

from collections.abc import Callable, Mapping
from typing import Any

from colabsd.errors import InvalidSettingError
from colabsd.geometry import Size
from colabsd.library.importers.imported import Fact, Fate, Imported, shown
from colabsd.library.importers.names import recognise
from colabsd.library.importers.values import integer, number, text
from colabsd.planning.plans import Note
from colabsd.settings.fields import check_value, field_specs
from colabsd.settings.images import ImageSettings
from colabsd.settings.samplers import find_sampler

SPECS = field_specs(ImageSettings)
READERS: Mapping[str, Callable[[object], Any]] = {"integer": integer, "number": number, "text": text, "choice": text}
LARGEST_EQUAL_NOISE = 655_360  # pixels; a T4 draws as many latent elements as it has threads, 40,960
SEEDS = ("seed", "variation_seed")
NOTHING: tuple[object, ...] = (None, "", "None", "none", [], {}, False, "False")


class Ledger:
    """Pairs as a program wrote them, and the settings and facts that they become."""

    def __init__(self, program: str, pairs: Mapping[str, object]) -> None:
        self.program = program
        self._pairs = dict(pairs)
        self._settings: dict[str, Any] = {}
        self._facts: list[Fact] = []
        self._remarks: list[Note] = []
        self._model: str | None = None
        self._model_hash: str | None = None

    def peek(self, name: str) -> object:
        """What a pair says, None where it is missing; the pair stays to be taken."""
        return self._pairs.get(name)

    def names(self) -> tuple[str, ...]:
        """The pairs not yet taken."""
        return tuple(self._pairs)

    def take(self, name: str, setting: str, value: Any = None, reason: str | None = None) -> None:
        """The pair becomes a setting: `value`, or what the pair itself says. A pair that says nothing is none."""
        if self._pairs.get(name) is not None:
            self.set(name, self._pairs.pop(name), setting, value, reason)

    def set(self, name: str, raw: object, setting: str, value: Any = None, reason: str | None = None) -> None:
        """Something that is not a pair becomes a setting. A value that cannot be is said so."""
        read = READERS[SPECS[setting].kind](raw) if value is None else value
        try:
            check_value(setting, SPECS[setting], read)
        except InvalidSettingError:
            read = None
        if read is None or (setting in SEEDS and read < 0):  # a seed of -1 would be any
            self._note(name, raw, "impossible", setting, reason="note.import.value")
            return
        self._settings[setting] = read
        self._note(name, raw, "understood" if _same(raw, read) else "renamed", setting, shown(read), reason)

    def prompt(self, name: str, setting: str, rewritten: str | None = None) -> None:
        """A prompt; `rewritten` is the same prompt in this program's language."""
        self.take(name, setting, rewritten if isinstance(self.peek(name), str) else None)

    def take_size(self, name: str, size: tuple[int, int] | None) -> None:
        """A pair that says width and height at once."""
        raw = self._pairs.pop(name, None)
        if raw is not None:
            self.set_size(name, raw, size)

    def set_size(self, name: str, raw: object, size: tuple[int, int] | None) -> None:
        """A size that is not a pair."""
        try:
            sides = {} if size is None else {"width": size[0], "height": size[1]}
            for side, pixels in sides.items():
                check_value(side, SPECS[side], pixels)
        except InvalidSettingError:
            sides = {}
        self._settings |= sides
        if sides:
            self._note(name, raw, "understood", "width", f"{sides['width']}x{sides['height']}")
        else:
            self._note(name, raw, "impossible", "width", reason="note.import.value")

    def size_of_picture(self, size: Size) -> None:
        """The picture's own size, where its text says none that can be."""
        if "width" not in self._settings:
            self.set_size("size", str(size), (size.width, size.height))

    def steps(self) -> int | None:
        """The steps, when they were taken."""
        steps: int | None = self._settings.get("steps")
        return steps

    def take_sampler(
        self,
        name: str,
        schedule_name: str | None = None,
        reasons: Mapping[str, str] | None = None,
        usual_schedule: str | None = None,
    ) -> None:
        """The sampler, with its schedule where that is said apart.

        `reasons` are sentences about samplers of this program that are not drawn quite as theirs, by our label or by
        label and schedule; `usual_schedule` is the one that the program takes when neither name says one.
        """
        raw, schedule = self.peek(name), self.peek(schedule_name) if schedule_name else None
        if not isinstance(raw, str) or not raw.strip():
            self.take(name, "sampler")
            return
        found = recognise(raw, schedule if isinstance(schedule, str) else None, usual_schedule)
        known = reasons or {}
        nearly = known.get(found.sampler) or known.get(f"{found.sampler} {found.schedule}")
        self.take(name, "sampler", found.sampler, nearly if found.exact else "note.import.sampler")
        self._settings["schedule"] = found.schedule
        if schedule_name is not None and isinstance(schedule, str):
            self.take(schedule_name, "schedule", found.schedule, found.schedule_reason)
        elif found.schedule_reason is not None:
            self._note(name, raw, "renamed", "schedule", found.schedule, found.schedule_reason)

    def take_eta(self, name: str, usual: float) -> None:
        """The share of new noise, where the sampler has a choice; `usual` is what samplers without one do."""
        sampler = self._settings.get("sampler")
        if sampler is not None and find_sampler(sampler).has_eta:
            self.take(name, "eta")
        elif number(self.peek(name)) == usual:
            self.ignore(name)
        else:
            self.refuse(name, "note.import.sampler_option")

    def take_noise(self, name: str | None, noise: str, value: str = "") -> None:
        """Whose random numbers: from the pair, or from how the program works where it says nothing."""
        if name is not None and name in self._pairs:
            value = shown(self._pairs.pop(name))
        width, height = self._settings.get("width") or 0, self._settings.get("height") or 0
        large = noise == "nv" and "NV" not in value.upper() and width * height > LARGEST_EQUAL_NOISE
        self._settings["noise"] = noise
        self._note(
            name or "noise",
            value or noise.upper(),
            "renamed",
            "noise",
            noise,
            "note.import.noise_large" if large else None,
        )

    def take_model(self, name: str, model: str | None, hash_name: str | None = None) -> None:
        """The model's name, and the beginning of its file's digest where that is said apart."""
        self._model = model or self._model
        if name in self._pairs:
            self._note(name, self._pairs.pop(name), "understood", "model")
        if hash_name is not None and hash_name in self._pairs:
            raw = self._pairs.pop(hash_name)
            self._model_hash = text(raw)
            self._note(hash_name, raw, "understood", "model")

    def refuse(self, name: str, reason: str) -> None:
        """The pair, if it is there, decides pixels and cannot be had here; one that says nothing is ignored."""
        if name not in self._pairs:
            return
        raw = self._pairs.pop(name)
        if raw in NOTHING:
            self._note(name, raw, "ignored")
        else:
            self._note(name, raw, "impossible", reason=reason)

    def ignore(self, *names: str) -> None:
        """Pairs that decide no pixel."""
        for name in names:
            if name in self._pairs:
                self._note(name, self._pairs.pop(name), "ignored")

    def add(self, name: str, value: object, reason: str) -> None:
        """Something that is not a pair and cannot be had here."""
        self._note(name, value, "impossible", reason=reason)

    def default(self, setting: str, value: Any) -> None:
        """What the program does where its text says nothing."""
        self._settings.setdefault(setting, value)

    def remark(self, key: str, **facts: Any) -> None:
        """A sentence about the whole picture."""
        self._remarks.append(Note(key, facts))

    def finish(self) -> Imported:
        """The picture, read. What was not taken is unknown; a variation without a strength is none."""
        for name in self.names():
            raw = self._pairs.pop(name)
            self._note(name, raw, "ignored", reason=None if raw in NOTHING else "note.import.unknown")
        settings = dict(self._settings)
        if not settings.get("variation_strength"):
            settings.pop("variation_seed", None)
        if "seed" not in settings:
            self.remark("note.import.no_seed")
        return Imported(
            program=self.program,
            settings=settings,
            model=self._model,
            model_hash=self._model_hash,
            facts=tuple(self._facts),
            remarks=tuple(self._remarks),
        )

    def _note(
        self,
        name: str,
        raw: object,
        fate: Fate,
        setting: str | None = None,
        became: str | None = None,
        reason: str | None = None,
    ) -> None:
        fact = Fact(name=shown(name), value=shown(raw), fate=fate, setting=setting, became=became, reason=reason)
        self._facts.append(fact)


def _same(raw: object, read: object) -> bool:
    """Whether a value is the one that was written, whether as a number or as text."""
    return raw == read or shown(raw).strip() == shown(read) or (number(raw) is not None and number(raw) == read)
