"""Sentences: token ids as transformers', embeddings as transformers', the cut told."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.engine.conditioning import encode
from colabsd.engine.engine import Engine


@pytest.fixture(scope="module")
def clip_tokenizer(small_model_folder: Path) -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(small_model_folder / "tokenizer")


@given(
    st.text(max_size=60)
    | st.sampled_from(["¡una manzana roja!", "año, ÑANDÚ, pingüino", "🍎👩‍🚀 red", "don't  it's\t7up"])
)
@settings(deadline=None, max_examples=150)
def test_ids_equal_transformers(clip_tokenizer: Any, small_engine: Engine, text: str) -> None:
    mine = small_engine.components.tokenizer
    assert mine.padded(mine.ids(text)) == clip_tokenizer(text, padding="max_length", truncation=True).input_ids
    assert len(mine.padded(mine.ids(text))) == 77


@pytest.mark.parametrize("text", ["<|endoftext|>", "a <|startoftext|> b<|endoftext|>c", "", " \n\t "])
def test_ids_of_special_tokens_equal_transformers(clip_tokenizer: Any, small_engine: Engine, text: str) -> None:
    mine = small_engine.components.tokenizer
    assert mine.padded(mine.ids(text)) == clip_tokenizer(text, padding="max_length", truncation=True).input_ids


@pytest.mark.parametrize("clip_skip", [1, 2, 3])
def test_embeddings_equal_transformers(small_engine: Engine, small_model_folder: Path, clip_skip: int) -> None:
    from transformers import CLIPTextModel

    theirs = CLIPTextModel.from_pretrained(small_model_folder / "text_encoder")
    tokenizer = small_engine.components.tokenizer
    ids = torch.tensor([tokenizer.padded(tokenizer.ids("red apple"))])
    with torch.inference_mode():
        hidden = theirs(ids, output_hidden_states=True).hidden_states[-clip_skip]
        norm = getattr(theirs, "text_model", theirs).final_layer_norm
        mine = encode(small_engine.components, "red apple", clip_skip).embeddings
        assert torch.equal(mine, norm(hidden))


def test_what_does_not_fit_is_told(small_engine: Engine) -> None:
    text = "red apple " * 50
    with torch.inference_mode():
        encoded = encode(small_engine.components, text, 1)
        assert encoded.embeddings.shape == (1, 77, 32)
        assert encode(small_engine.components, "red apple", 1).cut == ""
    assert encoded.cut.startswith("apple red apple")  # the 75 tokens that fit end with "red"
    assert len(encoded.cut.split()) == 25
