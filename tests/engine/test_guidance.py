"""Guidance: the formula of AND, what goes through the model together, and that it reaches the picture."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from colabsd.engine.conditioning import Encoded
from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.guidance import GuidedModel, calls_between, combine, groups
from colabsd.engine.prompting import Steering, Timeline
from colabsd.engine.unet import UNet
from colabsd.planning.plans import Drawing
from colabsd.settings.samplers import find_sampler

Draw = Callable[..., Drawing]


def encoded(value: float, tokens: int = 77) -> Encoded:
    return Encoded(torch.full((1, tokens, 1), value))


def steady(value: float, tokens: int = 77) -> Timeline:
    return Timeline((99,), (encoded(value, tokens),))


def model(latents: torch.Tensor, _: torch.Tensor, prepared: torch.Tensor) -> torch.Tensor:
    """A model whose prediction is its condition's value times its latents."""
    return latents * prepared.repeat_interleave(len(latents) // len(prepared))[:, None, None, None]


def prepare(together: Sequence[Encoded]) -> torch.Tensor:
    return torch.tensor([float(one.embeddings[0, 0, 0]) for one in together])


def test_one_side_of_weight_1_is_classifier_free_guidance_to_the_last_bit() -> None:
    unconditional, side = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1)).unbind()
    assert torch.equal(combine([unconditional, side], [1.0], 7.5), unconditional + 7.5 * (side - unconditional))


