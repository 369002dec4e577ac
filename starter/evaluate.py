"""What the exported model can do, in figures and sheets, each beside its ceiling and chance.

`Retrieval` (which drawing is a picture nearest to?) needs numpy and PIL only; torch is imported to draw.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .captions import LANGUAGES, plain_prompt, without_accents
from .compositions import composed_figures
from .concepts import Concept
from .data import Drawings, Pixels
from .palette import COLOURS
from .recipe import STYLES, Recipe
from .retrieval import Retrieval, reference_tile
from .scenes import paint, random_scene

__all__ = ["Prompt", "Retrieval", "figures", "prompts", "references", "rough_prompts"]

log = logging.getLogger(__name__)

Draw = Callable[[Sequence[str], int], Pixels]  # prompts, seed -> (n, size, size, 3)


@dataclass(frozen=True)
class Prompt:
    """A sentence and what it asks for."""

    text: str
    language: str
    concept: str
    style: str
    background: str


def references(drawings: Drawings) -> Retrieval:
    """All things that are worth telling apart, in every style: the learnt ones, the others, the held-out ones."""
    kept = [concept for concept in drawings.concepts if concept.tier != "never"]
    chosen = drawings.only(kept).pixels
    tiles = [reference_tile(Image.fromarray(chosen[row, column])) for row, column in np.ndindex(*chosen.shape[:2])]
    pairs = [(concept.id, style) for concept in kept for style in STYLES]
    return Retrieval(
        np.stack(tiles),
        [concept for concept, _ in pairs],
        [style for _, style in pairs],
        {name: colour.rgb for name, colour in COLOURS.items()},
        {concept.id: {language: list(concept.names(language)) for language in LANGUAGES} for concept in kept},
    )


def prompts(concepts: Sequence[Concept], count: int = 300, seed: int = 0) -> list[Prompt]:
    """Plain prompts over the whole table: every second one Spanish, styles and colours mixed."""
    rng = random.Random(seed)
    rows: list[Concept] = []
    while len(rows) < count:
        rows += rng.sample(list(concepts), len(concepts))
    return [_plain(rng, row, LANGUAGES[place % 2]) for place, row in enumerate(rows[:count])]


def _plain(rng: random.Random, concept: Concept, language: str) -> Prompt:
    style, colour = rng.choice(STYLES), rng.choice(list(COLOURS))
    text = plain_prompt(concept.names(language)[0], style, colour, language)
    return Prompt(text, language, concept.id, style, colour)


def rough_prompts(concepts: Sequence[Concept], count: int = 50, seed: int = 1) -> list[Prompt]:
    """The same kind of prompts as people write them: another name, articles, capitals, no accents, praise around."""
    rng = random.Random(seed)
    chosen = rng.sample(list(concepts), count)
    return [_rough(rng, concept, LANGUAGES[place % 2]) for place, concept in enumerate(chosen)]


def _rough(rng: random.Random, concept: Concept, language: str) -> Prompt:
    plain = _plain(rng, concept, language)
    place = rng.randrange(len(concept.names(language)))
    name = concept.names(language)[place]
    if language == "en":
        thing = rng.choice((f"a {name}", f"the {name}", f"a beautiful highly detailed {name}", f"A photo of a {name}"))
        praise = rng.choice(("", ", masterpiece", ", best quality, 4k", ", on the table", ", trending on artstation"))
    else:
        feminine = concept.es_gender[place] == "f"
        article = "una" if feminine else "un"
        thing = rng.choice((f"{article} {name}", f"Una foto de {article} {name}", f"{article} {name} muy bonito", name))
        praise = rng.choice(("", ", obra maestra", ", muy detallado, 4k", ", en la mesa", ", mejor calidad"))
    text = plain.text.replace(concept.names(language)[0], thing, 1) + praise
    text = rng.choice((text, text.upper(), text.title(), without_accents(text), text.replace(",", "")))
    return Prompt(text, language, concept.id, plain.style, plain.background)


def figures(asked: Sequence[Prompt], pictures: Pixels, retrieval: Retrieval) -> dict[str, float]:
    """Shares in [0, 1]: top-1 and top-5 of the concept (also by language and style), style and background right."""
    ranks, style_right, background_right = [], [], []
    for prompt, picture in zip(asked, pictures, strict=True):
        ranked = retrieval.rank(picture)
        things = list(dict.fromkeys(thing for thing, _ in ranked))
        ranks.append(things.index(prompt.concept))
        style_right.append(ranked[0][1] == prompt.style)
        background_right.append(retrieval.background(picture) == prompt.background)
    found = np.asarray(ranks)
    result = {
        "top1": np.mean(found == 0),
        "top5": np.mean(found < 5),
        "style": np.mean(style_right),
        "background": np.mean(background_right),
    }
    for language in LANGUAGES:
        mine = [place for place, prompt in enumerate(asked) if prompt.language == language]
        result[f"top1_{language}"], result[f"top5_{language}"] = np.mean(found[mine] == 0), np.mean(found[mine] < 5)
    for style in STYLES:
        mine = [place for place, prompt in enumerate(asked) if prompt.style == style]
        result[f"top1_{style}"] = np.mean(found[mine] == 0)
    return {name: round(float(value), 4) for name, value in result.items()}


def missed(asked: Sequence[Prompt], pictures: Pixels, retrieval: Retrieval) -> list[tuple[str, str]]:
    """(prompt, what came out instead) where the nearest drawing is another thing's."""
    nearest = [retrieval.things(picture)[0] for picture in pictures]
    return [(prompt.text, thing) for prompt, thing in zip(asked, nearest, strict=True) if thing != prompt.concept]


