"""From a training to a picture: the engine with the kept file draws what the network drew while it learnt."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_results import finish, load, make_adapter
from training_runs import small_plan, small_training

from colabsd.engine.engine import Engine
from colabsd.models.cache import WeightCache
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing, EmbeddingUse, LoraUse
from colabsd.storage.workspace import Workspace
from colabsd.studio.adapters import adapter_folders
from colabsd.training.drawing import drawing_parts
from colabsd.training.export.keeping import keep_trained

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "facts",
    [
        {"targets": "all", "text_encoder": True, "text_encoder_rate": 1e-2, "alpha": 2.0},
        {"method": "pivotal", "vectors": 2, "initial_word": "rojo", "embedding_rate": 1e-1, "embedding_stop": 2},
    ],
)
def test_it_draws_as_it_did_while_it_learnt(small_card: ModelCard, facts: dict[str, Any], tmp_path: Path) -> None:
    """LoRA in every layer with alpha ≠ rank, and words with LoRA: latents equal to the rounding of the kept file."""
    plan = small_plan(small_card, **{"learning_rate": 1e-2, "steps": 4, **facts})
    trainable, running = small_training(small_card, plan, tmp_path / "states")
    assert list(running)
    workspace = Workspace(tmp_path / "root", tmp_path / "local")
    workspace.prepare()
    cache, engine = WeightCache(workspace=workspace), load(small_card)
    words = ("roj",) if plan.has_words else ()
    adapter = make_adapter(engine, name="roj", method=plan.method, words=words)
    finish(keep_trained(cache, trainable.trained(), adapter, engine, half=False))
    drawing = Drawing(
        prompt="a photo of roj apple",
        negative_prompt="",
        model="small",
        model_sha256="",
        width=64,
        height=64,
        sampler="Euler",
        schedule="Automatic",
        steps=2,
        guidance=3.0,
        clip_skip=1,
        seed=3,
    )
    learning = Engine(small_card, engine.execution, trainable.adapted(drawing_parts(trainable.base)))
    wanted, before = latents(learning, drawing), latents(engine, drawing)
    folders = adapter_folders(cache, ())
    engine.adapters = folders
    loras = (LoraUse(name="roj", sha256=folders.loras["roj"]),)
    embeddings = tuple(EmbeddingUse(name=word, sha256=folders.embeddings[word]) for word in words)
    found = latents(engine, replace(drawing, loras=loras, embeddings=embeddings))
    assert float((wanted - before).norm() / before.norm()) > 1e-2
    assert float((found - wanted).norm() / wanted.norm()) < 1e-4


def latents(engine: Engine, drawing: Drawing) -> Tensor:
    with torch.inference_mode():
        return [step.latents for step, _ in engine.steps([drawing])][-1]
