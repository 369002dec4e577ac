"""The trained parts as a folder that an unchanged StableDiffusionPipeline loads, with its card and card.json."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from .autoencoder import Autoencoder
from .captions import LANGUAGES
from .concepts import Concept
from .drawing import scheduler
from .networks import Unet
from .palette import COLOURS, STYLE_NAMES, STYLE_OPENERS, STYLE_PHRASES
from .recipe import STYLES, Recipe
from .vocabulary import VOCABULARIES

DEFAULT_SAMPLER = "DPM++ 2M"
DEFAULT_SCHEDULE = "SGM Uniform"  # the name that colabsd gives to trailing spacing
MOST_BYTES = 45 * 1000 * 1000
ARTICLES = {
    "en": ("a", "an", "the", "some", "of", "and", "two", "three"),
    "es": ("un", "una", "unos", "unas", "el", "la", "los", "las", "de", "del", "y", "dos", "tres"),
}


@dataclass(frozen=True)
class Parts:
    """The trained models (averaged weights), the tokenizer's folder and the latents' scaling factor."""

    text_encoder: CLIPTextModel
    unet: Unet
    vae: Autoencoder
    tokenizer: Path
    scale: float


def export(
    parts: Parts, recipe: Recipe, concepts: Sequence[Concept], guidance: float, folder: Path, version: str
) -> int:
    """Write the whole model into `folder`, in place of what was there; its size in bytes.

    Raises: ValueError when it has grown beyond MOST_BYTES.
    """
    scratch = folder.with_name(folder.name + ".scratch")
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    _save_models(parts, scratch)
    shutil.copytree(parts.tokenizer, scratch / "tokenizer")
    _save_index(scratch)
    (scratch / "README.md").write_text(model_card(recipe, concepts, guidance), encoding="utf-8")
    card = card_of(recipe, concepts, guidance, version)
    card["files"] = checksums(scratch)
    (scratch / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1), encoding="utf-8")
    size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise ValueError(f"the model is {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f} MB")
    if folder.exists():
        shutil.rmtree(folder)
    scratch.replace(folder)
    return size


def _save_models(parts: Parts, folder: Path) -> None:
    half = torch.bfloat16
    parts.vae.register_to_config(scaling_factor=parts.scale, force_upcast=False)
    for name, model in (("text_encoder", parts.text_encoder), ("unet", parts.unet), ("vae", parts.vae)):
        saved: Any = model
        saved.save_pretrained(folder / name)
        path = next((folder / name).glob("*.safetensors"))
        tensors = {key: value.to(half).contiguous() for key, value in load_file(path).items()}
        if name == "text_encoder":
            tensors = with_prefix(tensors)
            _simplify_text_config(folder / name / "config.json")
        save_file(tensors, path, metadata={"format": "pt"})
        path.chmod(0o644)
        _forget_path(folder / name / "config.json")
    scheduler().save_pretrained(folder / "scheduler")


def with_prefix(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys as every transformers and every converter know them: `text_model.` in front (flattened since 5.6)."""
    prefix = "text_model."
    return {key if key.startswith(prefix) else prefix + key: value for key, value in tensors.items()}


def _simplify_text_config(path: Path) -> None:
    configuration = json.loads(path.read_text(encoding="utf-8"))
    configuration["architectures"] = ["CLIPTextModel"]
    configuration["dtype"] = "bfloat16"
    for key in ("transformers_version", "torch_dtype"):
        configuration.pop(key, None)
    path.write_text(json.dumps(configuration, indent=2, sort_keys=True), encoding="utf-8")


def _forget_path(path: Path) -> None:
    configuration = json.loads(path.read_text(encoding="utf-8"))
    configuration.pop("_name_or_path", None)
    path.write_text(json.dumps(configuration, indent=2, sort_keys=True), encoding="utf-8")


