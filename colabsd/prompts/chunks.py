"""Weighted text → chunks of token ids, 75 to a chunk, as A1111 cuts them. Knows nothing of models or tensors.

CLIP reads 77 tokens: a start, 75 of the text, an end. Longer text goes into several chunks, whose embeddings are laid
end to end. Where a chunk is full, the words after its last comma go to the next one with it, if that comma is at most
20 tokens back; BREAK starts a new chunk; what is left of a chunk is filled with end tokens.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from colabsd.errors import EmbeddingTooLongError
from colabsd.prompts.attention import Pieces
from colabsd.prompts.tree import Break

CHUNK_LENGTH = 75
COMMA_BACKTRACK = 20

Tokenize = Callable[[str], Sequence[int]]
"""A text's token ids, without start and end tokens and never shortened."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """A tokenizer's ids. `pad` is what follows the end token where that is not the end token again (SD 2, SDXL's G)."""

    start: int
    end: int
    pad: int | None = None


@dataclass(frozen=True, slots=True)
class Embedding:
    """A textual inversion: the token ids that its name has, and how many vectors stand for them."""

    name: str
    ids: tuple[int, ...]
    vectors: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an embedding's vectors go: positions `position` … `position + vectors - 1` (of 77) of a chunk."""

    chunk: int
    position: int
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Chunks:
    """`ids` and `weights` are (k, 77), k at least 1; embeddings have id 0 in `ids` and are listed in `placements`.

    `tokens` counts the text's tokens and the filling of all chunks but the last.
    `starts` tells for every chunk after the first which token it begins with: (piece, token in that piece).
    """

    ids: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    placements: tuple[Placement, ...] = ()
    tokens: int = 0
    starts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a token, or all vectors of an embedding."""

    ids: tuple[int, ...]
    weight: float
    origin: tuple[int, int]
    embedding: Embedding | None = None


@dataclass(slots=True)
class _Builder:
    comma: int | None
    backtrack: int
    finished: list[list[_Unit]] = field(default_factory=list)
    units: list[_Unit] = field(default_factory=list)
    length: int = 0
    last_comma: int = -1

    def finish(self) -> None:
        self.finished.append(self.units)
        self.units, self.length, self.last_comma = [], 0, -1

    def append(self, unit: _Unit) -> None:
        self.units.append(unit)
        self.length += len(unit.ids)

    def add(self, unit: _Unit, first_id: int) -> None:
        full = self.length == CHUNK_LENGTH
        if first_id == self.comma:
            self.last_comma = self.length
        elif full and self.backtrack and 0 <= self.length - self.last_comma <= self.backtrack and self.last_comma >= 0:
            self.move_clause()
        if self.length == CHUNK_LENGTH or (unit.embedding and self.length + len(unit.ids) > CHUNK_LENGTH):
            self.finish()
        self.append(unit)

    def move_clause(self) -> None:
        """Start a new chunk with what stands behind the last comma."""
        moved: list[_Unit] = []
        while self.length > self.last_comma + 1:
            unit = self.units.pop()
            self.length -= len(unit.ids)
            moved.append(unit)
        self.finish()
        for unit in reversed(moved):
            self.append(unit)


def chunk(
    pieces: Pieces,
    tokenize: Tokenize,
    special: SpecialTokens,
    *,
    backtrack: int = COMMA_BACKTRACK,
    embeddings: Iterable[Embedding] = (),
) -> Chunks:
    """Cut pieces into chunks. `backtrack` 0 cuts words wherever a chunk is full.

    Raises: EmbeddingTooLongError for an embedding of more than 75 vectors.
    """
    commas = tokenize(",")
    builder = _Builder(commas[0] if len(commas) == 1 else None, backtrack)
    by_first = _by_first_id(embeddings)
    for index, piece in enumerate(pieces):
        if isinstance(piece, Break):
            builder.finish()
            continue
        ids = tuple(tokenize(piece.text))
        position = 0
        while position < len(ids):
            found = _embedding_at(ids, position, by_first)
            taken = (0,) * found.vectors if found else (ids[position],)
            builder.add(_Unit(taken, piece.weight, (index, position), found), ids[position])
            position += len(found.ids) if found else 1
    if builder.units or not builder.finished:
        builder.finish()
    return _framed(builder.finished, special)


def fill(chunks: Chunks, count: int, special: SpecialTokens) -> Chunks:
    """The same with empty chunks behind, `count` in all: the texts of a batch need equally many."""
    missing = max(0, count - len(chunks.ids))
    ids, weights = _frame([], special)
    return Chunks(
        chunks.ids + (ids,) * missing,
        chunks.weights + (weights,) * missing,
        chunks.placements,
        chunks.tokens,
        chunks.starts,
    )


def _by_first_id(embeddings: Iterable[Embedding]) -> dict[int, list[Embedding]]:
    """Embeddings by the first id of their name, the longest names first."""
    table: dict[int, list[Embedding]] = {}
    for embedding in sorted(embeddings, key=lambda embedding: -len(embedding.ids)):
        if embedding.vectors > CHUNK_LENGTH:
            raise EmbeddingTooLongError(name=embedding.name, vectors=embedding.vectors, limit=CHUNK_LENGTH)
        if embedding.ids:
            table.setdefault(embedding.ids[0], []).append(embedding)
    return table


def _embedding_at(ids: tuple[int, ...], position: int, table: dict[int, list[Embedding]]) -> Embedding | None:
    for embedding in table.get(ids[position], ()):
        if ids[position : position + len(embedding.ids)] == embedding.ids:
            return embedding
    return None


def _framed(finished: list[list[_Unit]], special: SpecialTokens) -> Chunks:
    frames = [_frame(units, special) for units in finished]
    placements = []
    starts = []
    for index, units in enumerate(finished):
        position = 1
        for unit in units:
            if unit.embedding:
                placements.append(Placement(index, position, unit.embedding))
            position += len(unit.ids)
        if index and units:
            starts.append(units[0].origin)
    tokens = CHUNK_LENGTH * (len(finished) - 1) + sum(len(unit.ids) for unit in finished[-1])
    return Chunks(
        tuple(ids for ids, _ in frames),
        tuple(weights for _, weights in frames),
        tuple(placements),
        tokens,
        tuple(starts),
    )


def _frame(units: list[_Unit], special: SpecialTokens) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """One chunk between its start and end tokens, (77,) ids and weights."""
    ids = [token for unit in units for token in unit.ids]
    weights = [unit.weight for unit in units for _ in unit.ids]
    missing = CHUNK_LENGTH - len(ids)
    pad = special.end if special.pad is None else special.pad
    padding = [special.end] + [pad] * missing
    return (special.start, *ids, *padding), (1.0, *weights, *[1.0] * (missing + 1))
