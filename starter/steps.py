"""The steps of the command, each from the files of the one before to files of its own in the cache."""

from __future__ import annotations

import argparse
import hashlib
import logging
import random
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPTextModel

from . import (
    autoencoder,
    checkpoints,
    denoiser,
    evaluate,
    export,
    networks,
    tokenizer,
    words,
)
from .captions import LANGUAGES, plain_prompt
from .concepts import Concept, drawable, learnt, read_concepts
from .data import Drawings, load_drawings
from .drawing import draw, save_sheet
from .palette import COLOURS
from .recipe import RECIPES, STYLES, Recipe
from .scenes import paint

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent
EXPORTED = ROOT / "colabsd" / "models" / "starter_files"
REFERENCES = ROOT / "tests" / "data" / "starter_references.webp"
SHEETS = Path(__file__).parent / "sheets"
VERSION = "2"
FAVOURITES = (
    "una manzana roja, estilo 3d, fondo azul",
    "a red apple, 3d style, blue background",
    "perro",
    "a cat",
    "un dibujo de un pingüino",
    "a beautiful highly detailed flamingo, masterpiece",
    "house, flat, sky blue background",
    "una rosa sobre fondo negro",
)
SHEET = 32  # pictures on a sheet of the autoencoder


@dataclass
class Workshop:
    """A recipe, the cache and the options of the command line."""

    recipe: Recipe
    cache: Path
    options: argparse.Namespace

    @property
    def folder(self) -> Path:
        """Where this recipe's files lie."""
        return self.cache / self.recipe.name

    @property
    def words_folder(self) -> Path:
        """Where its tokenizer and its text encoder lie."""
        return self.cache / (self.recipe.words_of or self.recipe.name)

    @property
    def pictures_folder(self) -> Path:
        """Where its autoencoder lies."""
        return self.cache / (self.recipe.pictures_of or self.recipe.name) / "autoencoder"

    @cached_property
    def concepts(self) -> list[Concept]:
        return read_concepts()

    @cached_property
    def learnt(self) -> list[Concept]:
        return learnt(self.concepts, self.recipe.tiers)

    @cached_property
    def drawings(self) -> Drawings:
        return load_drawings(self.concepts, self.cache, self.recipe.size)


def make_data(workshop: Workshop) -> None:
    """Packages and drawings."""
    drawings = workshop.drawings
    log.info("%d things in %d styles at %d px", *drawings.pixels.shape[:3])


def train_autoencoder(workshop: Workshop) -> None:
    """The autoencoder, on everything but the held-out things; the sheets show those."""
    set_up_torch(workshop.options.threads)
    recipe, drawings = workshop.recipe, workshop.drawings
    hidden = [concept for concept in workshop.concepts if concept.tier == "held_out"]
    pool = autoencoder.scenes_for(drawings, drawable(workshop.concepts), recipe, recipe.autoencoder.scenes, seed=1)
    unseen = autoencoder.scenes_for(drawings, hidden, recipe, SHEET, seed=2)
    like = recipe.autoencoder.like
    teacher = None if like is None else trained_autoencoder(replace(workshop, recipe=RECIPES[like]))
    training = autoencoder.Training(
        recipe, pool, workshop.options.device, parts=workshop.options.threads, teacher=teacher
    )
    log.info("%.2f million weights", sum(p.numel() for p in training.model.parameters()) / 1e6)
    autoencoder.train(
        training,
        workshop.pictures_folder,
        lambda model, path: void(autoencoder.save_pairs(model, unseen, path)),
        workshop.options.minutes,
        workshop.options.every,
    )


def set_up_torch(threads: int) -> None:
    """Threads, and numbers too small to matter taken as zero: they slow a CPU down threefold."""
    torch.set_num_threads(threads)  # of operations outside training; in training each part has one
    torch.set_flush_denormal(True)
    torch.backends.cuda.enable_flash_sdp(False)  # it is the processor's switch too, and slow backwards on short rows


def void(_: object) -> None:
    """Forget a result."""


