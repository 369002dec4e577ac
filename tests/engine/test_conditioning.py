"""Weighted text: token ids as transformers', embeddings as A1111's formula makes them of transformers' numbers."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.engine import conditioning
from colabsd.engine.conditioning import emphasize, encode_together
from colabsd.engine.engine import Engine
from colabsd.errors import PromptTooLongError
from colabsd.prompts import Piece
from colabsd.prompts.attention import weigh


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
    mine = small_engine.components.encoders[0].tokenizer
    assert mine.padded(mine.ids(text)) == clip_tokenizer(text, padding="max_length", truncation=True).input_ids
    assert len(mine.padded(mine.ids(text))) == 77


@pytest.mark.parametrize("text", ["<|endoftext|>", "a <|startoftext|> b<|endoftext|>c", "", " \n\t "])
def test_ids_of_special_tokens_equal_transformers(clip_tokenizer: Any, small_engine: Engine, text: str) -> None:
    mine = small_engine.components.encoders[0].tokenizer
    assert mine.padded(mine.ids(text)) == clip_tokenizer(text, padding="max_length", truncation=True).input_ids


@pytest.fixture(scope="module")
def reference(small_model_folder: Path) -> Any:
    """transformers' text encoder of the same files."""
    from transformers import CLIPTextModel

    return CLIPTextModel.from_pretrained(small_model_folder / "text_encoder").eval()


@torch.inference_mode()
def theirs(reference: Any, chunks: list[list[int]], special: Any, clip_skip: int = 1) -> torch.Tensor:
    """(k, 77, width) of chunks of token ids, framed and padded by hand, through transformers' encoder."""
    rows = [[special.start, *ids, *[special.end] * (76 - len(ids))] for ids in chunks]
    encoded = [reference(torch.tensor([row]), output_hidden_states=True).hidden_states[-clip_skip] for row in rows]
    norm = getattr(reference, "text_model", reference).final_layer_norm
    return torch.cat([norm(one) for one in encoded])


@torch.inference_mode()
def ours(
    engine: Engine, *texts: str, clip_skip: int = 1, emphasis: Any = "original", **more: Any
) -> list[torch.Tensor]:
    pieces = Counter(weigh(text) if emphasis != "literal" else (Piece(text),) for text in texts)
    encoders = engine.components.encoders
    encoded = encode_together(encoders, pieces, device="cpu", clip_skip=clip_skip, emphasis=emphasis, **more)
    return [one.embeddings for one in encoded.values()]


@pytest.mark.parametrize("clip_skip", [1, 2, 3])
@pytest.mark.parametrize("emphasis", ["original", "no-norm", "ignore", "literal"])
def test_plain_text_has_the_numbers_of_transformers(
    small_engine: Engine, reference: Any, clip_skip: int, emphasis: str
) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    expected = theirs(reference, [tokenizer.ids("red apple")], tokenizer.special, clip_skip)
    assert torch.equal(ours(small_engine, "red apple", clip_skip=clip_skip, emphasis=emphasis)[0], expected)


@pytest.mark.parametrize("text", ["(red:1) apple", "(red apple:1.0)", "(red:1.0)( apple:1)"])
def test_a_weight_of_1_touches_no_number(small_engine: Engine, text: str) -> None:
    assert torch.equal(ours(small_engine, text)[0], ours(small_engine, "red apple")[0])


def test_weights_multiply_each_token_and_the_mean_is_restored(small_engine: Engine, reference: Any) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    words = [("a ", 1.0), ("red", 1.1), (" apple ", 1.0), ("blue", 1.5), (" sky", 1 / 1.1)]
    ids = [token for text, _ in words for token in tokenizer.ids(text)]
    weights = [weight for text, weight in words for _ in tokenizer.ids(text)]
    plain = theirs(reference, [ids], tokenizer.special)
    factors = torch.tensor([1.0, *weights, *[1.0] * (76 - len(weights))])[None, :, None]
    weighed = plain * factors
    text = "a (red) apple (blue:1.5)[ sky]"
    assert torch.equal(ours(small_engine, text, emphasis="no-norm")[0], weighed)
    restored = ours(small_engine, text)[0]
    torch.testing.assert_close(restored, weighed * (plain.mean() / weighed.mean()), rtol=0, atol=0)
    assert restored.mean() == pytest.approx(plain.mean().item(), abs=1e-6)
    assert torch.equal(ours(small_engine, text, emphasis="ignore")[0], plain)


