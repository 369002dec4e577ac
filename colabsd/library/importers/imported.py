"""What another program's picture says, and what became of each thing that it says. Knows no program by name."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings

Fate = Literal["understood", "renamed", "ignored", "impossible"]
LONGEST_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that a picture says.

    `name` and `value` are as the program wrote them, the value perhaps cut. It is understood as the setting `setting`,
    or it is renamed (`became` is the setting's own value), or ignored because it decides no pixel, or it cannot be had
    here. `reason` is the key of a sentence that says why not, or how nearly; facts with one reason share its sentence.
    """

    name: str
    value: str
    fate: Fate
    setting: str | None = None
    became: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.value}" + (f" → {self.became}" if self.fate == "renamed" else "")

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "fate": self.fate,
            "setting": self.setting,
            "became": self.became,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class NamedFile:
    """A LoRA, textual inversion or autoencoder that took part, by its name there; `digest` is how its digest begins
    ("" is not told), in small letters."""

    kind: Literal["lora", "embedding", "vae"]
    name: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A picture's settings as far as they could be read, without its model.

    `settings` are values of ImageSettings by field, each within its limits. `model` is the model's name as the program
    had it, `model_hash` the beginning of a sha256 (or A1111's older 8 digits). `files` are what else took part, to be
    looked for here. `remarks` are about the whole picture.
    """

    program: str
    settings: Mapping[str, Any]
    model: str | None = None
    model_hash: str | None = None
    facts: tuple[Fact, ...] = ()
    files: tuple[NamedFile, ...] = ()
    remarks: tuple[Note, ...] = ()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What cannot be equal and why: a sentence per reason, which names all facts that it is about."""
        reasons: dict[str, list[Fact]] = {}
        for fact in self.facts:
            if fact.reason is not None:
                reasons.setdefault(fact.reason, []).append(fact)
        told = tuple(Note(key, {"what": "; ".join(map(str, facts))}) for key, facts in reasons.items())
        return told + self.remarks

    def image_settings(self, model: str | None) -> ImageSettings:
        """The settings with a model that is known here."""
        return ImageSettings(**self.settings, model=model)

    def as_json(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "settings": dict(self.settings),
            "model": self.model,
            "model_hash": self.model_hash,
            "facts": [fact.as_json() for fact in self.facts],
        }


def shown(value: object) -> str:
    """A value as text for people, cut to a bearable length; nested values are written short."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else reprlib.repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
