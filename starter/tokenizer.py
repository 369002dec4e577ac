"""The tokenizer: a byte-level BPE vocabulary of our own, in the files that CLIPTokenizer reads."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from transformers import CLIPTokenizer

from .captions import LANGUAGES, describe, without_accents
from .concepts import Concept
from .palette import COLOURS, STYLE_OPENERS, STYLE_PHRASES
from .recipe import TOKENS, Recipe
from .scenes import random_scene
from .vocabulary import VOCABULARIES

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # CLIP's own


def corpus(concepts: Sequence[Concept], recipe: Recipe, captions: int, seed: int) -> Iterator[str]:
    """Captions, and every word that may come up often enough to become one token."""
    rng = random.Random(seed)
    for _ in range(captions):
        yield describe(random_scene(rng, concepts, recipe.scenes), rng).text
    for language in LANGUAGES:
        words = VOCABULARIES[language]
        phrases = [*words.openers, *words.before, *words.after, *words.praise, *words.background, *words.unknown]
        phrases += [name for colour in COLOURS.values() for name in colour.names(language)]
        for table in (STYLE_OPENERS, STYLE_PHRASES):
            phrases += [phrase for style in table.values() for phrase in style[language]]
        for phrase in phrases:
            yield from [phrase.replace("|", " ").replace("{}", "")] * 30
        for concept in concepts:
            for name in concept.names(language):
                yield from [name, without_accents(name)] * 100


def train(concepts: Sequence[Concept], recipe: Recipe, folder: Path, captions: int = 20_000, seed: int = 0) -> int:
    """Write vocab.json and merges.txt into `folder`; the number of entries.

    `concepts` must hold no held-out thing.
    """
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=WORD_END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary - 2 - len(alphabet),
        end_of_word_suffix=WORD_END,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(concepts, recipe, captions, seed), trainer)
    found = json.loads(tokenizer.to_str())["model"]
    tokens = [*alphabet, *(letter + WORD_END for letter in alphabet)]
    tokens += [token for token in sorted(found["vocab"], key=found["vocab"].get) if token not in set(tokens)]
    tokens += [START, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in found["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    write_configuration(folder)
    return len(tokens)


def write_configuration(folder: Path) -> None:
    """tokenizer_config.json and special_tokens_map.json, as Stable Diffusion has them but padding with the end."""
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    configuration = {
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": TOKENS,
        "tokenizer_class": "CLIPTokenizer",
        **special,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration, indent=2), encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2), encoding="utf-8")


class Sentences:
    """Sentences as token ids of one length, the end repeated as padding."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)
        self.size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))

    def __call__(self, texts: Sequence[str], length: int = TOKENS) -> Tensor:
        """(n, length) int64; what does not fit is cut."""
        ids = self.tokenizer(list(texts), padding="max_length", truncation=True, max_length=length)["input_ids"]
        return torch.tensor(ids)
