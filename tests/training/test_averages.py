"""EMA: the average is what its formula says, draws, and goes through states; without it nothing changes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_results import load
from training_runs import check_exact_resume, result_of, small_plan, train_small

from colabsd.engine.engine import Engine
from colabsd.models.cards import ModelCard
from colabsd.planning.plans import Drawing
from colabsd.planning.training import TrainingPlan
from colabsd.training.averages import PREFIX, AveragedTraining, full_training, kept_share
from colabsd.training.base import load_base

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def plan(small_card: ModelCard) -> TrainingPlan:
    return small_plan(small_card, method="full", learning_rate=1e-3, ema=True, steps=3)


def test_the_share_that_stays_grows_with_the_steps() -> None:
    assert [kept_share(step) for step in (0, 1)] == [0.1, 2 / 11]
    assert kept_share(10**6) == 0.9999


def test_it_is_the_formula_s_average_of_the_weights_on_the_way(
    small_card: ModelCard, plan: TrainingPlan, tmp_path: Path
) -> None:
    """Weights of trainings of 0 to 3 steps without an average, averaged here in fp64; fp32 rounds three times."""
    name = "unet.conv_in.weight"
    on_the_way: list[Tensor] = []
    for steps in range(4):
        _, found = train_small(small_card, replace(plan, steps=steps, ema=False), tmp_path / str(steps))
        on_the_way.append(found[name].double())
    wanted = on_the_way[0]
    for step, weight in enumerate(on_the_way[1:]):
        wanted = wanted * kept_share(step) + weight * (1 - kept_share(step))
    _, averaged = train_small(small_card, plan, tmp_path / "averaged")
    assert torch.equal(averaged[name].double(), on_the_way[-1])
    assert torch.allclose(averaged[PREFIX + name].double(), wanted, rtol=1e-6, atol=1e-8)
    assert not torch.equal(averaged[PREFIX + name], averaged[name])


def test_what_comes_out_and_what_is_drawn_is_the_average(small_card: ModelCard, plan: TrainingPlan) -> None:
    """Its UNet alone is changed; a sample is drawn with it, and the weights that learn stay where they are."""
    base = result_of(load_base(small_card, plan))
    trainable = full_training(base, plan)
    assert isinstance(trainable, AveragedTraining)
    with torch.no_grad():
        for name in trainable.averages:
            trainable.averages[name] *= 1.05
    networks = trainable.trained().networks
    assert torch.equal(networks["unet"]["conv_in.weight"], base.unet.conv_in.weight.detach() * 1.05)
    engine = load(small_card)
    sampled = latents(Engine(small_card, engine.execution, trainable.adapted(engine.components)))
    state = dict(engine.components.unet.state_dict())  # type: ignore[attr-defined]
    engine.components.unet.load_state_dict({name: networks["unet"][name] for name in state})  # type: ignore[attr-defined]
    assert torch.allclose(sampled, latents(engine), atol=1e-4)


def latents(engine: Engine) -> Tensor:
    drawing = Drawing(
        prompt="a photo",
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
    return [step.latents for step, _ in engine.steps([drawing])][-1]


@pytest.mark.slow
def test_12_steps_are_7_and_a_kill_and_5(small_card: ModelCard, plan: TrainingPlan, tmp_path: Path) -> None:
    check_exact_resume(small_card, plan, tmp_path)
