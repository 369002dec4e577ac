"""The embedded model: where its files are, whether they are whole, its card, and the words it knows."""

import dataclasses
import difflib
import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.language import Language
from colabsd.models.cards import ModelCard
from colabsd.models.digests import digest_file, digest_of_model
from colabsd.models.folders import model_files, read_card

NAME = "starter"
WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
SUGGESTIONS = 3
DEFAULTS = ("default_sampler", "default_schedule", "default_steps", "default_guidance")
FACTS = {"files", "concepts", "styles", "backgrounds", *DEFAULTS}


def starter_folder() -> Path:
    """The folder of the embedded model's files. Raises: MissingWeightsError when they were not installed."""
    folder = Path(str(files("colabsd.models").joinpath("starter_files")))
    if not (folder / "card.json").is_file():
        raise MissingWeightsError("error.weights.starter_missing", path=folder)
    return folder


class Starter:
    """What the embedded model says of itself, read from its `card.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.facts: Mapping[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise MissingWeightsError("error.weights.starter_missing", path=folder) from None
        except ValueError as error:
            raise DamagedWeightsError("error.weights.starter_damaged", path=folder / "card.json") from error
        if not isinstance(self.facts, dict) or not set(self.facts) >= FACTS:
            raise DamagedWeightsError("error.weights.starter_damaged", path=folder / "card.json")

    def card(self) -> ModelCard:
        """The model's card. Raises: MissingWeightsError, DamagedWeightsError."""
        digests = {name: self.facts["files"][name] for name in model_files(self.folder)}
        return dataclasses.replace(
            read_card(self.folder, NAME),
            **{name: self.facts[name] for name in DEFAULTS},
            license="Apache-2.0; learnt from drawings under MIT and Apache-2.0, see NOTICE",
            sha256=digest_of_model(digests),
            files=digests,
        )

    def check(self) -> None:
        """Read every file and compare it with its digest. Raises: MissingWeightsError, DamagedWeightsError."""
        for name, expected in self.facts["files"].items():
            if not (self.folder / name).is_file():
                raise MissingWeightsError("error.weights.starter_missing", path=self.folder / name)
            if digest_file(self.folder / name) != expected:
                raise DamagedWeightsError("error.weights.starter_damaged", path=self.folder / name)

    @cached_property
    def names(self) -> Mapping[Language, tuple[str, ...]]:
        """The names of all things it draws, by language, folded."""
        return {
            language: tuple(fold(name) for concept in self.facts["concepts"] for name in concept[language])
            for language in ("en", "es")
        }

    def knows(self, prompt: str) -> bool:
        """Whether the prompt names a thing that it can draw, in either language."""
        words = f" {' '.join(stem(word) for word in WORD.findall(fold(prompt)))} "
        return any(
            f" {' '.join(stem(word) for word in WORD.findall(name))} " in words
            for names in self.names.values()
            for name in names
        )

    def suggest(self, prompt: str, language: Language) -> tuple[str, ...]:
        """Three things that it can draw, spelt most like the words of the prompt."""
        words = [word for word in WORD.findall(fold(prompt)) if len(word) > 2]
        first_names = {fold(concept[language][0]): concept[language][0] for concept in self.facts["concepts"]}
        near = [name for word in words for name in difflib.get_close_matches(word, first_names, SUGGESTIONS, 0.5)]
        chosen = list(dict.fromkeys([*near, *first_names]))[:SUGGESTIONS]
        return tuple(first_names[name] for name in chosen)


def fold(text: str) -> str:
    """Lower case without accents: 'Búho' and 'buho' are one word."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def stem(word: str) -> str:
    """What a word and its plural share in English and Spanish (apple-s, flor-es, luz/luces, cherry/cherries)."""
    short = word.removesuffix("s").removesuffix("e") if len(word) > 3 else word
    return short[:-1] + {"z": "c", "y": "i"}.get(short[-1:], short[-1:])
