"""From weighted text to what the UNet is steered by. Knows nothing of steps, guidance, noise or pictures.

As A1111 does it: text is cut into chunks of 75 tokens, each encoded by itself and laid end to end; then every token's
vector is multiplied by the weight of its text, and each chunk scaled so that its mean is what it was.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colabsd.engine.clip import Insertion
from colabsd.engine.encoders import TextEncoder
from colabsd.errors import PromptTooLongError
from colabsd.planning.plans import Emphasis
from colabsd.prompts import Chunks, Embedding, Pieces, chunk, fill
from colabsd.prompts.chunks import Tokenize

MOST_CHUNKS = 4096  # of all texts of a schedule; their embeddings take some 240 KB a chunk in fp32
ROUNDING = 1e-6
MOST_WEIGHT = 1000.0  # beyond this a weight says nothing more; infinite ones would make numbers that are none

Inversions = Mapping[str, Sequence[Tensor]]
"""Textual inversions by the name that calls them: for each of the model's encoders, vectors (n, its width)."""


@dataclass(frozen=True)
class Encoded:
    """Text for the UNet: `embeddings` (1, 77 k, width), and from encoders that pool, `pooled` (1, p) of chunk 1."""

    embeddings: Tensor
    pooled: Tensor | None = None


def encode_together(
    encoders: Sequence[TextEncoder],
    texts: Mapping[Pieces, int],
    *,
    device: str,
    clip_skip: int,
    emphasis: Emphasis,
    inversions: Inversions | None = None,
) -> dict[Pieces, Encoded]:
    """Encode the texts of one schedule, each with the number of times that it occurs there.

    All get as many chunks as the longest. Emphasis "original" restores the mean of a chunk over all of them, so that
    texts that take turns keep their proportions; one text alone keeps its own mean. `clip_skip` counts as A1111 does:
    1 takes the last layer, 2 the one before it. Raises: EmbeddingTooLongError, PromptTooLongError.
    """
    sides = []
    for index, encoder in enumerate(encoders):
        vectors = {name: parts[index] for name, parts in (inversions or {}).items()}
        sides.append(_encode(encoder, texts, device, clip_skip, emphasis, vectors))
    pooled = next((pooled for _, pooled in reversed(sides) if pooled is not None), None)
    embeddings = torch.cat([hidden for hidden, _ in sides], dim=-1).flatten(1, 2)
    return {
        pieces: Encoded(embeddings[row : row + 1], None if pooled is None else pooled[row : row + 1])
        for row, pieces in enumerate(texts)
    }


def cut_texts(encoder: TextEncoder, texts: Sequence[Pieces], inversions: Mapping[str, int]) -> list[Chunks]:
    """Each text in chunks, all equally many; `inversions` are the numbers of vectors of textual inversions.

    Raises: EmbeddingTooLongError, PromptTooLongError.
    """
    tokenizer = encoder.tokenizer
    named = [Embedding(name, tuple(tokenizer.ids(name)), vectors) for name, vectors in inversions.items()]
    tokenize = keeping_whole(inversions, tokenizer.ids)
    cut: list[Chunks] = []
    most = 1
    for pieces in texts:
        cut.append(chunk(pieces, tokenize, tokenizer.special, embeddings=named))
        most = max(most, len(cut[-1].ids))
        if most * len(texts) > MOST_CHUNKS:
            raise PromptTooLongError(chunks=f"{most * len(texts):,}", limit=f"{MOST_CHUNKS:,}")
    return [fill(chunks, most, tokenizer.special) for chunks in cut]


def keeping_whole(words: Collection[str], tokenize: Tokenize) -> Tokenize:
    """A tokenizer that sees where words like `<cat>` begin and end, whose signs would join those beside them.

    diffusers finds such words too, A1111 only with spaces around them; words that are letters alone stay as they are.
    """
    marked = [re.escape(word) for word in words if not (word[:1].isalnum() and word[-1:].isalnum())]
    if not marked:
        return tokenize
    pattern = re.compile(f"({'|'.join(sorted(marked, key=len, reverse=True))})", re.IGNORECASE)
    return lambda text: [one for piece in pattern.split(text) for one in tokenize(piece)]


