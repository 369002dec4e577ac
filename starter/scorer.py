"""The scorer: pictures and sentences as vectors, near each other where the picture shows what the sentence says.

CLIP (Radford et al. 2021) in small, for the starter's world alone. Three losses: each caption finds its picture and
each picture its caption, among the batch; both find the name of the thing, the style and the background among all there
are; and a second vector of the picture finds other pictures of the same drawing, whatever is behind and beside it.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.dual_encoder import DualEncoder, DualEncoderShape

from . import checkpoints
from .autoencoder import to_tensor
from .captions import Caption, describe
from .concepts import Concept
from .data import Drawings, Pixels
from .muon import optimizers_for, set_learning_rate
from .palette import COLOURS
from .recipe import STYLES, ScorerRecipe
from .scenes import PLACES, Scene, paint, random_scene
from .side_by_side import SideBySide
from .tokenizer import Sentences

log = logging.getLogger(__name__)

EVERY_STEPS = 25
ALIKE = 0.1  # temperature between pictures
HOTTEST = 100.0  # factor of cosines, as CLIP limits it
GROUNDS = {"plain": 0, "place": len(COLOURS)}


@dataclass(frozen=True)
class Batch:
    """Pictures (n, 3, side, side), ids (n, tokens), and what they show and say; `things` is (n, all things) of 0 and 1.

    `styles` and `grounds` are (n,) of the pictures, `said_styles` and `said_grounds` of the captions, -1 where none.
    """

    pictures: Tensor
    ids: Tensor
    things: Tensor
    styles: Tensor
    grounds: Tensor
    said_styles: Tensor
    said_grounds: Tensor

    def fits(self) -> Tensor:
        """(n, n) whether caption i is true of picture j as well."""
        things = (self.things[:, None] == self.things[None]).all(-1)
        style = (self.said_styles[:, None] == self.styles[None]) | (self.said_styles[:, None] < 0)
        ground = (self.said_grounds[:, None] == self.grounds[None]) | (self.said_grounds[:, None] < 0)
        return things & style & ground


def ground_of(scene: Scene) -> int:
    """A number for a background of one colour or a place, -1 for two colours."""
    background = scene.background
    if background.kind == "place":
        assert background.place is not None
        return GROUNDS["place"] + list(PLACES).index(background.place)
    return list(COLOURS).index(background.colours[0]) if background.kind == "plain" else -1


def seen_badly(scene: Scene, drawings: Drawings, side: int, chance: random.Random) -> Pixels:
    """The scene at `side` pixels: cropped a little, turned round, paler, blurred or noisy as chance has it."""
    large = side + chance.choice((0, 0, side // 16, side // 8))
    pixels = paint(scene, drawings, large)
    top, left = (chance.randint(0, large - side) for _ in range(2))
    pixels = pixels[top : top + side, left : left + side]
    if chance.random() < 0.5:
        pixels = pixels[:, ::-1]
    if chance.random() < 0.25:
        small = Image.fromarray(np.ascontiguousarray(pixels))
        less = chance.randint(side * 3 // 8, side * 7 // 8)
        pixels = np.asarray(
            small.resize((less, less), Image.Resampling.BILINEAR).resize((side, side), Image.Resampling.BICUBIC)
        )
    if chance.random() < 0.5:
        values = pixels.astype(np.float32)
        values = (values - 127.5) * chance.uniform(0.85, 1.15) + 127.5 + chance.uniform(-15, 15)
        noise = chance.choice((0.0, 0.0, 4.0, 10.0))
        if noise:
            values = values + np.random.default_rng(chance.getrandbits(32)).normal(0, noise, values.shape)
        pixels = values.clip(0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(pixels)


class Losses(nn.Module):
    """What is learnt beside the encoders: a vector for every thing, style and background, and how sharp cosines are."""

    def __init__(self, things: int, dimensions: int) -> None:
        super().__init__()
        sizes = {"things": things, "styles": len(STYLES), "grounds": len(COLOURS) + len(PLACES)}
        self.prototypes = nn.ParameterDict(
            {f"{name}_embedding": nn.Parameter(torch.randn(size, dimensions)) for name, size in sizes.items()}
        )
        self.sharpness = nn.Parameter(torch.tensor([math.log(14.0), math.log(14.0)]))

    def scale(self, place: int) -> Tensor:
        """The factor of the cosines."""
        return self.sharpness[place].exp().clamp(max=HOTTEST)

    def pairs(self, pictures: Tensor, sentences: Tensor, batch: Batch) -> Tensor:
        """InfoNCE both ways; what fits by accident is neither right nor wrong."""
        own = torch.eye(len(pictures), dtype=torch.bool)
        cosines = self.scale(0) * sentences @ pictures.T
        cosines = cosines.masked_fill(batch.fits() & ~own, -math.inf)
        right = torch.arange(len(pictures))
        return (functional.cross_entropy(cosines, right) + functional.cross_entropy(cosines.T, right)) / 2

    def names(self, vectors: Tensor, batch: Batch, styles: Tensor, grounds: Tensor) -> Tensor:
        """The right thing among all, with two things half for each; style and background where there is one."""
        wanted = batch.things / batch.things.sum(1, keepdim=True)
        loss = functional.cross_entropy(self._answers("things", vectors), wanted)
        for name, right in (("styles", styles), ("grounds", grounds)):
            loss = loss + 0.3 * functional.cross_entropy(self._answers(name, vectors), right, ignore_index=-1)
        return loss

    def _answers(self, name: str, vectors: Tensor) -> Tensor:
        return self.scale(1) * vectors @ functional.normalize(self.prototypes[f"{name}_embedding"], dim=1).T

    def subjects(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Supervised InfoNCE (Khosla et al. 2020): a picture's fellows show the same first drawing.

        The same thing in another style, and pictures that share a thing by accident, count neither way.
        """
        style = batch.styles[:, None] == batch.styles[None]
        shared = batch.things @ batch.things.T > 0
        own = torch.eye(len(vectors), dtype=torch.bool)
        fellow = _same_group(len(vectors)) & style & ~own
        cosines = (vectors @ vectors.T / ALIKE).masked_fill(own | (shared & ~fellow), -math.inf)
        log_shares = functional.log_softmax(cosines, 1).masked_fill(~fellow, 0.0)
        return -(log_shares.sum(1) / fellow.sum(1)).mean()


