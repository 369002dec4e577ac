"""New words in a text encoder: their vectors learn, every other word's stays bit for bit. Knows no photos and files.

Gal et al. 2022, arXiv:2208.01618. New vectors lie in a table of their own beside the encoder's; in ids they are
negative (-1 is the first), so that no vocabulary grows and nothing that looks for the end of a sentence is misled.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from colabsd.engine.clip import ClipTextEncoder
from colabsd.engine.components import TEXT_ENCODERS, Components
from colabsd.engine.tokenizer import ClipTokenizer
from colabsd.models.adapters import pattern_of
from colabsd.models.cards import Family
from colabsd.training.base import Base, Encoder
from colabsd.training.lora_layers import copy_into
from colabsd.training.order import generator_of


@dataclass(frozen=True)
class NewWord:
    """A word that is learnt: its vectors stand at `first` and behind in the table; `begins_as` are other words."""

    word: str
    first: int
    vectors: int
    begins_as: str

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + self.vectors)


@dataclass(frozen=True)
class WordTokenizer(ClipTokenizer):
    """A tokenizer that knows new words, wherever a prompt would call them (`models/adapters.py`)."""

    words: tuple[NewWord, ...] = ()

    def ids(self, text: str) -> list[int]:
        if not self.words:
            return super().ids(text)
        first, *others = self.words
        inner = replace(self, words=tuple(others))
        new = [-1 - row for row in range(first.first, first.first + first.vectors)]
        found: list[int] = []
        for index, piece in enumerate(pattern_of(first.word).split(text)):
            found += (new if index else []) + inner.ids(piece)
        return found


class WordTable(nn.Module):
    """An encoder's table of words, which stays, and one of new ones (rows, width) in fp32, which learns."""

    def __init__(self, table: nn.Embedding, words: Tensor) -> None:
        super().__init__()
        self.weight = table.weight
        self.words = nn.Parameter(words.to(table.weight.device, torch.float32))

    def forward(self, ids: Tensor) -> Tensor:
        """(n, tokens) ids, new words' negative -> (n, tokens, width)."""
        known = functional.embedding(ids.clamp(min=0), self.weight)
        new = functional.embedding((-1 - ids).clamp(min=0), self.words).to(known.dtype)
        return torch.where((ids < 0)[..., None], new, known)


class NewWords:
    """The new words of a model that learns, in each of its text encoders."""

    def __init__(self, base: Base, words: Sequence[NewWord], seed: int) -> None:
        """Put them in: from here on the base's tokenizers know them."""
        self.words = tuple(words)
        self.tables: dict[str, WordTable] = {}
        for encoder in base.encoders:
            embeddings: Any = encoder.plain.get_submodule("embeddings")
            begin = _beginnings(encoder, embeddings.token_embedding, words, seed)
            table = WordTable(embeddings.token_embedding, begin)
            embeddings.token_embedding = self.tables[encoder.part] = table
            encoder.tokenizer = with_new_words(encoder.tokenizer, self.words)
        base.tokenizers = tuple(encoder.tokenizer for encoder in base.encoders)

    def parameters(self) -> tuple[nn.Parameter, ...]:
        """The tables of new words, by encoders."""
        return tuple(table.words for table in self.tables.values())

    def requires_grad_(self, wanted: bool) -> None:
        """Whether they learn."""
        for parameter in self.parameters():
            parameter.requires_grad_(wanted)

    def state_dict(self) -> dict[str, Tensor]:
        """The tables as `words.part`."""
        return {f"words.{part}": table.words.detach() for part, table in self.tables.items()}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Take their values from `state_dict`'s. Raises: CheckpointError."""
        copy_into(self.state_dict(), {name: tensors[name] for name in self.state_dict() if name in tensors})

    def vectors(self) -> dict[str, tuple[Tensor, ...]]:
        """What was learnt, as copies on the CPU: for each word (n, width) for each encoder."""
        tables = [table.words.detach().to("cpu", copy=True) for table in self.tables.values()]
        return {one.word: tuple(table[one.rows].clone() for table in tables) for one in self.words}


def new_words(words: Mapping[str, str], vectors: int) -> tuple[NewWord, ...]:
    """Places in the table for words, each of that many vectors, with what they begin as."""
    return tuple(
        NewWord(word, index * vectors, vectors, begins_as) for index, (word, begins_as) in enumerate(words.items())
    )


def with_new_words(tokenizer: ClipTokenizer, words: Sequence[NewWord]) -> WordTokenizer:
    """The tokenizer, knowing new words as well; longer ones are looked for first."""
    ordered = sorted(words, key=lambda one: -len(one.word))
    return WordTokenizer(**{**vars(tokenizer), "words": tuple(ordered)})


def drawing_words(components: Components, family: Family, vectors: Mapping[str, Sequence[Tensor]]) -> Components:
    """A loaded model's parts whose text encoders know new words; the given ones stay as they are."""
    if not vectors:
        return components
    words, encoders = _placed(vectors), []
    rows = zip(TEXT_ENCODERS[family], components.encoders, strict=True)
    for index, ((_, _, use), encoder) in enumerate(rows):
        table = torch.cat([vectors[one.word][index] for one in words])
        encoders.append(use(with_new_words(encoder.tokenizer, words), _with_table(encoder.model, table)))
    return replace(components, encoders=tuple(encoders))


def _placed(vectors: Mapping[str, Sequence[Tensor]]) -> list[NewWord]:
    words, first = [], 0
    for word, (one, *_) in vectors.items():
        words.append(NewWord(word, first, len(one), ""))
        first += len(one)
    return words


def _with_table(model: ClipTextEncoder, words: Tensor) -> ClipTextEncoder:
    """The encoder with another table of words; everything else is the same memory."""
    changed: ClipTextEncoder = _shallow(model)
    embeddings: Any = _shallow(model.embeddings)
    embeddings.token_embedding = WordTable(model.embeddings.token_embedding, words).requires_grad_(False)
    changed.embeddings = embeddings
    return changed


def _shallow(module: Any) -> Any:
    """Another module with the same parameters and children, whose children can be exchanged."""
    other = copy.copy(module)
    other._modules = dict(module._modules)
    return other


def _beginnings(encoder: Encoder, table: nn.Embedding, words: Sequence[NewWord], seed: int) -> Tensor:
    """What new vectors begin as: those of the tokens of other words in turn, or chance as large as the table's."""
    return torch.cat([one for word in words for one in _vectors_of(encoder, table.weight.detach(), word, seed)])


def _vectors_of(encoder: Encoder, table: Tensor, word: NewWord, seed: int) -> Iterator[Tensor]:
    ids = encoder.tokenizer.ids(word.begins_as)
    if ids:
        chosen = [ids[index % len(ids)] for index in range(word.vectors)]
        yield table[chosen].float().cpu()
        return
    generator = generator_of(seed, "word", encoder.part, word.word)
    yield torch.randn(word.vectors, table.shape[1], generator=generator) * float(table.float().std())