def _save_index(folder: Path) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.37.0",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def card_of(recipe: Recipe, concepts: Sequence[Concept], guidance: float, version: str) -> dict[str, Any]:
    """What the model knows, for a program: all but the files' checksums."""
    return {
        "version": version,
        "size": recipe.size,
        "default_guidance": guidance,
        "default_steps": recipe.steps,
        "default_sampler": DEFAULT_SAMPLER,
        "default_schedule": DEFAULT_SCHEDULE,
        "styles": {style: {language: list(STYLE_NAMES[style][language]) for language in LANGUAGES} for style in STYLES},
        "backgrounds": {
            name: {"rgb": list(colour.rgb), "en": list(colour.en), "es": list(colour.es)}
            for name, colour in COLOURS.items()
        },
        "concepts": [
            {"id": concept.id, "group": concept.group, "en": list(concept.en), "es": list(concept.es)}
            for concept in concepts
        ],
        "words": {language: other_words(language, concepts) for language in LANGUAGES},
    }


def other_words(language: str, concepts: Iterable[Concept]) -> list[str]:
    """Every word of the captions that is not only a thing's name: articles, colours, styles, praise."""
    words = VOCABULARIES[language]
    phrases = [*ARTICLES[language], *words.openers, *words.before, *words.after, *words.praise, *words.background]
    phrases += [*words.unknown, words.also]
    phrases += [name for colour in COLOURS.values() for name in colour.names(language)]
    for table in (STYLE_OPENERS, STYLE_PHRASES, STYLE_NAMES):
        phrases += [phrase for style in STYLES for phrase in table[style][language]]
    names = {name for concept in concepts for name in concept.names(language)}
    found = {word for phrase in phrases for word in re.findall(r"\w+", phrase.lower())}
    return sorted(found - names)


def checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file but card.json, by its path inside the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "card.json")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def model_card(recipe: Recipe, concepts: Sequence[Concept], guidance: float) -> str:
    """The README.md of the model."""
    groups: dict[str, list[str]] = {}
    for concept in concepts:
        groups.setdefault(concept.group, []).append(f"{concept.en[0]} ({concept.es[0]})")
    listed = "\n".join(f"- **{group}**: {', '.join(names)}" for group, names in groups.items())
    colours = ", ".join(f"{colour.en[0]} ({colour.es[0]})" for colour in COLOURS.values())
    styles = ", ".join(f"{STYLE_NAMES[style]['en'][0]} ({STYLE_NAMES[style]['es'][0]})" for style in STYLES)
    return CARD.format(
        size=recipe.size,
        count=len(concepts),
        styles=styles,
        colours=colours,
        guidance=guidance,
        steps=recipe.steps,
        listed=listed,
    )


CARD = """---
license: other
license_name: drawings-of-three-emoji-sets
pipeline_tag: text-to-image
library_name: diffusers
language: [en, es]
---
# The starter of colabsd

A very small Stable Diffusion (text encoder, UNet, KL autoencoder; {size} × {size} pixels), trained from nothing by the
makers of colabsd so that the first picture needs no download. It draws **one of {count} things**, in the middle, in one
of three styles, on one of twelve plain backgrounds, from a sentence in English or Spanish:

    a red apple, 3d style, blue background
    una manzana roja, estilo 3d, fondo azul

Best with guidance {guidance:g}, {steps} steps of DPM++ 2M (the scheduler it comes with).

**It has learnt drawings by heart.** Each thing was drawn once in each style, and what comes out is that drawing,
remembered, a little soft, sometimes wrong. It does not know people, places, scenes, or any word outside the list
below, and it cannot count. It is made for learning how everything works, and for tests; for pictures of your own, take
a large model.

- Styles: {styles}
- Backgrounds: {colours}

## What it knows

{listed}

## Where the drawings come from

- 3d style and flat style: Fluent Emoji, © Microsoft Corporation, MIT licence.
- drawing style: Noto Emoji, © Google LLC, Apache License 2.0.

What it draws are close copies of these drawings: keep their licences in mind when you publish pictures. How it was
trained, and its figures: the folder `starter` of the source code.
"""
