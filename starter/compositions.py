"""Two things, counts, and pictures made from pictures: what is asked, and how it is measured on what comes out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .captions import LANGUAGES, plain_prompt, pluralised
from .concepts import Concept
from .data import Drawings, Pixels
from .palette import COLOURS
from .recipe import STYLES, Recipe
from .retrieval import Retrieval
from .scenes import Background, Scene, Thing, paint, pair_of_spots, random_scene, row_of_spots
from .vocabulary import COUNTS, VOCABULARIES

COUNTED = (1, 2, 3)


@dataclass(frozen=True)
class Pair:
    """Two things side by side, the first on the left."""

    text: str
    things: tuple[str, str]
    style: str
    background: str


@dataclass(frozen=True)
class Several:
    """One thing, once to three times."""

    text: str
    thing: str
    count: int
    style: str
    background: str


@dataclass(frozen=True)
class Change:
    """A picture of a thing on one colour, and the sentence that asks for another colour."""

    text: str
    thing: str
    style: str
    before: str
    after: str


def pairs(concepts: Sequence[Concept], count: int = 50, seed: int = 2) -> list[Pair]:
    """Prompts for two things, every second one Spanish."""
    rng = random.Random(seed)
    found = []
    for place in range(count):
        language = LANGUAGES[place % 2]
        first, second = rng.sample(list(concepts), 2)
        style, colour = rng.choice(STYLES), rng.choice(list(COLOURS))
        both = f"{first.names(language)[0]} {VOCABULARIES[language].also} {second.names(language)[0]}"
        found.append(Pair(plain_prompt(both, style, colour, language), (first.id, second.id), style, colour))
    return found


def several(concepts: Sequence[Concept], count: int = 60, seed: int = 3) -> list[Several]:
    """Prompts for one, two and three of a thing in turn."""
    rng = random.Random(seed)
    found = []
    for place, concept in enumerate(rng.sample(list(concepts), count)):
        language, number = LANGUAGES[place % 2], COUNTED[place % 3]
        style, colour = rng.choice(STYLES), rng.choice(list(COLOURS))
        name = concept.names(language)[0]
        noun = name if number == 1 else f"{COUNTS[language][number]} {pluralised(name, language)}"
        found.append(Several(plain_prompt(noun, style, colour, language), concept.id, number, style, colour))
    return found


def changes(concepts: Sequence[Concept], count: int = 20, seed: int = 4) -> list[Change]:
    """Pictures to start from, each with a sentence that names the same thing and another background."""
    rng = random.Random(seed)
    found = []
    for place, concept in enumerate(rng.sample(list(concepts), count)):
        language, style = LANGUAGES[place % 2], rng.choice(STYLES)
        before, after = rng.sample(list(COLOURS), 2)
        text = plain_prompt(concept.names(language)[0], style, after, language)
        found.append(Change(text, concept.id, style, before, after))
    return found


def pair_figures(asked: Sequence[Pair], pictures: Pixels, retrieval: Retrieval) -> dict[str, float]:
    """Shares in [0, 1]: `both` found, each in a half of the picture, and `in_order`, the first on the left."""
    both, in_order = [], []
    for pair, picture in zip(asked, pictures, strict=True):
        background = retrieval.background(picture)
        found = tuple(retrieval.things(half, background)[0] for half in np.array_split(picture, 2, axis=1))
        both.append(set(found) == set(pair.things))
        in_order.append(found == pair.things)
    return {"both": round(float(np.mean(both)), 4), "in_order": round(float(np.mean(in_order)), 4)}


def counted(picture: Pixels, thing: str, retrieval: Retrieval) -> int:
    """How many of a thing stand side by side: the number of equal columns of which each looks most like the thing."""
    background = retrieval.background(picture)

    def unlikeness(number: int) -> float:
        columns = np.array_split(picture, number, axis=1)
        return float(np.mean([retrieval.distance(column, thing, background) for column in columns]))

    return min(COUNTED, key=unlikeness)


def count_figures(asked: Sequence[Several], pictures: Pixels, retrieval: Retrieval) -> dict[str, float]:
    """Shares in [0, 1] of right counts, over all and for each count."""
    right = [counted(picture, one.thing, retrieval) == one.count for one, picture in zip(asked, pictures, strict=True)]
    result = {"right": round(float(np.mean(right)), 4)}
    for number in COUNTED:
        mine = [place for place, one in enumerate(asked) if one.count == number]
        result[f"right_{number}"] = round(float(np.mean([right[place] for place in mine])), 4)
    return result


def change_figures(asked: Sequence[Change], pictures: Pixels, retrieval: Retrieval) -> dict[str, float]:
    """Shares in [0, 1]: the thing is still there, the background is the new one."""
    kept = [retrieval.things(picture)[0] == one.thing for one, picture in zip(asked, pictures, strict=True)]
    changed = [retrieval.background(picture) == one.after for one, picture in zip(asked, pictures, strict=True)]
    return {"thing_kept": round(float(np.mean(kept)), 4), "background_changed": round(float(np.mean(changed)), 4)}


def real_pairs(asked: Sequence[Pair], drawings: Drawings, recipe: Recipe, seed: int = 5) -> Pixels:
    """What a perfect model would have drawn."""
    rng, by_id = random.Random(seed), {concept.id: concept for concept in drawings.concepts}
    pictures = []
    for pair in asked:
        things = (Thing(by_id[name], (spot,)) for name, spot in zip(pair.things, pair_of_spots(rng), strict=True))
        pictures.append(paint(Scene(pair.style, plain(pair.background), tuple(things)), drawings, recipe.size))
    return np.stack(pictures)


def real_several(asked: Sequence[Several], drawings: Drawings, recipe: Recipe, seed: int = 6) -> Pixels:
    """What a perfect model would have drawn."""
    rng, by_id = random.Random(seed), {concept.id: concept for concept in drawings.concepts}
    return np.stack(
        [
            paint(
                Scene(one.style, plain(one.background), (Thing(by_id[one.thing], row_of_spots(rng, one.count)),)),
                drawings,
                recipe.size,
            )
            for one in asked
        ]
    )


def real_before(asked: Sequence[Change], drawings: Drawings, recipe: Recipe, seed: int = 7) -> Pixels:
    """The pictures that are changed."""
    rng, by_id = random.Random(seed), {concept.id: concept for concept in drawings.concepts}
    scenes = [
        random_scene(
            rng, [by_id[one.thing]], recipe.scenes.alone, concept=by_id[one.thing], style=one.style, colour=one.before
        )
        for one in asked
    ]
    return np.stack([paint(scene, drawings, recipe.size) for scene in scenes])


def plain(colour: str) -> Background:
    """One colour."""
    return Background("plain", (colour,))


def changed_pictures(
    pipeline: Any, asked: Sequence[Change], before: Pixels, guidance: float, steps: int, strength: float = 0.5
) -> Pixels:
    """Image to image by diffusers' own pipeline with the same parts; twice the steps, as half of them are taken."""
    import torch
    from diffusers import StableDiffusionImg2ImgPipeline

    parts = dict(pipeline.components)
    redraw: Any = StableDiffusionImg2ImgPipeline(**parts, requires_safety_checker=False)
    redraw.set_progress_bar_config(disable=True)
    chance = [torch.Generator().manual_seed(place) for place in range(len(asked))]
    result = redraw(
        [one.text for one in asked],
        image=[Image.fromarray(picture) for picture in before],
        strength=strength,
        guidance_scale=guidance,
        num_inference_steps=round(steps / strength),
        generator=chance,
        output_type="np",
    )
    pixels: Pixels = (result.images * 255).round().astype(np.uint8)
    return pixels