def test_sides_of_and_are_summed_by_their_weights() -> None:
    u, a, b = torch.randn(3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(1)).double().unbind()
    expected = u + 0.7 * 7.5 * (a - u) + -0.5 * 7.5 * (b - u)
    torch.testing.assert_close(combine([u, a, b], [0.7, -0.5], 7.5), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tokens", [77, 154], ids=["equally long", "longer"])
def test_every_picture_of_a_batch_gets_its_own_latents(tokens: int) -> None:
    steering = Steering((steady(2.0, tokens), steady(3.0, tokens)), (1.0, 0.5), steady(1.0))
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    guided = GuidedModel(model, prepare, steering, 2.0)(0, latents, torch.tensor(1))
    torch.testing.assert_close(guided, latents * (1 + 2.0 * (2 - 1) + 2.0 * 0.5 * (3 - 1)))


def test_without_a_negative_prompt_the_side_is_the_prediction() -> None:
    guided = GuidedModel(model, prepare, Steering((steady(2.0),), (1.0,)), 5.0)
    assert torch.equal(guided(0, torch.ones(1, 4, 1, 1), torch.tensor(1)), torch.full((1, 4, 1, 1), 2.0))


def test_at_most_two_equally_long_conditions_go_through_the_model_together() -> None:
    short, long = [encoded(index) for index in range(5)], [encoded(9.0, 154)]
    assert [len(group) for group in groups(short)] == [2, 2, 1]
    assert [len(group) for group in groups([short[0], *long, short[1], short[2]])] == [1, 1, 2]


def test_conditions_are_prepared_once_for_the_calls_that_use_them() -> None:
    made: list[int] = []

    def counting(together: Sequence[Encoded]) -> torch.Tensor:
        made.append(len(together))
        return prepare(together)

    first, second = encoded(1.0), encoded(2.0)
    turns = Timeline((1, 2, 3, 4), (first, second, first, second))
    guided = GuidedModel(model, counting, Steering((turns,), (1.0,)), 1.0)
    values = [float(guided(call, torch.ones(1, 4, 1, 1), torch.tensor(1))[0, 0]) for call in range(5)]
    assert values == [1.0, 1.0, 2.0, 1.0, 2.0]
    assert made == [1, 1]


def pixels(engine: Engine, drawing: Drawing) -> Any:
    return next(np.asarray(event.image) for event in engine.draw([drawing]) if isinstance(event, Drawn))


SWITCHES = [
    ("Euler", "rrra"),  # four calls, `[r:a:0.5]` ends r at call 2, counted from 0
    ("Heun", "rrrrraa"),  # two calls a step but for the last: r ends at call 4
    ("DPM2", "rrrrraa"),
    ("DPM2 a", "rrrrraa"),
    ("DPM++ SDE", "rrrrraa"),
    ("PNDM", "rrraa"),  # the second step is called twice
    ("DPM fast", "rrra"),
]


@pytest.mark.parametrize(("sampler", "expected"), SWITCHES)
def test_prompts_switch_at_the_same_model_call_as_in_a1111(
    small_engine: Engine, drawing: Draw, monkeypatch: pytest.MonkeyPatch, sampler: str, expected: str
) -> None:
    used: list[Encoded] = []
    at = Steering.at

    def watching(self: Steering, call: int) -> tuple[Encoded, ...]:
        used.append(at(self, call)[1])
        return at(self, call)

    monkeypatch.setattr(Steering, "at", watching)
    wanted = drawing(sampler=sampler, prompt="[red:apple:0.5]", steps=4, eta=find_sampler(sampler).default_eta)
    list(small_engine.steps([wanted]))
    letters = dict(zip(dict.fromkeys(map(id, used)), "ra", strict=True))
    assert "".join(letters[id(one)] for one in used) == expected


PROMPTS = (
    "red apple, blue sky",
    "(red:1.4) apple, blue sky",
    "red apple, [blue] sky",
    "[red:blue:0.5] apple, blue sky",
    "[red|blue] apple, blue sky",
    "red apple AND blue sky",
    "red apple AND blue sky :0.5",
    "red apple, BREAK blue sky",
    "red apple, " * 30 + "blue sky",
    "red apple, " * 30 + "roj sky",
)


def test_every_part_of_the_language_changes_the_picture(small_engine: Engine, drawing: Draw) -> None:
    made = {prompt: pixels(small_engine, drawing(prompt=prompt, steps=4)).tobytes() for prompt in PROMPTS}
    assert len(set(made.values())) == len(PROMPTS)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_an_and_is_guided_whatever_the_guidance(small_engine: Engine, drawing: Draw, guidance: float) -> None:
    one, both = (
        pixels(small_engine, drawing(prompt=prompt, guidance=guidance)) for prompt in ("red", "red AND apple :0.5")
    )
    assert not np.array_equal(one, both)


def test_every_emphasis_makes_another_picture(small_engine: Engine, drawing: Draw) -> None:
    modes = ("original", "no-norm", "ignore", "literal")
    made = {mode: pixels(small_engine, drawing(prompt="a (red:1.6) apple", emphasis=mode)).tobytes() for mode in modes}
    assert len(set(made.values())) == 4
    plain = pixels(small_engine, drawing(prompt="a red apple")).tobytes()
    assert made["ignore"] == plain


@pytest.mark.parametrize(
    "prompt",
    [
        "word " * 2000,
        "((((((((((" * 200 + "red" + ")" * 17,
        "[a|" * 100 + "b" + "]" * 100,
        "[" * 500 + "a:b:1" + "]" * 500,
        "red AND " * 5 + "AND :3 AND",
        "(a:1e9) (b:-99999) [c:d:999999999999]",
        ":0.5 BREAK BREAK BREAK",
        "\\(\\) \\",
    ],
    ids=lambda prompt: prompt[:20],
)
def test_hostile_prompts_are_drawn(small_engine: Engine, drawing: Draw, prompt: str) -> None:
    assert pixels(small_engine, drawing(prompt=prompt, negative_prompt=prompt, steps=1)).shape == (64, 64, 3)


def test_a_long_prompt_and_a_short_negative_one_need_no_padding(small_engine: Engine, drawing: Draw) -> None:
    """As A1111 by default: the shorter one goes through the model by itself, with its own 77 tokens."""
    seen: list[int] = []
    unet = small_engine.components.unet
    prepare_ = unet.prepare

    def watching(embeddings: torch.Tensor, *more: Any) -> Any:
        seen.append(embeddings.shape[1])
        return prepare_(embeddings, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unet, "prepare", watching)
        pixels(small_engine, drawing(prompt="red apple " * 60, negative_prompt="blue", steps=2))
    assert sorted(seen) == [77, 154]


def test_outside_its_interval_guidance_is_one_and_takes_one_pass(
    small_engine: Engine, drawing: Callable[..., Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    predict = UNet.predict

    def watched(*given: Any) -> Any:
        rows.append(len(given[1]))
        return predict(*given)

    monkeypatch.setattr(UNet, "predict", watched)
    list(small_engine.steps([drawing(steps=5, guidance_start=0.2, guidance_stop=0.6)]))
    assert rows == [1, 2, 2, 1, 1]


def test_the_calls_of_an_interval_are_shares_of_the_way() -> None:
    assert calls_between(0, 1, 7) == range(7)
    assert calls_between(0.5, 1, 3) == range(2, 3)
    assert not calls_between(0.8, 0.2, 10)


def test_no_interval_and_a_guidance_of_one_are_the_same_picture(
    small_engine: Engine, drawing: Callable[..., Drawing]
) -> None:
    never, without = (
        [step.latents for step, _ in small_engine.steps([one])][-1]
        for one in (drawing(guidance_start=1.0), drawing(guidance=1.0))
    )
    assert torch.equal(never, without)
