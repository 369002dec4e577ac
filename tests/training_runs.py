"""Small trainings for tests: the model, photos, plans, one whole run, and a run that is killed in the middle."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from colabsd.models.cards import ModelCard
from colabsd.planning.training import SubjectPlan, TrainingPlan

SIDE = 64
SUBJECT = SubjectPlan(
    photos="",
    photos_sha256="5" * 64,
    count=3,
    word="roj",
    class_word="apple",
    photo_prompt="a photo of roj apple",
    class_prompt="a photo of apple",
)


def small_plan(card: ModelCard, **facts: Any) -> TrainingPlan:
    """A plan of a short training on the processor; what is not named is small and plain."""
    plain: dict[str, Any] = {
        "name": "roj",
        "subjects": (SUBJECT,),
        "model": card.name,
        "model_sha256": card.sha256,
        "family": card.family,
        "method": "lora",
        "steps": 12,
        "resolution": SIDE,
        "learning_rate": 1e-3,
        "rank": 4,
        "alpha": 4.0,
        "seed": 7,
        "keep": 100,
    }
    return TrainingPlan(**{**plain, **facts})


def small_pictures(count: int, seed: int) -> list[Any]:
    """Square RGB pictures of coloured shapes, a bit larger than the side, all different."""
    import numpy as np
    from PIL import Image, ImageDraw

    chance = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        picture = Image.new("RGB", (SIDE + 16, SIDE + 16), tuple(int(part) for part in chance.integers(0, 256, 3)))
        left, top = (int(part) for part in chance.integers(4, 20, 2))
        colour = tuple(int(part) for part in chance.integers(0, 256, 3))
        ImageDraw.Draw(picture).ellipse((left, top, left + 40, top + 40), fill=colour)
        pictures.append(picture)
    return pictures


def as_example(picture: Any, key: str, sentence: str, mask: Any = None) -> Any:
    """A picture in memory as an Example; resized as torchvision does it."""
    from PIL.Image import Resampling

    from colabsd.training.data import Example

    def image(size: Any) -> Any:
        return picture.resize((size.width, size.height), Resampling.BILINEAR)

    return Example(key, image, sentence, None if mask is None else lambda size: mask.resize((size.width, size.height)))


def small_examples(plan: TrainingPlan, photos: int = 3, classes: int = 4) -> Any:
    """Photos of the subject, and class pictures beside them."""
    from colabsd.training.data import Examples

    subject = plan.subjects[0]
    return Examples(
        tuple(as_example(one, f"photo {i}", subject.photo_prompt) for i, one in enumerate(small_pictures(photos, 1))),
        tuple(as_example(one, f"class {i}", subject.class_prompt) for i, one in enumerate(small_pictures(classes, 2))),
    )


def result_of(generator: Any) -> Any:
    """What a generator returns at its end."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def small_training(card: ModelCard, plan: TrainingPlan, folder: Path, **facts: Any) -> tuple[Any, Iterator[Any]]:
    """What is trained, and the running of it; `facts` may name examples, watcher, places, check_first."""
    from colabsd.training.base import load_base
    from colabsd.training.checkpoints import Places
    from colabsd.training.loop import train
    from colabsd.training.methods import build_trainable

    base = result_of(load_base(card, plan))
    trainable = build_trainable(base, plan)
    examples = facts.pop("examples", None) or small_examples(plan)
    places = facts.pop("places", None) or Places(folder)
    facts.setdefault("check_first", False)
    return trainable, train(plan, examples, base, trainable, places, **facts)


def train_small(card: ModelCard, plan: TrainingPlan, folder: Path, **facts: Any) -> tuple[list[Any], dict[str, Any]]:
    """Train to the end: everything that was yielded, and the weights by name."""
    trainable, running = small_training(card, plan, folder, **facts)
    events = list(running)
    return events, {name: tensor.clone() for name, tensor in trainable.state_dict().items()}


def losses_of(events: list[Any]) -> list[float]:
    """The losses of the steps, in order."""
    from colabsd.training.reports import TrainingReport

    return [event.loss for event in events if isinstance(event, TrainingReport)]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from training_runs import *
from colabsd.models.folders import read_card
from colabsd.planning.training import TrainingPlan
from colabsd.training.reports import Saved
import json
plan = TrainingPlan.from_json(json.loads({plan!r}))
card = replace(read_card(Path({model!r}), plan.model), sha256=plan.model_sha256)
_, running = small_training(card, plan, Path({folder!r}))
for event in running:
    if isinstance(event, Saved) and event.step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def train_and_kill(card: ModelCard, plan: TrainingPlan, folder: Path, step: int) -> None:
    """Train in a process of its own that is killed with SIGKILL as soon as the state of that step is kept.

    The plan has to keep one at that step (`checkpoint_every`).
    """
    import json

    assert plan.checkpoint_every and step % plan.checkpoint_every == 0
    tests = Path(__file__).parent
    facts = {"tests": str(tests), "plan": json.dumps(plan.as_json()), "model": card.source, "folder": str(folder)}
    environ = {**os.environ, "PYTHONPATH": str(tests.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", KILLED.format(**facts, step=step)], env=environ, timeout=200)
    assert done.returncode == -signal.SIGKILL


def check_exact_resume(card: ModelCard, plan: TrainingPlan, folder: Path) -> None:
    """12 steps are 7, a kill and 5: the same losses and the same weights, bit for bit. For any method and optimizer."""
    import torch

    plan = replace(plan, steps=12, checkpoint_every=7)
    whole, weights = train_small(card, plan, folder / "whole")
    train_and_kill(card, plan, folder / "killed", 7)
    rest, resumed = train_small(card, plan, folder / "killed")
    assert losses_of(rest) == losses_of(whole)[7:]
    assert set(resumed) == set(weights)
    different = [name for name in weights if not torch.equal(weights[name], resumed[name])]
    assert different == []
