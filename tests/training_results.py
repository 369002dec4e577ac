"""Things that were never trained, for small models: random pairs of matrices and vectors, and the card of it all."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from colabsd.artifacts import Adapter
from colabsd.engine.adaptation import networks_of
from colabsd.engine.engine import Engine, load_engine
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Execution
from colabsd.training.results import LoraPair, Module, Trained

ATTENTION = (".to_q", ".to_k", ".to_v", ".to_out.0")
TEXT = (".q_proj", ".k_proj", ".v_proj", ".out_proj", ".fc1")
FURTHER = (".ff.net.0.proj", ".ff.net.2", ".proj_in", ".conv1", ".conv2", ".conv_shortcut", ".time_emb_proj")

Result = TypeVar("Result")


def finish(work: Generator[Any, None, Result]) -> Result:
    """What a generator returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Result = end.value
            return found


def load(card: ModelCard, execution: Execution | None = None) -> Engine:
    """The engine at the end of its loading."""
    return finish(load_engine(card, execution or Execution()))


def is_attention(part: str, module: str) -> bool:
    """What a LoRA changes by default."""
    return module.endswith(ATTENTION if part == "unet" else TEXT)


def is_any(part: str, module: str) -> bool:
    """Feed-forward and convolutions too."""
    return is_attention(part, module) or (part == "unet" and module.endswith(FURTHER))


def make_lora(
    engine: Engine,
    chosen: Callable[[str, str], bool] = is_attention,
    *,
    rank: int = 4,
    alpha: float = 2.0,
    seed: int = 3,
) -> dict[Module, LoraPair]:
    """Random pairs for the chosen layers of a loaded model, large enough to change what it draws."""
    generator = torch.Generator().manual_seed(seed)
    pairs: dict[Module, LoraPair] = {}
    for part, network in networks_of(engine.components, engine.card.family).items():
        for name, weight in getattr(network, "model", network).named_parameters():
            module = name.removesuffix(".weight")
            if weight.ndim > 1 and name != module and chosen(part, module):
                ones = (1, 1) if weight.ndim == 4 else ()
                down = torch.randn(rank, *weight.shape[1:], generator=generator) * 0.2
                up = torch.randn(weight.shape[0], rank, *ones, generator=generator) * 0.2
                pairs[part, module] = LoraPair(down, up, alpha)
    return pairs


def make_words(engine: Engine, word: str = "zorro", count: int = 2) -> dict[str, tuple[torch.Tensor, ...]]:
    """Random vectors of a new word for every text encoder of a loaded model."""
    generator = torch.Generator().manual_seed(5)
    encoders = [encoder.model.embeddings.token_embedding.weight.shape[1] for encoder in engine.components.encoders]
    return {word: tuple(torch.randn(count, width, generator=generator) for width in encoders)}


def make_trained(engine: Engine, **facts: Any) -> Trained:
    """A LoRA of text encoder and UNet."""
    return Trained(lora=make_lora(engine, **facts))


def make_adapter(engine: Engine, **facts: Any) -> Adapter:
    """The card of something that is said to have been trained on a loaded model."""
    told: dict[str, Any] = {
        "name": "zorro",
        "method": "lora",
        "family": engine.card.family,
        "base": engine.card.name,
        "base_sha256": engine.card.sha256,
        "phrase": "zorro fox",
        "photos": 5,
        "photos_sha256": "a" * 64,
        "made": "2026-11-24T18:00:00+00:00",
        "width": 64,
        "height": 64,
        "steps": 12,
        "losses": ((1, 0.5), (2, 0.25)),
        "versions": {"torch": "2"},
    }
    return Adapter(**{**told, **facts})


def check_stopped_resume(card: ModelCard, plan: Any, folder: Path) -> None:
    """12 steps are 7, closed, and 5 by objects made anew in the same process.

    `check_exact_resume` kills a process of its own, which takes longer.
    """
    from training_runs import losses_of, small_training, train_small

    plan = replace(plan, steps=12, checkpoint_every=7)
    whole, weights = train_small(card, plan, folder / "whole")
    _, running = small_training(card, plan, folder / "stopped")
    for event in running:
        if getattr(event, "step", None) == 7:
            running.close()  # type: ignore[attr-defined]
    rest, resumed = train_small(card, plan, folder / "stopped")
    assert losses_of(rest) == losses_of(whole)[7:]
    assert set(resumed) == set(weights)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
