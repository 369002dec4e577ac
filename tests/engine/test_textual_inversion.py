"""Textual inversions of every layout: which words call them, and what they do to a prompt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from colabsd.engine.adaptation import check_fit
from colabsd.engine.conditioning import keeping_whole
from colabsd.engine.engine import Engine
from colabsd.engine.textual_inversion import read_inversion
from colabsd.errors import DamagedEmbeddingError, UnknownLoraError
from colabsd.models.adapters import AdapterFolders, calls
from colabsd.models.cards import ModelCard
from colabsd.models.embedding_files import read_embedding_file
from colabsd.planning.plans import Drawing, EmbeddingUse

Draw = Callable[..., Drawing]
WIDTH = 32  # of the small model


def vectors(count: int, width: int = WIDTH, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def a1111(tensor: torch.Tensor) -> dict[str, Any]:
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": tensor},
        "name": "x",
        "step": 3,
        "sd_checkpoint": None,
    }


def write(folder: Path, name: str, content: dict[str, Any]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("ink.pt", a1111(vectors(3)), ("ink",)),
        ("ink.pt", a1111(torch.nn.Parameter(vectors(3))), ("ink",)),
        ("ink.safetensors", {"emb_params": vectors(3)}, ("ink",)),
        ("learned_embeds.bin", {"<ink>": vectors(3)}, ("learned_embeds", "<ink>")),
        ("ink.safetensors", {"<ink>": vectors(3)}, ("ink", "<ink>")),
    ],
)
def test_every_layout_tells_its_words_and_vectors(
    tmp_path: Path, name: str, content: dict[str, Any], words: tuple[str, ...]
) -> None:
    path = write(tmp_path, name, content)
    file = read_embedding_file(path)
    assert (file.words, file.widths) == (words, (WIDTH,))
    (found,) = read_inversion(path, [WIDTH])
    assert torch.equal(found, vectors(3))


def test_one_vector_without_a_row_is_one_vector(tmp_path: Path) -> None:
    path = write(tmp_path, "learned_embeds.bin", {"<cat-toy>": vectors(1)[0].half()})
    (found,) = read_inversion(path, [WIDTH])
    assert torch.equal(found, vectors(1).half().float())


def test_sdxls_two_are_told_in_the_order_of_its_encoders(tmp_path: Path) -> None:
    path = write(tmp_path, "ink.safetensors", {"clip_g": vectors(2, 24), "clip_l": vectors(2)})
    found = read_inversion(path, [WIDTH, 24])
    assert [tuple(one.shape) for one in found] == [(2, WIDTH), (2, 24)]


@pytest.mark.parametrize(
    "content",
    [
        {"a": vectors(1), "b": vectors(1)},
        {"string_to_param": {}},
        {"x": torch.zeros(2, 2, 2)},
        {"x": torch.zeros(0, 4)},
    ],
)
def test_other_files_are_told(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(DamagedEmbeddingError, match="textual inversion"):
        read_embedding_file(write(tmp_path, "x.pt", content))


def test_one_of_another_family_or_with_numbers_that_are_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "ink.pt", a1111(vectors(3)))
    with pytest.raises(DamagedEmbeddingError, match=r"32 .*768"):
        read_inversion(path, [768])
    broken = vectors(3)
    broken[0, 0] = float("nan")
    with pytest.raises(DamagedEmbeddingError, match="NaN"):
        read_inversion(write(tmp_path, "nan.pt", a1111(broken)), [WIDTH])


def test_a_word_is_called_whole_and_in_any_case() -> None:
    assert calls("a (BadHands:1.2), b", "badhands") and calls("<ink>, red", "<ink>") and calls("ink", "ink")
    assert not calls("inkwell", "ink") and not calls("a link", "ink") and not calls("ink2", "ink")


def test_signs_beside_a_word_do_not_hide_it() -> None:
    """`>,` is one token for CLIP; the word would not be found in it."""
    seen: list[str] = []

    def tokenize(text: str) -> list[int]:
        seen.append(text)
        return list(range(len(text)))

    keeping_whole(["<ink>", "rain"], tokenize)("a <ink>, rain")
    assert seen == ["a ", "<ink>", ", rain"]
    assert keeping_whole(["rain"], tokenize) is tokenize


def latents(engine: Engine, drawing: Drawing) -> torch.Tensor:
    return [step.latents for step, _ in engine.steps([drawing])][-1]


@pytest.mark.integration
def test_a_word_stands_for_its_vectors_while_a_drawing_names_it(
    load_small: Callable[..., Engine], small_card: ModelCard, drawing: Draw, tmp_path: Path
) -> None:
    """An inversion of the very vectors of two words draws what the two words draw, to the last bit."""
    engine = load_small(small_card)
    tokenizer, table = engine.components.encoders[0].tokenizer, engine.components.encoders[0].model
    ids = [*tokenizer.ids("red"), *tokenizer.ids("apple")]
    same = table.get_parameter("embeddings.token_embedding.weight")[ids].clone()
    write(tmp_path / "embeddings", "zz.pt", a1111(same))
    write(tmp_path / "embeddings", "sub/<toy>.safetensors", {"emb_params": vectors(2)})
    engine.adapters = AdapterFolders(tmp_path)
    digests = engine.adapters.embeddings

    def using(word: str, prompt: str) -> Drawing:
        return drawing(prompt=prompt, embeddings=(EmbeddingUse(name=word, sha256=digests[word]),))

    plain = latents(engine, drawing(prompt="a red apple"))
    assert torch.equal(latents(engine, using("zz", "a zz")), plain)
    other = latents(engine, using("<toy>", "a <toy>"))
    assert not torch.equal(other, plain)
    assert torch.equal(latents(engine, drawing(prompt="a red apple")), plain)
    assert not torch.equal(latents(engine, drawing(prompt="a <toy>")), other)
    check_fit(small_card, [using("zz", "zz")], engine.adapters)
    with pytest.raises(UnknownLoraError, match="zz"):
        latents(engine, drawing(embeddings=(EmbeddingUse(name="zz", sha256="0" * 64),)))
