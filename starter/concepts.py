"""The table of things: which there are, what they are called in English and Spanish, who has drawn them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .recipe import STYLES

HERE = Path(__file__).parent
TABLE = HERE / "concepts.csv"
HELD_OUT = HERE / "held_out.txt"
SOURCES = dict(zip(STYLES, ("fluent_3d", "fluent_flat", "noto"), strict=True))


@dataclass(frozen=True)
class Concept:
    """One thing. `tier` is first | full (learnt by which recipe), held_out (by none), never (another view of a thing).

    `es_gender` holds m or f for each Spanish name, `drawings` the name of its drawing in each style's package.
    """

    id: str
    tier: str
    group: str
    code: str
    en: tuple[str, ...]
    es: tuple[str, ...]
    es_gender: tuple[str, ...]
    drawings: dict[str, str]

    def names(self, language: str) -> tuple[str, ...]:
        """Its names in "en" or "es", the usual one first."""
        return self.en if language == "en" else self.es


def read_concepts(path: Path = TABLE) -> list[Concept]:
    """All rows of the table, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_concept(row) for row in csv.DictReader(file)]


def _concept(row: dict[str, str]) -> Concept:
    def names(column: str) -> tuple[str, ...]:
        return tuple(row[column].split("|"))

    drawings = {style: row[column] for style, column in SOURCES.items()}
    return Concept(
        row["id"], row["tier"], row["group"], row["code"], names("en"), names("es"), names("es_gender"), drawings
    )


def read_held_out(path: Path = HELD_OUT) -> list[str]:
    """The ids of the things that no training may see."""
    return path.read_text(encoding="utf-8").split()


def learnt(concepts: Iterable[Concept], tiers: Sequence[str]) -> list[Concept]:
    """What a recipe with these tiers learns; never a held-out thing."""
    held_out = set(read_held_out())
    return [concept for concept in concepts if concept.tier in tiers and concept.id not in held_out]


def drawable(concepts: Iterable[Concept]) -> list[Concept]:
    """What the autoencoder may see: everything but the held-out things."""
    held_out = set(read_held_out())
    return [concept for concept in concepts if concept.tier != "held_out" and concept.id not in held_out]