def _same_group(rows: int) -> Tensor:
    """(rows, rows): pictures come in fours of one thing."""
    group = torch.arange(rows) // VIEWS
    return group[:, None] == group[None]


VIEWS = 4  # pictures of each thing in a batch: two drawings, twice each


class Training:
    """A run in progress; its whole state goes into a checkpoint and comes back bit for bit."""

    def __init__(
        self,
        recipe: ScorerRecipe,
        concepts: Sequence[Concept],
        drawings: Drawings,
        sentences: Sentences,
        seed: int = 0,
    ) -> None:
        self.recipe, self.concepts, self.sentences = recipe, list(concepts), sentences
        self.drawings = drawings.only(concepts)
        self.place = {concept.id: index for index, concept in enumerate(concepts)}
        shape = shape_of(recipe, sentences)
        torch.manual_seed(seed)
        self.model = DualEncoder(shape)
        self.model.pictures.to(memory_format=torch.channels_last)
        self.losses = Losses(len(self.concepts), shape.dimensions)
        self.all = nn.ModuleList([self.model, self.losses])
        named = list(self.all.named_parameters())
        self.weights = [weight for _, weight in named]
        self.optimizers = optimizers_for(named, recipe.learning_rate, SideBySide(1))
        self.chance = random.Random(seed)
        self.left: list[int] = []
        self.step = 0

    def batch(self) -> Batch:
        """Each thing once before any comes again, in two styles, twice each, differently every time."""
        scenes, captions = [], []
        for _ in range(self.recipe.things):
            if not self.left:
                self.left = self.chance.sample(range(len(self.concepts)), len(self.concepts))
            concept = self.concepts[self.left.pop()]
            for style in self.chance.sample(STYLES, 2):
                for _ in range(VIEWS // 2):
                    scene = random_scene(self.chance, self.concepts, self.recipe.scenes, concept=concept, style=style)
                    scenes.append(scene)
                    captions.append(describe(scene, self.chance))
        pixels = np.stack([seen_badly(scene, self.drawings, self.recipe.side, self.chance) for scene in scenes])
        return self.told(pixels, scenes, captions)

    def told(self, pixels: Pixels, scenes: Sequence[Scene], captions: Sequence[Caption]) -> Batch:
        """The batch of these pictures."""
        things = torch.zeros(len(scenes), len(self.concepts))
        for row, scene in enumerate(scenes):
            for thing in scene.things:
                things[row, self.place[thing.concept.id]] = 1
        grounds = torch.tensor([ground_of(scene) for scene in scenes])
        said = torch.tensor([caption.background is not None for caption in captions])
        return Batch(
            pictures=to_tensor(pixels),
            ids=self.sentences([caption.text for caption in captions], self.recipe.tokens),
            things=things,
            styles=torch.tensor([STYLES.index(scene.style) for scene in scenes]),
            grounds=grounds,
            said_styles=torch.tensor([-1 if c.style is None else STYLES.index(c.style) for c in captions]),
            said_grounds=torch.where(said, grounds, -1),
        )

    def loss(self, batch: Batch) -> Tensor:
        """The sum of the three."""
        with torch.autocast("cpu", torch.bfloat16):
            meaning, subject = self.model.pictures(batch.pictures)
            said = self.model.sentences(batch.ids)
        pictures, subjects, sentences = (functional.normalize(each.float(), dim=1) for each in (meaning, subject, said))
        named = self.losses.names(pictures, batch, batch.styles, batch.grounds)
        named = named + self.losses.names(sentences, batch, batch.said_styles, batch.said_grounds)
        return self.losses.pairs(pictures, sentences, batch) + self.losses.subjects(subjects, batch) + 0.5 * named

    def advance(self) -> float:
        """One step; the loss."""
        recipe = self.recipe
        warm = min(1.0, (self.step + 1) / recipe.warmup_steps)
        left = max(0.0, 1 - self.step / recipe.steps)
        set_learning_rate(self.optimizers, recipe.learning_rate * warm * min(1.0, left / recipe.decay_share))
        loss = self.loss(self.batch())
        for weight, gradient in zip(self.weights, torch.autograd.grad(loss, self.weights), strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        version, numbers, carried = self.chance.getstate()
        return {
            "all": self.all.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "left": list(self.left),
            "chance": [version, list(numbers), carried],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.all.load_state_dict(state["all"])
        for optimizer, value in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(value)
        self.step, self.left = int(state["step"]), list(state["left"])
        version, numbers, carried = state["chance"]
        self.chance.setstate((version, tuple(numbers), carried))


def shape_of(recipe: ScorerRecipe, sentences: Sentences) -> DualEncoderShape:
    """The network of a recipe."""
    return DualEncoderShape(
        side=recipe.side,
        channels=recipe.channels,
        stem=recipe.stem,
        groups=recipe.groups,
        vocabulary=sentences.size,
        padding=sentences.size - 1,
        tokens=recipe.tokens,
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        dimensions=recipe.dimensions,
    )


def train(training: Training, folder: Path, minutes: float | None = None, every_minutes: float = 10.0) -> None:
    """Until the recipe's steps are done, or `minutes` have passed; resumes from the newest checkpoint in `folder`."""
    found = checkpoints.newest(folder)
    if found is not None:
        training.restore(checkpoints.load(found))
        log.info("resumed at step %d", training.step)
    began = saved = time.monotonic()
    first, losses = training.step, []
    while training.step < training.recipe.steps:
        losses.append(training.advance())
        now = time.monotonic()
        if training.step % EVERY_STEPS == 0:
            speed = (training.step - first) * training.recipe.things * VIEWS / (now - began)
            log.info("step %d loss %.4f, %.0f pictures/s", training.step, sum(losses) / len(losses), speed)
            losses = []
        if minutes is not None and now - began > minutes * 60:
            break
        if now - saved > every_minutes * 60:
            checkpoints.save(folder, training.step, training.state())
            saved = time.monotonic()
    checkpoints.save(folder, training.step, training.state())
