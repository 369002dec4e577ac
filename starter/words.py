"""The text encoder learns what sentences mean before it steers a picture: which drawing, style, background, how many.

As in CLIP (Radford et al. 2021) the denoiser then finds a text encoder whose sentences lie where their pictures do:
"perro", "a dog" and "un dibujo de un perro, obra maestra" are near each other before the first picture is learnt.
Sentences cost a thousandth of what pictures cost, so that this is by far the cheapest place to learn synonyms.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel

from . import checkpoints
from .captions import Caption, describe
from .concepts import Concept
from .data import Drawings, Pixels
from .muon import optimizers_for, set_learning_rate
from .networks import build_text_encoder
from .palette import COLOURS
from .recipe import STYLES, TOKENS, Recipe
from .scenes import PLACES, Scene, random_scene
from .side_by_side import SideBySide
from .tokenizer import Sentences

log = logging.getLogger(__name__)

EVERY_STEPS = 50
THUMBNAIL = 12  # pixels on a side of the small pictures whose components are learnt
UNSAID = 0  # class of what the sentence leaves open
LOOK_WEIGHT = 4.0
CHECKED = 2000  # sentences of the final check


@dataclass(frozen=True)
class Meanings:
    """What sentences say, as numbers: `classes` (n, questions) int64, `looks` (n, 2 components) float32."""

    classes: Tensor
    looks: Tensor


class Answers:
    """The questions that are asked of a sentence, how many answers each has, and the looks of all drawings.

    Looks are the principal components of small premultiplied RGBA pictures, scaled to variance 1 over all.
    """

    def __init__(self, concepts: Sequence[Concept], drawings: Drawings, components: int) -> None:
        self.place = {concept.id: index for index, concept in enumerate(concepts)}
        kinds = 1 + len(concepts)
        backgrounds = 1 + len(COLOURS)
        self.sizes = {
            "left": kinds,
            "right": kinds,
            "style": 1 + len(STYLES),
            "above": backgrounds + len(PLACES),
            "below": backgrounds,
            "count": 4,
            "tint": 1 + len(COLOURS),
        }
        self.looks = _looks(drawings.only(concepts), components)

    def of(self, scene: Scene | None, caption: Caption | None) -> tuple[list[int], Tensor]:
        """The right answers for one caption of a scene; None is the empty sentence."""
        empty = torch.zeros(2, self.looks.shape[-1])
        if scene is None or caption is None:
            return [UNSAID] * len(self.sizes), empty.flatten()
        for side, thing in enumerate(scene.things):
            looks = self.looks[self.place[thing.concept.id]]
            empty[side] = looks.mean(0) if caption.style is None else looks[STYLES.index(caption.style)]
        things = [1 + self.place[thing.concept.id] for thing in scene.things] + [UNSAID]
        first = scene.things[0]
        style = UNSAID if caption.style is None else 1 + STYLES.index(caption.style)
        tint = UNSAID if first.tint is None else 1 + list(COLOURS).index(first.tint)
        answers = [things[0], things[1], style, *_background(caption), len(first.spots), tint]
        return answers, empty.flatten()


def _background(caption: Caption) -> tuple[int, int]:
    background = caption.background
    if background is None:
        return UNSAID, UNSAID
    if background.place is not None:
        return 1 + len(COLOURS) + list(PLACES).index(background.place), UNSAID
    colours = [1 + list(COLOURS).index(colour) for colour in background.colours]
    return colours[0], colours[-1]


def _looks(drawings: Drawings, components: int) -> Tensor:
    """(things, styles, components) of all drawings."""
    things, styles = drawings.pixels.shape[:2]
    small = torch.cat([_thumbnails(drawings.pixels[thing]) for thing in range(things)])
    small = small - small.mean(0)
    directions = torch.linalg.svd(small, full_matrices=False).Vh[: min(components, len(small))]
    codes = small @ directions.T
    return (codes / codes.std()).reshape(things, styles, -1)


def _thumbnails(pixels: Pixels) -> Tensor:
    """(n, side, side, 4) RGBA -> (n, 4 · THUMBNAIL²), what is transparent as if it were grey."""
    shares = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div(255)
    painted = torch.cat([(shares[:, :3] - 0.5) * shares[:, 3:], shares[:, 3:]], 1)
    return functional.interpolate(painted, size=(THUMBNAIL, THUMBNAIL), mode="area").flatten(1)


class Training:
    """A run in progress; its whole state goes into a checkpoint and comes back bit for bit."""

    def __init__(
        self,
        recipe: Recipe,
        concepts: Sequence[Concept],
        drawings: Drawings,
        sentences: Sentences,
        seed: int = 0,
        device: str = "cpu",
        parts: int = 1,
    ) -> None:
        self.recipe, self.concepts, self.sentences, self.device = recipe, concepts, sentences, device
        self.answers = Answers(concepts, drawings, recipe.words.components)
        torch.manual_seed(seed)
        width = recipe.denoiser.text_width
        self.text_encoder: CLIPTextModel = build_text_encoder(recipe.denoiser, sentences.size)
        self.questions = nn.ModuleDict({name: nn.Linear(width, size) for name, size in self.answers.sizes.items()})
        self.look = nn.Linear(width, 2 * self.answers.looks.shape[-1])
        self.all = nn.ModuleList([self.text_encoder, self.questions, self.look]).to(device)
        named = [(name if name.startswith("0.") else f"embedding.{name}", w) for name, w in self.all.named_parameters()]
        self.weights = [weight for _, weight in named]
        self.side_by_side = SideBySide(parts)
        self.optimizers = optimizers_for(named, recipe.words.learning_rate, self.side_by_side)
        self.chance = random.Random(seed)
        self.step = 0

    def batch(self, count: int) -> tuple[list[str], Meanings]:
        """Sentences of fresh scenes, every thing equally often, and what they say."""
        texts, classes, looks = [], [], []
        for _ in range(count):
            scene = random_scene(self.chance, self.concepts, self.recipe.words.scenes)
            caption = describe(scene, self.chance)
            said = self.chance.random() >= self.recipe.denoiser.empty_captions / 2
            answers, look = self.answers.of(scene, caption) if said else self.answers.of(None, None)
            texts.append(caption.text if said else "")
            classes.append(answers)
            looks.append(look)
        return texts, Meanings(torch.tensor(classes).to(self.device), torch.stack(looks).to(self.device))

    def advance(self) -> float:
        """One step; the loss."""
        words = self.recipe.words
        warm = min(1.0, (self.step + 1) / words.warmup_steps)
        left = max(0.0, 1 - self.step / words.steps)
        set_learning_rate(self.optimizers, words.learning_rate * warm * (0.03 + 0.97 * min(1.0, 2 * left)))
        texts, meanings = self.batch(words.batch)
        length = TOKENS if self.step % self.recipe.denoiser.long_every == 0 else self.recipe.denoiser.tokens
        ids = self.sentences(texts, length).to(self.device)

        def loss_of_part(first: int, end: int) -> Tensor:
            asked = Meanings(meanings.classes[first:end], meanings.looks[first:end])
            return self.loss(ids[first:end], asked)

        loss = self.side_by_side.gradients(loss_of_part, words.batch, self.weights)
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        return loss

    def features(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) at the sentence's end and at the last place of its padding: both have seen all of it."""
        with torch.autocast(self.device, torch.bfloat16, cache_enabled=False):
            hidden = self.text_encoder(input_ids=ids)[0].float()
        ends = (ids == self.sentences.size - 1).int().argmax(1)
        return hidden[torch.arange(len(ids), device=ids.device), ends], hidden[:, -1]

    def loss(self, ids: Tensor, meanings: Meanings) -> Tensor:
        """Cross entropy of every question, and the squared error of the looks."""
        total = torch.zeros((), device=ids.device)
        for features in self.features(ids):
            for place, head in enumerate(self.questions.values()):
                total = total + functional.cross_entropy(head(features), meanings.classes[:, place])
            total = total + LOOK_WEIGHT * functional.mse_loss(self.look(features), meanings.looks)
        return total / 2

    @torch.no_grad()
    def check(self, count: int) -> dict[str, float]:
        """Share of fresh sentences whose answer is right, by question; the looks' share of variance explained."""
        texts, meanings = self.batch(count)
        features = self.features(self.sentences(texts).to(self.device))[0]
        found = {
            name: float((head(features).argmax(1) == meanings.classes[:, place]).float().mean())
            for place, (name, head) in enumerate(self.questions.items())
        }
        error = functional.mse_loss(self.look(features), meanings.looks)
        return found | {"looks": float(1 - error / meanings.looks.var(0).mean())}

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs, and the text encoder by itself."""
        version, numbers, carried = self.chance.getstate()
        return {
            "text_encoder": self.text_encoder.state_dict(),
            "all": self.all.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "chance": [version, list(numbers), carried],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.all.load_state_dict(state["all"])
        for optimizer, value in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(value)
        self.step = int(state["step"])
        version, numbers, carried = state["chance"]
        self.chance.setstate((version, tuple(numbers), carried))


def train(training: Training, folder: Path, minutes: float | None = None, every_minutes: float = 10.0) -> None:
    """Until the recipe's steps are done, or `minutes` have passed; resumes from the newest checkpoint in `folder`."""
    found = checkpoints.newest(folder)
    if found is not None:
        training.restore(checkpoints.load(found))
        log.info("resumed at step %d", training.step)
    began = saved = time.monotonic()
    first, losses = training.step, []
    while training.step < training.recipe.words.steps:
        losses.append(training.advance())
        now = time.monotonic()
        if training.step % EVERY_STEPS == 0:
            speed = (training.step - first) * training.recipe.words.batch / (now - began)
            log.info("step %d loss %.4f, %.0f sentences/s", training.step, sum(losses) / len(losses), speed)
            losses = []
        if minutes is not None and now - began > minutes * 60:
            break
        if now - saved > every_minutes * 60:
            checkpoints.save(folder, training.step, training.state())
            saved = time.monotonic()
    checkpoints.save(folder, training.step, training.state())
    log.info("right: %s", ", ".join(f"{name} {share:.3f}" for name, share in training.check(CHECKED).items()))