def test_literal_brackets_are_characters(small_engine: Engine, reference: Any) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    expected = theirs(reference, [tokenizer.ids("a (red:1.5) apple")], tokenizer.special)
    assert torch.equal(ours(small_engine, "a (red:1.5) apple", emphasis="literal")[0], expected)


def test_long_text_goes_into_chunks_and_nothing_is_cut(small_engine: Engine, reference: Any) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    text = " ".join(["red", "apple"] * 50)
    ids = tokenizer.ids(text)
    assert len(ids) == 100
    expected = theirs(reference, [ids[:75], ids[75:]], tokenizer.special)
    mine = ours(small_engine, text)[0]
    assert mine.shape == (1, 154, 32)
    assert torch.equal(mine, expected.reshape(1, 154, 32))


def test_each_chunk_keeps_its_own_mean(small_engine: Engine, reference: Any) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    plain = theirs(reference, [tokenizer.ids("red"), tokenizer.ids("apple")], tokenizer.special)
    mine = ours(small_engine, "(red:1.4) BREAK apple")[0].reshape(2, 77, 32)
    weighed = plain[0] * torch.tensor([1.0, *[1.4] * len(tokenizer.ids("red")), *[1.0] * 75])[:77, None]
    assert torch.equal(mine[0], weighed * (plain[0].mean() / weighed.mean()))
    assert torch.equal(mine[1], plain[1])


def test_the_texts_of_a_schedule_restore_their_mean_together(small_engine: Engine, reference: Any) -> None:
    """A1111 encodes them as one batch; a text that occurs twice counts twice. Means of means: a few roundings."""
    tokenizer = small_engine.components.encoders[0].tokenizer
    red, blue = (theirs(reference, [tokenizer.ids(text)], tokenizer.special) for text in ("red", "blue"))
    weighed = red * torch.tensor([1.0, *[1.5] * len(tokenizer.ids("red")), *[1.0] * 76])[:77][None, :, None]
    batch, after = torch.cat([red, blue, red]), torch.cat([weighed, blue, weighed])
    ratio = batch.mean() / after.mean()
    mine = ours(small_engine, "(red:1.5)", "blue", "(red:1.5)")
    torch.testing.assert_close(mine[0], weighed * ratio, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(mine[1], blue * ratio, rtol=1e-6, atol=1e-6)


def test_shorter_texts_of_a_schedule_are_filled_with_empty_chunks(small_engine: Engine, reference: Any) -> None:
    tokenizer = small_engine.components.encoders[0].tokenizer
    long, short = ours(small_engine, "red BREAK apple", "blue")
    assert long.shape == short.shape == (1, 154, 32)
    assert torch.equal(short[0, 77:], theirs(reference, [[]], tokenizer.special)[0])


@pytest.mark.parametrize(
    "text", ["(a:99999999999999999999999999999999999999999)", "(a:-1e400)", "(a:0)", "a (b:-77777)"]
)
def test_absurd_weights_leave_finite_numbers(small_engine: Engine, text: str) -> None:
    assert ours(small_engine, text)[0].isfinite().all()
    assert ours(small_engine, text, emphasis="no-norm")[0].isfinite().all()


def test_half_precision_stays_finite_too() -> None:
    hidden = torch.full((1, 1, 77, 4), 300.0, dtype=torch.float16)
    weights = torch.full((1, 1, 77), 1000.0)
    assert emphasize(hidden, weights, [1], restore_mean=False).isfinite().all()


def test_a_textual_inversion_stands_for_its_name(small_engine: Engine) -> None:
    """Vectors that are the token embeddings of other words give what those words give."""
    encoder: Any = small_engine.components.encoders[0]
    table = encoder.model.embeddings.token_embedding.weight
    ids = encoder.tokenizer.ids("red apple")
    vectors = table[torch.tensor(ids)].detach().clone()
    mine = ours(small_engine, "my zface sky", inversions={"zface": [vectors]})[0]
    assert torch.equal(mine, ours(small_engine, "my red apple sky")[0])
    assert not torch.equal(ours(small_engine, "my zface sky")[0], mine)


def test_more_chunks_than_fit_are_refused(small_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditioning, "MOST_CHUNKS", 3)
    ours(small_engine, "a BREAK b BREAK c")
    with pytest.raises(PromptTooLongError, match="4 chunks"):
        ours(small_engine, "a BREAK b", "c")
