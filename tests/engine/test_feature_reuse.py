"""Inner levels used again: how often they are computed, what stays equal, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from colabsd.engine.engine import Engine
from colabsd.engine.feature_reuse import FeatureReuse
from colabsd.engine.unet import UNet
from colabsd.planning.plans import Drawing


def latents(engine: Engine, drawing: Drawing) -> torch.Tensor:
    return [step.latents for step, _ in engine.steps([drawing])][-1]


def computed(engine: Engine, drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each call of the UNet whether its inner levels were computed."""
    calls: list[bool] = []
    predict = UNet.predict

    def watched(*given: Any) -> Any:
        calls.append(len(given) < 5 or given[4] is None)
        return predict(*given)

    monkeypatch.setattr(UNet, "predict", watched)
    latents(engine, drawing)
    return calls


def test_inner_levels_are_computed_at_every_nth_call(
    small_engine: Engine, drawing: Callable[..., Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = computed(small_engine, drawing(steps=7, feature_reuse=3), monkeypatch)
    assert found == [True, False, False, True, False, False, True]


def test_conditions_that_are_new_have_their_inner_levels_computed(
    small_engine: Engine, drawing: Callable[..., Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = computed(small_engine, drawing(prompt="[roja:apple:2]", steps=6, feature_reuse=3), monkeypatch)
    assert found == [True, False, False, True, False, False]  # A1111 changes the text after three calls


def test_the_prediction_is_the_same_where_the_inner_levels_are_those_of_the_same_call(small_engine: Engine) -> None:
    unet: Any = small_engine.components.unet
    generator = torch.Generator().manual_seed(2)
    noise, text = torch.randn((2, 4, 8, 8), generator=generator), torch.randn((2, 77, 32), generator=generator)
    with torch.inference_mode():
        conditions = unet.prepare(text)
        whole, inner = unet.predict(noise, torch.tensor(500), conditions)
        outer, _ = unet.predict(noise, torch.tensor(500), conditions, inner)
        assert torch.equal(whole, outer) and torch.equal(whole, unet(noise, torch.tensor(500), conditions))


def test_reused_features_give_another_picture_near_the_first(
    small_engine: Engine, drawing: Callable[..., Drawing]
) -> None:
    whole = latents(small_engine, drawing(steps=8))
    reused = latents(small_engine, drawing(steps=8, feature_reuse=2))
    other = latents(small_engine, drawing(steps=8, seed=99))
    assert 0 < float((reused - whole).norm()) < 0.5 * float((other - whole).norm())


def test_features_of_few_conditions_are_kept() -> None:
    reuse, conditions = FeatureReuse(5), [object() for _ in range(6)]
    for one in conditions:
        assert reuse.find(torch.tensor(9), one) is None
        reuse.keep(one, torch.zeros(1))
    assert reuse.find(torch.tensor(8), conditions[0]) is None
    assert reuse.find(torch.tensor(8), conditions[5]) is not None
