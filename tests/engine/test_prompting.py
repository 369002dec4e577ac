"""What steers the model at each call: schedules, AND, the negative prompt, and what is remembered."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from colabsd.engine import prompting
from colabsd.engine.conditioning import encode_together
from colabsd.engine.engine import Engine
from colabsd.engine.prompting import PromptReader, Steering
from colabsd.planning.plans import Drawing, LoraUse
from colabsd.prompts.attention import weigh

Draw = Callable[..., Drawing]


@torch.inference_mode()
def read(engine: Engine, drawing: Drawing, calls_per_step: int = 1, guided: bool = True) -> Steering:
    return PromptReader(engine.components.encoders, "cpu").read(drawing, calls_per_step, guided=guided)


@torch.inference_mode()
def alone(engine: Engine, text: str) -> torch.Tensor:
    pieces = weigh(text)
    encoders = engine.components.encoders
    return encode_together(encoders, {pieces: 1}, device="cpu", clip_skip=1, emphasis="original")[pieces].embeddings


def texts_at(engine: Engine, steering: Steering, calls: int, *texts: str) -> list[str]:
    """Which of the texts the first side is at each call."""
    known = {text: alone(engine, text) for text in texts}
    used = [steering.sides[0].at(call).embeddings for call in range(calls)]
    return [next(text for text, one in known.items() if torch.equal(one, now)) for now in used]


def test_a_plain_prompt_is_the_same_at_every_call(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="red apple", negative_prompt="blue", steps=4))
    for call in range(4):
        negative, side = steering.at(call)
        assert torch.equal(negative.embeddings, alone(small_engine, "blue"))
        assert torch.equal(side.embeddings, alone(small_engine, "red apple"))
    assert steering.weights == (1.0,)


def test_a_schedule_switches_after_its_call_counted_from_0(small_engine: Engine, drawing: Draw) -> None:
    """As A1111: `[a:b:2]` uses a while call <= 2, which are the first three calls."""
    steering = read(small_engine, drawing(prompt="[red:apple:2]", steps=6))
    assert texts_at(small_engine, steering, 6, "red", "apple") == ["red"] * 3 + ["apple"] * 3


def test_an_alternation_begins_with_its_first_member_twice(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="[red|apple|roj]", steps=6))
    expected = ["red", "red", "apple", "roj", "red", "apple"]
    assert texts_at(small_engine, steering, 6, "red", "apple", "roj") == expected


def test_samplers_that_call_twice_count_calls(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="[red:apple:0.5]", steps=4), calls_per_step=2)
    assert texts_at(small_engine, steering, 8, "red", "apple") == ["red"] * 5 + ["apple"] * 3
    steering = read(small_engine, drawing(prompt="[red:apple:2]", steps=4), calls_per_step=2)
    assert texts_at(small_engine, steering, 8, "red", "apple") == ["red"] * 3 + ["apple"] * 5


def test_calls_beyond_the_schedule_use_its_last_text(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="[red:apple:1]", steps=2))
    assert texts_at(small_engine, steering, 5, "red", "apple") == ["red", "red", "apple", "apple", "apple"]


def test_negative_prompts_have_schedules_too_and_and_is_a_word_there(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(negative_prompt="[red:apple:1]", steps=3))
    assert steering.negative is not None
    assert torch.equal(steering.negative.at(0).embeddings, alone(small_engine, "red"))
    assert torch.equal(steering.negative.at(2).embeddings, alone(small_engine, "apple"))
    both = read(small_engine, drawing(negative_prompt="red AND apple"))
    assert both.negative is not None
    assert torch.equal(both.negative.at(0).embeddings, alone(small_engine, "red AND apple"))


def test_the_sides_of_and_keep_their_weights_and_are_equally_long(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="red BREAK apple :0.7 AND apple :-0.5"))
    assert steering.weights == (0.7, -0.5)
    negative, long, short = (one.embeddings for one in steering.at(0))
    assert negative.shape[1] == 77
    assert long.shape[1] == short.shape[1] == 154
    assert torch.equal(short[:, :77], alone(small_engine, "apple"))
    assert torch.equal(short[:, 77:], alone(small_engine, "apple")[:, -1:].expand(-1, 77, -1))


def test_without_guidance_the_negative_prompt_is_read_only_for_an_and(small_engine: Engine, drawing: Draw) -> None:
    assert read(small_engine, drawing(prompt="red"), guided=False).negative is None
    assert read(small_engine, drawing(prompt="red AND apple"), guided=False).negative is not None


def test_tags_of_extra_networks_are_not_encoded(small_engine: Engine, drawing: Draw) -> None:
    steering = read(small_engine, drawing(prompt="red<lora:ink:0.8> apple", negative_prompt="<lora:x>blue # no"))
    negative, side = steering.at(0)
    assert torch.equal(side.embeddings, alone(small_engine, "red apple"))
    assert torch.equal(negative.embeddings, alone(small_engine, "blue"))


@pytest.fixture
def counted(small_engine: Engine) -> tuple[PromptReader, list[int]]:
    """A reader, and how many chunks its encoder has read so far, one entry each."""
    calls: list[int] = []
    (encoder,) = small_engine.components.encoders

    class Counting:
        tokenizer = encoder.tokenizer

        def __call__(self, ids: torch.Tensor, clip_skip: int, insertions: Any = ()) -> Any:
            calls.append(len(ids))
            return encoder(ids, clip_skip, insertions)

    return PromptReader([Counting()], "cpu"), calls


def test_texts_are_encoded_once(counted: Any, drawing: Draw) -> None:
    reader, calls = counted
    wanted = drawing(prompt="[red|apple]", negative_prompt="blue", steps=8)
    reader.read(wanted, 1, guided=True)
    assert len(calls) == 3
    reader.read(wanted, 1, guided=True)
    assert len(calls) == 3
    reader.read(drawing(prompt="roj", negative_prompt="blue"), 1, guided=True)
    assert len(calls) == 4


@pytest.mark.parametrize(
    "facts", [{"clip_skip": 2}, {"emphasis": "ignore"}, {"loras": (LoraUse(name="ink"),)}], ids=str
)
def test_what_changes_the_encoding_is_encoded_anew(counted: Any, drawing: Draw, facts: dict[str, Any]) -> None:
    reader, calls = counted
    for wanted in (drawing(prompt="(red)"), drawing(prompt="(red)", **facts)):
        reader.read(wanted, 1, guided=False)
    assert len(calls) == 2
    reader.forget()
    reader.read(drawing(prompt="(red)"), 1, guided=False)
    assert len(calls) == 3


def test_what_is_remembered_is_bounded(counted: Any, drawing: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, calls = counted
    monkeypatch.setattr(prompting, "REMEMBERED_TOKENS", 2 * 77)
    for prompt in ("red", "apple", "roj", "red", "roj"):
        reader.read(drawing(prompt=prompt), 1, guided=False)
    assert len(calls) == 4  # "red" was forgotten, "roj" was not
