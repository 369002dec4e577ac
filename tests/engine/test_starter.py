"""The engine with the embedded model: what diffusers draws from the same files, and previews of its colours."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from colabsd.engine.engine import Drawn, Engine
from colabsd.models.starter import Starter, starter_folder
from colabsd.planning.plans import Drawing
from colabsd.progress import Progress

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def starter_engine(load_small: Callable[..., Engine]) -> Engine:
    return load_small(Starter(starter_folder()).card())


@pytest.fixture
def apple(starter_engine: Engine, drawing: Callable[..., Drawing]) -> Drawing:
    card = starter_engine.card
    return drawing(
        prompt="una manzana roja, estilo 3d, fondo azul",
        width=card.size.width,
        height=card.size.height,
        sampler=card.default_sampler,
        schedule=card.default_schedule,
        steps=card.default_steps,
        guidance=card.default_guidance,
    )


def test_it_draws_what_diffusers_draws_with_the_same_files(starter_engine: Engine, apple: Drawing) -> None:
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline.from_pretrained(starter_folder(), torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        apple.prompt,
        num_inference_steps=apple.steps,
        guidance_scale=apple.guidance,
        generator=torch.Generator().manual_seed(apple.seed),
    ).images[0]
    (ours,) = [event.image for event in starter_engine.draw([apple]) if isinstance(event, Drawn)]
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_the_last_preview_has_the_pictures_colours(starter_engine: Engine, apple: Drawing) -> None:
    events = list(starter_engine.draw([apple], previews=True))
    preview = [event.preview for event in events if isinstance(event, Progress) and event.stage == "denoise"][-1]
    picture = np.asarray(events[-1].image.resize(preview.shape[1::-1]))
    # A linear map from four numbers: a mean error of 40 of 255 is rough, and still tells red on blue apart.
    assert np.abs(np.int16(preview) - picture).mean() < 40


def formula(encoder: Any, tokenizer: Any, words: list[tuple[str, float]], clip_skip: int = 1) -> torch.Tensor:
    """A1111's embeddings of weighted words that fit into one chunk, computed from transformers' text encoder."""
    ids, weights = [tokenizer.bos_token_id], [1.0]
    for text, weight in words:
        found = tokenizer(text, add_special_tokens=False).input_ids
        ids += found
        weights += [weight] * len(found)
    missing = 77 - len(ids)
    ids, weights = ids + [tokenizer.eos_token_id] * missing, weights + [1.0] * missing
    with torch.inference_mode():
        states = encoder(torch.tensor([ids]), output_hidden_states=True).hidden_states[-clip_skip]
        states = getattr(encoder, "text_model", encoder).final_layer_norm(states)
        weighed = states * torch.tensor([weights])[..., None]
        return weighed * (states.mean() / weighed.mean())


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_weighted_prompts_have_the_embeddings_of_a1111s_formula(
    starter_engine: Engine, apple: Drawing, clip_skip: int
) -> None:
    from transformers import CLIPTextModel, CLIPTokenizer

    encoder = CLIPTextModel.from_pretrained(starter_folder() / "text_encoder", dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(starter_folder() / "tokenizer")
    prompt = "a (red:1.3) apple, ((3d style)), [blue] background"
    words = [
        ("a ", 1.0),
        ("red", 1.3),
        (" apple, ", 1.0),
        ("3d style", 1.1 * 1.1),
        (", ", 1.0),
        ("blue", 1 / 1.1),
        (" background", 1.0),
    ]
    drawing = dataclasses.replace(apple, prompt=prompt, negative_prompt="(green:1.5)", clip_skip=clip_skip)
    with torch.inference_mode():
        negative, side = starter_engine.reader.read(drawing, 1, guided=True).at(0)
    # Measured: equal to the last bit. A mean near 0 would be summed apart by another order of sums.
    torch.testing.assert_close(side.embeddings, formula(encoder, tokenizer, words, clip_skip), rtol=0, atol=1e-5)
    expected = formula(encoder, tokenizer, [("green", 1.5)], clip_skip)
    torch.testing.assert_close(negative.embeddings, expected, rtol=0, atol=1e-5)
    plain = formula(encoder, tokenizer, [("a red apple, 3d style, blue background", 1.0)], clip_skip)
    assert (side.embeddings - plain).abs().max() > 0.01
