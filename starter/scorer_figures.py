"""What the scorer is worth: retrieval of pictures by sentences and back, and likeness of subjects it has never seen."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from colabsd.engine.scorers import Scorer, Vectors

from .captions import LANGUAGES, describe, plain_prompt
from .concepts import Concept
from .data import Drawings
from .palette import COLOURS
from .recipe import EVERYTHING, STYLES
from .scenes import Scene, paint, random_scene

SIDE = 128
VIEWS = 4  # pictures of each drawing where likeness is measured
ASKED = 60  # things whose styles and backgrounds are told apart


def figures(
    scorer: Scorer, learnt: Sequence[Concept], held_out: Sequence[Concept], drawings: Drawings
) -> dict[str, float]:
    """Shares in [0, 1], by name. Every picture is painted anew: another place, size and background than in training."""
    rng = random.Random(11)
    scenes = [random_scene(rng, learnt, EVERYTHING.alone, concept=concept) for concept in learnt]
    pictures = scorer.pictures(_painted(scenes, drawings))
    found: dict[str, float] = {"things": float(len(learnt))}
    for language in LANGUAGES:
        names = scorer.sentences([concept.names(language)[0] for concept in learnt])
        found |= _ranks(names @ pictures.T, f"name to picture, {language}")
        found |= _ranks(pictures @ names.T, f"picture to name, {language}")
        captions = scorer.sentences([describe(scene, rng, language).text for scene in scenes])
        found |= _ranks(captions @ pictures.T, f"caption to picture, {language}")
        found |= _ranks(pictures @ captions.T, f"picture to caption, {language}")
    return found | _told_apart(scorer, learnt, drawings) | _likeness(scorer, learnt, held_out, drawings)


def _ranks(cosines: NDArray[np.float32], name: str) -> dict[str, float]:
    """Of (n, n) cosines, how often the right one is the first, and among the first five."""
    right = cosines.diagonal()[:, None]
    place = (cosines > right).sum(1)
    return {f"{name}: top-1": float((place < 1).mean()), f"{name}: top-5": float((place < 5).mean())}


def _told_apart(scorer: Scorer, learnt: Sequence[Concept], drawings: Drawings) -> dict[str, float]:
    """One thing in all styles on all backgrounds: how often a sentence of all three finds its picture among them."""
    rng = random.Random(12)
    style_right = ground_right = asked = 0
    for place, concept in enumerate(rng.sample(list(learnt), min(ASKED, len(learnt)))):
        language = LANGUAGES[place % len(LANGUAGES)]
        looks = [(style, colour) for style in STYLES for colour in COLOURS]
        scenes = [
            random_scene(rng, learnt, EVERYTHING.alone, concept=concept, style=style, colour=colour)
            for style, colour in looks
        ]
        prompts = [plain_prompt(concept.names(language)[0], style, colour, language) for style, colour in looks]
        cosines = scorer.sentences(prompts) @ scorer.pictures(_painted(scenes, drawings)).T
        for wanted, nearest in zip(looks, cosines.argmax(1), strict=True):
            style_right += wanted[0] == looks[nearest][0]
            ground_right += wanted[1] == looks[nearest][1]
            asked += 1
    return {"style of one thing": style_right / asked, "background of one thing": ground_right / asked}


def _likeness(
    scorer: Scorer, learnt: Sequence[Concept], held_out: Sequence[Concept], drawings: Drawings
) -> dict[str, float]:
    """Of pictures of things that no training saw: is the nearest other picture one of the same drawing?

    Among pictures of all held-out drawings, and of all learnt ones too. Alone, and beside another thing.
    """
    rng = random.Random(13)
    unseen = [(concept, style) for concept in held_out for style in STYLES]
    scenes = [_alone(rng, learnt, *one) for one in unseen for _ in range(VIEWS)]
    beside = [_beside(rng, learnt, *one) for one in unseen]
    others = [_alone(rng, learnt, concept, rng.choice(STYLES)) for concept in learnt]
    mine = scorer.subjects(_painted(scenes, drawings))
    crowd = np.concatenate([mine, scorer.subjects(_painted(others, drawings))])
    group = np.arange(len(scenes)) // VIEWS
    cosines = mine @ crowd.T
    np.fill_diagonal(cosines, -2)
    nearest = cosines.argmax(1)
    same = group[:, None] == group[None]
    inside = cosines[:, : len(scenes)]
    companions = scorer.subjects(_painted(beside, drawings)) @ crowd.T
    return {
        "unseen subject: nearest of all is the same drawing": _share(nearest, group),
        "unseen subject beside another thing: nearest is the same drawing": _share(companions.argmax(1), group, 1),
        "unseen subject: mean cosine with itself": float(inside[same & (inside > -2)].mean()),
        "unseen subject: mean cosine with other unseen ones": float(inside[~same].mean()),
        "unseen subject: area under the curve": _area(inside[same & (inside > -2)], inside[~same]),
    }


def _share(nearest: NDArray[np.int64], group: NDArray[np.int64], views: int = VIEWS) -> float:
    own = np.arange(len(nearest)) // views
    return float(
        np.mean([place < len(group) and group[place] == mine for place, mine in zip(nearest, own, strict=True)])
    )


def _area(high: Vectors, low: Vectors) -> float:
    """The chance that one of the first is greater than one of the second."""
    ordered = np.sort(low, axis=None)
    return float(np.searchsorted(ordered, high.ravel()).mean() / len(ordered))


def _alone(rng: random.Random, learnt: Sequence[Concept], concept: Concept, style: str) -> Scene:
    return random_scene(rng, learnt, EVERYTHING.alone, concept=concept, style=style)


def _beside(rng: random.Random, learnt: Sequence[Concept], concept: Concept, style: str) -> Scene:
    from dataclasses import replace

    return random_scene(rng, learnt, replace(EVERYTHING.alone, two_things=1.0), concept=concept, style=style)


def _painted(scenes: Sequence[Scene], drawings: Drawings) -> list[Image.Image]:
    return [Image.fromarray(paint(scene, drawings, SIDE)) for scene in scenes]
