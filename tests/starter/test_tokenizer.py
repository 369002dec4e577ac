"""The vocabulary: every letter survives, known words are short, every loader reads the same ids."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from starter.concepts import learnt, read_concepts
from starter.recipe import FIRST, TOKENS
from starter.tokenizer import Sentences, train

LETTERS = 'abcdefghijklmnñopqrstuvwxyz áéíóúü àèç 0123456789 ¿qué? ¡sí! (a:1.2) "x" - _ / \' ª º €'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    train(learnt(read_concepts(), ("first",)), FIRST, path, captions=500)
    return path


def test_every_spanish_letter_survives(folder: Path) -> None:
    tokenizer = Sentences(folder).tokenizer
    ids = tokenizer(LETTERS)["input_ids"]
    assert "".join(tokenizer.decode(ids, skip_special_tokens=True).split()) == "".join(LETTERS.split())


def test_capitals_make_no_difference(folder: Path) -> None:
    sentences = Sentences(folder)
    assert sentences(["UNA MANZANA ROJA, Pingüino"]).equal(sentences(["una manzana roja, pingüino"]))


def test_sentences_have_the_length_that_was_asked(folder: Path) -> None:
    sentences = Sentences(folder)
    ids = sentences(["", "a red apple " * 60], 24)
    assert ids.shape == (2, 24)
    assert ids[0, 0] == sentences.size - 2 and (ids[0, 1:] == sentences.size - 1).all()
    assert ids[1, -1] == sentences.size - 1
    assert sentences(["x"]).shape == (1, TOKENS)


def test_short_padding_is_the_beginning_of_long_padding(folder: Path) -> None:
    sentences = Sentences(folder)
    assert sentences(["un perro"], 24).equal(sentences(["un perro"])[:, :24])


def test_every_known_name_takes_few_tokens(folder: Path) -> None:
    tokenizer = Sentences(folder).tokenizer
    for concept in learnt(read_concepts(), ("first",)):
        assert len(tokenizer(concept.en[0])["input_ids"]) <= 2 + 2 * len(concept.en[0].split()) + 2


def test_slow_and_fast_read_the_same_ids(folder: Path) -> None:
    slow = transformers.CLIPTokenizer.from_pretrained(folder)
    fast = transformers.CLIPTokenizerFast.from_pretrained(folder)
    for text in ("Una manzana ROJA, estilo 3d, fondo azul", "pingüino", LETTERS, ""):
        assert slow(text)["input_ids"] == fast(text)["input_ids"]
