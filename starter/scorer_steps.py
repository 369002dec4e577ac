"""The steps of the command that make the scorer, from the drawings and the tokenizer of a recipe."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from colabsd.engine.scorers import DrawnWorldScorer

from . import scorer, scorer_export, scorer_figures, tokenizer
from .steps import ROOT, SHEETS, Workshop, every_thing, set_up_torch

log = logging.getLogger(__name__)

EXPORTED = ROOT / "colabsd" / "models" / "scorer_files"
VERSION = "1"


def folder_of(workshop: Workshop) -> Path:
    """Where the finished scorer goes."""
    given: Path | None = workshop.options.model
    return given or (workshop.folder / "scorer_files" if workshop.options.smoke else EXPORTED)


def train_scorer(workshop: Workshop) -> None:
    """The scorer, of all things that any recipe learns, with the tokenizer of this one's words."""
    set_up_torch(workshop.options.threads)
    training = scorer.Training(
        workshop.recipe.scorer,
        every_thing(workshop),
        workshop.drawings,
        tokenizer.Sentences(workshop.words_folder / "tokenizer"),
    )
    log.info("%.2f million weights", sum(weight.numel() for weight in training.model.parameters()) / 1e6)
    scorer.train(training, workshop.folder / "scorer", workshop.options.minutes, workshop.options.every)
    folder = folder_of(workshop)
    vocabulary = workshop.words_folder / "tokenizer"
    size = scorer_export.export(training.model, vocabulary, len(training.concepts), folder, VERSION)
    log.info("%s: %.1f MB", folder, size / 1e6)
    measure_scorer(workshop)


def measure_scorer(workshop: Workshop) -> None:
    """All figures of the exported scorer."""
    hidden = [concept for concept in workshop.concepts if concept.tier == "held_out"]
    found = scorer_figures.figures(
        DrawnWorldScorer(folder_of(workshop)), every_thing(workshop), hidden, workshop.drawings
    )
    for name, value in found.items():
        log.info("%s: %.3f", name, value)
    if not workshop.options.smoke:
        (SHEETS / "scorer-figures.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


STEPS = {"scorer": train_scorer, "scorer-figures": measure_scorer}