def trained_autoencoder(workshop: Workshop) -> autoencoder.Autoencoder:
    """The autoencoder of the newest checkpoint, ready to encode.

    Raises: FileNotFoundError when that step has not run.
    """
    found = checkpoints.newest(workshop.pictures_folder)
    if found is None:
        raise FileNotFoundError(
            f"no autoencoder in {workshop.pictures_folder}: run `python -m starter autoencoder` first"
        )
    model = autoencoder.build(workshop.recipe)
    model.load_state_dict(checkpoints.load(found)["model"])
    return model.eval().to(memory_format=torch.channels_last)


def make_tokenizer(workshop: Workshop) -> None:
    """The vocabulary: of all things that any recipe learns, so that later versions keep it."""
    size = tokenizer.train(every_thing(workshop), workshop.recipe, workshop.words_folder / "tokenizer")
    log.info("%d tokens", size)


def every_thing(workshop: Workshop) -> list[Concept]:
    """What any recipe learns: all of it is in the vocabulary and in the text encoder, so that later versions go on."""
    tiers = {tier for recipe in RECIPES.values() for tier in recipe.tiers}
    return learnt(workshop.concepts, tuple(tiers))


def train_words(workshop: Workshop) -> None:
    """The text encoder, on sentences and the looks of drawings alone."""
    set_up_torch(workshop.options.threads)
    folder = workshop.words_folder / "tokenizer"
    if not (folder / "vocab.json").exists():
        make_tokenizer(workshop)
    training = words.Training(
        workshop.recipe,
        every_thing(workshop),
        workshop.drawings,
        tokenizer.Sentences(folder),
        device=workshop.options.device,
        parts=workshop.options.threads,
    )
    words.train(training, workshop.words_folder / "words", workshop.options.minutes, workshop.options.every)


def trained_text_encoder(workshop: Workshop, sentences: tokenizer.Sentences) -> CLIPTextModel:
    """The text encoder of the newest checkpoint.

    Raises: FileNotFoundError when that step has not run.
    """
    found = checkpoints.newest(workshop.words_folder / "words")
    if found is None:
        raise FileNotFoundError(f"no text encoder in {workshop.words_folder}: run `python -m starter words` first")
    model = networks.build_text_encoder(workshop.recipe.denoiser, sentences.size)
    model.load_state_dict(checkpoints.load(found)["text_encoder"])
    return model.eval()


@torch.no_grad()
def encoded(workshop: Workshop, model: autoencoder.Autoencoder) -> denoiser.Latents:
    """The latents of the recipe's scenes, made once for an autoencoder and kept."""
    scenes = denoiser.scene_table(workshop.learnt, workshop.recipe, seed=7)
    key = hashlib.sha256(repr(scenes).encode())
    for weight in [*model.encoder.parameters(), *model.quant_conv.parameters()]:
        key.update(weight.detach().contiguous().numpy().tobytes())
    path = workshop.folder / f"latents-{key.hexdigest()[:12]}.pt"
    if not path.exists():
        workshop.folder.mkdir(parents=True, exist_ok=True)  # not made yet where another recipe's parts are used
        log.info("encoding %d scenes", len(scenes))
        parts = []
        for start in range(0, len(scenes), 32):
            batch = scenes[start : start + 32]
            pictures = np.stack([paint(scene, workshop.drawings, workshop.recipe.size) for scene in batch])
            with torch.autocast("cpu", torch.bfloat16):
                parts.append(model.encode(autoencoder.to_tensor(pictures)).latent_dist.mode().bfloat16().contiguous())
        torch.save(torch.cat(parts), path.with_suffix(".scratch"))
        path.with_suffix(".scratch").replace(path)
    values: torch.Tensor = torch.load(path, weights_only=True)
    return denoiser.Latents(values, scenes, 1 / float(values[::7].float().std()))