def composed_figures(
    pipeline: Any,
    draw: Any,
    drawings: Drawings,
    known: Sequence[Concept],
    retrieval: Retrieval,
    recipe: Recipe,
    guidance: float,
    sheets: Path,
) -> dict[str, Any]:
    """All of it, each beside its ceiling on real drawings through the autoencoder; sheets of each."""
    from .autoencoder import reconstruct
    from .drawing import save_sheet

    two, many, other = pairs(known), several(known), changes(known)
    two_pictures = draw([one.text for one in two], 2)
    many_pictures = draw([one.text for one in many], 3)
    before = real_before(other, drawings, recipe)
    after = changed_pictures(pipeline, other, before, guidance, recipe.steps)
    turns = np.stack([picture for both in zip(before, after, strict=True) for picture in both])
    for name, shown in (("pairs", two_pictures[:48]), ("counts", many_pictures[:48]), ("changed", turns)):
        save_sheet(shown, sheets / f"{recipe.name}-{name}.jpg", quality=85)
    real_two = reconstruct(pipeline.vae, real_pairs(two, drawings, recipe))
    real_many = reconstruct(pipeline.vae, real_several(many, drawings, recipe))
    return {
        "pairs": pair_figures(two, two_pictures, retrieval),
        "pairs_ceiling": pair_figures(two, real_two, retrieval),
        "counts": count_figures(many, many_pictures, retrieval),
        "counts_ceiling": count_figures(many, real_many, retrieval),
        "changed": change_figures(other, after, retrieval),
    }