def _encode(
    encoder: TextEncoder,
    texts: Mapping[Pieces, int],
    device: str,
    clip_skip: int,
    emphasis: Emphasis,
    vectors: Mapping[str, Tensor],
) -> tuple[Tensor, Tensor | None]:
    """One encoder's hidden states (m, k, 77, width) of m texts, weighed, and its pooled states (m, p)."""
    cut = cut_texts(encoder, list(texts), {name: len(part) for name, part in vectors.items()})
    known: dict[_Row, tuple[Tensor, Tensor | None]] = {}
    for row in dict.fromkeys(row for chunks in cut for row in _rows(chunks)):
        insertions = [Insertion(0, position, vectors[name]) for position, name in row.insertions]
        known[row] = encoder(torch.tensor([row.ids], device=device), clip_skip, insertions)
    rows = [[known[row] for row in _rows(chunks)] for chunks in cut]
    hidden = torch.stack([torch.cat([state for state, _ in row]) for row in rows])
    firsts = [row[0][1] for row in rows]
    pooled = torch.cat([one for one in firsts if one is not None]) if firsts[0] is not None else None
    if emphasis in ("original", "no-norm"):
        weights = torch.tensor([chunks.weights for chunks in cut], dtype=torch.float64)
        hidden = emphasize(hidden, weights, list(texts.values()), restore_mean=emphasis == "original")
    return hidden, pooled


@dataclass(frozen=True, slots=True)
class _Row:
    """One chunk: 77 ids, and at which positions the vectors of which textual inversions begin."""

    ids: tuple[int, ...]
    insertions: tuple[tuple[int, str], ...]


def _rows(chunks: Chunks) -> list[_Row]:
    """The chunks of a text. They go through the encoder one by one, so that none depends on its neighbours."""
    insertions: list[list[tuple[int, str]]] = [[] for _ in chunks.ids]
    for one in chunks.placements:
        insertions[one.chunk].append((one.position, one.embedding.name))
    return [_Row(ids, tuple(here)) for ids, here in zip(chunks.ids, insertions, strict=True)]


def emphasize(hidden: Tensor, weights: Tensor, counts: Sequence[int], *, restore_mean: bool) -> Tensor:
    """Hidden states (m, k, 77, width) times the weights (m, k, 77) of their tokens.

    With `restore_mean` each of the k chunks is scaled so that its mean, over all m texts, text i counted `counts[i]`
    times, stays what it was. Chunks whose weights are all 1 are left alone, to the last bit.
    """
    touched = (weights != 1).any(dim=2).any(dim=0)
    if not touched.any():
        return hidden
    factors = weights.clamp(-MOST_WEIGHT, MOST_WEIGHT).to(hidden.device, torch.float32)[..., None]
    limit = torch.finfo(hidden.dtype).max
    result = hidden.clone()
    for place in touched.nonzero().flatten().tolist():
        before = hidden[:, place].float()
        after = before * factors[:, place]
        if restore_mean:
            after = after * _ratio(before, after, counts)
        result[:, place] = after.clamp(-limit, limit).to(hidden.dtype)
    return result


def _ratio(before: Tensor, after: Tensor, counts: Sequence[int]) -> float | Tensor:
    """What brings the mean back. Means that are 0 but for rounding (no trained encoder has them) stay as they are."""
    means, size = [_mean(states, counts) for states in (before, after)], before.abs().mean()
    return means[0] / means[1] if all(mean.abs() > ROUNDING * size for mean in means) else 1.0


def _mean(states: Tensor, counts: Sequence[int]) -> Tensor:
    """The mean of (m, 77, width) with each text counted as often as it occurs."""
    if len(counts) == 1:
        return states.mean()
    shares = torch.tensor(counts, dtype=torch.float32, device=states.device)
    return (states.mean(dim=(1, 2)) * shares).sum() / shares.sum()