def sheet_prompts(concepts: list[Concept], count: int = 48) -> list[str]:
    """What the sheets of a training run show: the same sentences every time, both languages."""
    rng = random.Random(5)
    prompts = list(FAVOURITES)
    while len(prompts) < count:
        concept, language = rng.choice(concepts), LANGUAGES[len(prompts) % 2]
        name, style, colour = concept.names(language)[0], rng.choice(STYLES), rng.choice(list(COLOURS))
        prompts.append(plain_prompt(name, style, colour, language))
    return prompts


def train_denoiser(workshop: Workshop) -> None:
    """The UNet."""
    set_up_torch(workshop.options.threads)
    if workshop.options.samples:
        samples = replace(workshop.recipe.denoiser, samples=workshop.options.samples)
        workshop.recipe = replace(workshop.recipe, denoiser=samples)
    sentences = tokenizer.Sentences(workshop.words_folder / "tokenizer")
    text_encoder = trained_text_encoder(workshop, sentences)
    model = trained_autoencoder(workshop)
    latents = encoded(workshop, model)
    training = denoiser.Training(
        workshop.recipe, latents, sentences, text_encoder, workshop.options.device, parts=workshop.options.threads
    )
    if workshop.options.begin_with is not None:
        training.begin_with(checkpoints.load(workshop.options.begin_with))
    log.info(
        "%d things, %d latents, scale %.4f, %.2f million weights",
        len(workshop.learnt),
        len(latents.values),
        latents.scale,
        sum(weight.numel() for weight in training.weights) / 1e6,
    )
    prompts = sheet_prompts(workshop.learnt)
    model = model.to(workshop.options.device)

    def show(run: denoiser.Training, path: Path) -> None:
        models = (run.text_encoder, run.unet, model)
        save_sheet(draw(models, sentences, prompts, latents.scale, guidance=workshop.recipe.guidance), path)

    denoiser.train(training, workshop.folder / "denoiser", show, workshop.options.minutes, workshop.options.every)


def trained_parts(workshop: Workshop) -> export.Parts:
    """The newest of everything, the denoiser with its averaged weights.

    Raises: FileNotFoundError when a step has not run.
    """
    found = checkpoints.newest(workshop.folder / "denoiser")
    if found is None:
        raise FileNotFoundError(f"no denoiser in {workshop.folder}: run `python -m starter denoiser` first")
    state = checkpoints.load(found)
    sentences = tokenizer.Sentences(workshop.words_folder / "tokenizer")
    text_encoder = trained_text_encoder(workshop, sentences)
    unet = networks.build_unet(workshop.recipe)
    with torch.no_grad():
        for weight, average in zip(unet.parameters(), state["ema"], strict=True):
            weight.copy_(average)
    model = trained_autoencoder(workshop)
    log.info("denoiser of step %d", state["step"])
    return export.Parts(text_encoder, unet, model, workshop.words_folder / "tokenizer", float(state["scale"]))


def write_model(workshop: Workshop) -> None:
    """The model's folder, and the references that tests compare pictures with."""
    folder = workshop.options.model or EXPORTED
    guidance = workshop.options.guidance or workshop.recipe.guidance
    size = export.export(trained_parts(workshop), workshop.recipe, workshop.learnt, guidance, folder, VERSION)
    log.info("%s: %.1f MB", folder, size / 1e6)
    if not workshop.options.smoke:
        evaluate.references(workshop.drawings).save_sheet(REFERENCES)


def measure(workshop: Workshop) -> None:
    """All figures of the exported model."""
    set_up_torch(workshop.options.threads)
    folder = workshop.options.model or EXPORTED
    guidance = workshop.options.guidance or workshop.recipe.guidance
    result = evaluate.evaluate(folder, workshop.drawings, workshop.recipe, guidance, SHEETS, workshop.options.prompts)
    for name, value in result.items():
        if name not in ("missed", "missed_rough", "first_prompts"):
            log.info("%s: %s", name, value)


STEPS = {
    "data": make_data,
    "tokenizer": make_tokenizer,
    "autoencoder": train_autoencoder,
    "words": train_words,
    "denoiser": train_denoiser,
    "evaluate": measure,
    "export": write_model,
}