def real_scenes(asked: Sequence[Prompt], drawings: Drawings, recipe: Recipe, seed: int = 3) -> Pixels:
    """What a perfect model would have drawn: the scenes themselves."""
    rng = random.Random(seed)
    by_id = {concept.id: concept for concept in drawings.concepts}

    def scene(prompt: Prompt) -> Pixels:
        known = {"concept": by_id[prompt.concept], "style": prompt.style, "colour": prompt.background}
        return paint(random_scene(rng, drawings.concepts, recipe.scenes.alone, **known), drawings, recipe.size)  # type: ignore[arg-type]

    return np.stack([scene(prompt) for prompt in asked])


def pipeline_of(folder: Path) -> Any:
    """The exported model in diffusers' own, unchanged pipeline, in float32."""
    import torch
    from diffusers import StableDiffusionPipeline

    load: Any = StableDiffusionPipeline.from_pretrained
    pipeline = load(folder, safety_checker=None).to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawer(pipeline: Any, guidance: float, steps: int, batch: int = 10) -> Draw:
    """A function that draws prompts with it, the same for the same seed."""
    import torch

    def draw(texts: Sequence[str], seed: int) -> Pixels:
        pictures = []
        for start in range(0, len(texts), batch):
            part = list(texts[start : start + batch])
            chance = [torch.Generator().manual_seed(seed * 100_000 + start + place) for place in range(len(part))]
            result = pipeline(
                part, guidance_scale=guidance, num_inference_steps=steps, generator=chance, output_type="np"
            )
            pictures.append((result.images * 255).round().astype(np.uint8))
        return np.concatenate(pictures)

    return draw


def autoencoder_figures(model: Any, drawings: Drawings, recipe: Recipe, each: int = 48) -> dict[str, float]:
    """PSNR in dB on scenes of held-out things, by style and over all."""
    from .autoencoder import psnr_db, reconstruct

    rng = random.Random(4)
    hidden = [concept for concept in drawings.concepts if concept.tier == "held_out"]
    result, originals, copies = {}, [], []
    for style in STYLES:
        turns = [hidden[place % len(hidden)] for place in range(each)]
        scenes = [random_scene(rng, hidden, recipe.scenes, concept=concept, style=style) for concept in turns]
        pictures = np.stack([paint(scene, drawings, recipe.size) for scene in scenes])
        copy = reconstruct(model, pictures)
        result[style] = round(psnr_db(pictures, copy), 2)
        originals.append(pictures)
        copies.append(copy)
    return {**result, "all": round(psnr_db(np.concatenate(originals), np.concatenate(copies)), 2)}


def nearest_pairs(asked: Sequence[Prompt], pictures: Pixels, retrieval: Retrieval, drawings: Drawings) -> Pixels:
    """Rows of (picture, nearest drawing on the same background): what has been learnt by heart."""
    by_id = {concept.id: row for row, concept in enumerate(drawings.concepts)}
    rows = []
    for _, picture in zip(asked, pictures, strict=False):
        thing, style = retrieval.rank(picture)[0]
        drawing = Image.fromarray(np.ascontiguousarray(drawings.pixels[by_id[thing], STYLES.index(style)]))
        side = picture.shape[0]
        beside = Image.new("RGB", (side, side), COLOURS[retrieval.background(picture)].rgb)
        small = drawing.resize((int(side * 0.82),) * 2)
        beside.paste(small, ((side - small.width) // 2,) * 2, small)
        rows += [picture, np.asarray(beside)]
    return np.stack(rows)


def evaluate(
    folder: Path, drawings: Drawings, recipe: Recipe, guidance: float, sheets: Path, count: int = 300
) -> dict[str, Any]:
    """All figures of the exported model in `folder`; sheets and figures.json into `sheets`."""
    from .autoencoder import reconstruct
    from .concepts import learnt
    from .drawing import save_sheet

    known = learnt(drawings.concepts, recipe.tiers)
    retrieval, pipeline = references(drawings), pipeline_of(folder)
    draw = drawer(pipeline, guidance, recipe.steps)
    asked, rough = prompts(known, count), rough_prompts(known)
    began = time.monotonic()
    pictures = draw([prompt.text for prompt in asked], 0)
    seconds = (time.monotonic() - began) / len(asked)
    rough_pictures = draw([prompt.text for prompt in rough], 1)
    real = real_scenes(asked, drawings, recipe)
    sheets.mkdir(parents=True, exist_ok=True)
    result = {
        "recipe": recipe.name,
        "guidance": guidance,
        "steps": recipe.steps,
        "prompts": len(asked),
        "plain": figures(asked, pictures, retrieval),
        "ceiling_through_autoencoder": figures(asked, reconstruct(pipeline.vae, real), retrieval),
        "ceiling_real_drawings": figures(asked, real, retrieval),
        "chance": {"top1": 1 / len(set(retrieval.ids)), "style": 1 / len(STYLES), "background": 1 / len(COLOURS)},
        "rough": figures(rough, rough_pictures, retrieval),
        **composed_figures(pipeline, draw, drawings, known, retrieval, recipe, guidance, sheets),
        "autoencoder_psnr_db": autoencoder_figures(pipeline.vae, drawings, recipe),
        "seconds_a_picture": round(seconds, 3),
        "missed": missed(asked, pictures, retrieval),
        "missed_rough": missed(rough, rough_pictures, retrieval),
        "first_prompts": [asdict(prompt) for prompt in asked[:64]],
    }
    by_heart = nearest_pairs(asked[:20], pictures, retrieval, drawings)
    for name, shown in (("plain", pictures[:64]), ("rough", rough_pictures[:48]), ("by-heart", by_heart)):
        save_sheet(shown, sheets / f"{recipe.name}-{name}.jpg", quality=85)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (sheets / f"{recipe.name}-figures.json").write_text(text, encoding="utf-8")
    return result
