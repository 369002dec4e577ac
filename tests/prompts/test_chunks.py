"""Chunks of 75 tokens, cut at commas."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import EmbeddingTooLongError
from colabsd.prompts import Break, Chunks, Embedding, Piece, SpecialTokens, chunk, fill
from colabsd.prompts.attention import Pieces

START, END, COMMA, WORD = 1, 2, 3, 10
SPECIAL = SpecialTokens(START, END)


def tokenize(text: str) -> list[int]:
    """A token per word and per comma."""
    return [COMMA if word == "," else WORD + int(word[1:]) for word in text.replace(",", " , ").split()]


def words(count: int, first: int = 0) -> str:
    return " ".join(f"w{number}" for number in range(first, first + count))


def cut(*pieces: Piece | Break | str, **options: object) -> Chunks:
    read: Pieces = tuple(Piece(piece) if isinstance(piece, str) else piece for piece in pieces)
    return chunk(read, tokenize, SPECIAL, **options)  # type: ignore[arg-type]


def lengths(chunks: Chunks) -> list[int]:
    """How many tokens of text are in each chunk."""
    return [sum(token not in (START, END) for token in ids) for ids in chunks.ids]


def test_a_short_text_is_one_chunk_filled_with_end_tokens() -> None:
    chunks = cut("w0 w1")
    assert chunks.ids == ((START, 10, 11, *[END] * 74),)
    assert chunks.weights == ((1.0,) * 77,)
    assert chunks.tokens == 2


def test_no_text_is_one_empty_chunk() -> None:
    assert cut("").ids == ((START, *[END] * 76),)


def test_every_token_carries_the_weight_of_its_piece_and_the_frame_none() -> None:
    chunks = cut(Piece("w0", 1.3), Piece("w1 w2", 0.5))
    assert chunks.weights == ((1.0, 1.3, 0.5, 0.5, *[1.0] * 73),)


def test_seventy_five_tokens_fill_a_chunk() -> None:
    assert lengths(cut(words(75))) == [75]
    assert lengths(cut(words(76))) == [75, 1]


@pytest.mark.parametrize(("back", "first"), [(1, 74), (20, 55), (21, 75), (40, 75)])
def test_a_clause_is_not_cut_when_its_comma_is_near(back: int, first: int) -> None:
    """The chunk is full; the comma is `back` tokens from its end, counted as 75 minus its place."""
    before = 75 - back
    text = f"{words(before)}, {words(75 - before + 5, before)}"
    expected = before + 1 if back <= 20 else 75
    chunks = cut(text)
    assert lengths(chunks)[0] == expected
    assert sum(lengths(chunks)) == before + 1 + 75 - before + 5
    assert first in (expected, expected - 1, expected + 1)


def test_a_comma_that_comes_next_stays_behind_the_full_chunk() -> None:
    chunks = cut(f"{words(60)}, {words(14, 60)}, w80")
    assert lengths(chunks) == [75, 2]
    assert chunks.ids[1][1] == COMMA


def test_only_commas_of_the_same_chunk_count() -> None:
    chunks = cut(f"{words(70)}, {words(80, 70)}")
    assert lengths(chunks) == [71, 75, 5]


def test_without_backtrack_a_full_chunk_is_cut_anywhere() -> None:
    assert lengths(cut(f"{words(70)}, {words(10)}", backtrack=0)) == [75, 6]


def test_break_starts_a_new_chunk() -> None:
    assert lengths(cut("w0", Break(), "w1 w2")) == [1, 2]
    assert lengths(cut(Break(), "w0")) == [0, 1]
    assert lengths(cut("w0", Break())) == [1]
    assert lengths(cut("w0", Break(), Break(), "w1")) == [1, 0, 1]


def test_the_filling_of_finished_chunks_counts_as_tokens() -> None:
    assert cut("w0", Break(), "w1 w2").tokens == 77


def test_some_models_pad_with_another_token_after_the_first_end() -> None:
    chunks = chunk((Piece("w0"),), tokenize, SpecialTokens(START, END, pad=0))
    assert chunks.ids == ((START, 10, END, *[0] * 74),)


def test_starts_tell_where_each_chunk_begins() -> None:
    assert cut("w0", f"{words(80)}").starts == ((1, 74),)
    assert cut("w0", Break(), "w1").starts == ((2, 0),)


def test_fill_gives_a_batch_equally_many_chunks() -> None:
    filled = fill(cut("w0"), 3, SPECIAL)
    assert lengths(filled) == [1, 0, 0]
    assert fill(filled, 2, SPECIAL) == filled


def test_an_embedding_takes_the_place_of_its_name() -> None:
    star = Embedding("star", tuple(tokenize("w5 w6")), 3)
    chunks = cut(Piece("w0 w5 w6 w1", 1.2), embeddings=[star])
    assert chunks.ids[0][:7] == (START, 10, 0, 0, 0, 11, END)
    assert chunks.weights[0][:7] == (1.0, *[1.2] * 5, 1.0)
    (placement,) = chunks.placements
    assert (placement.chunk, placement.position, placement.embedding) == (0, 2, star)


def test_the_longest_name_wins() -> None:
    short, long = Embedding("w5", (15,), 1), Embedding("w5 w6", (15, 16), 2)
    assert [placed.embedding for placed in cut("w5 w6 w5", embeddings=[short, long]).placements] == [long, short]


def test_an_embedding_that_does_not_fit_moves_whole() -> None:
    star = Embedding("star", (15,), 4)
    chunks = cut(words(73, 20) + " w5 w9", embeddings=[star])
    assert chunks.ids[0][74:] == (END, END, END)
    assert chunks.ids[1][:7] == (START, 0, 0, 0, 0, 19, END)
    assert chunks.placements[0].chunk == 1


def test_an_embedding_behind_a_comma_moves_with_its_clause() -> None:
    star = Embedding("star", (15,), 4)
    chunks = cut(words(69, 20) + ", w5 w1 w2", embeddings=[star])
    assert lengths(chunks) == [70, 6]
    assert (chunks.placements[0].chunk, chunks.placements[0].position) == (1, 1)


def test_an_embedding_longer_than_a_chunk_is_refused() -> None:
    with pytest.raises(EmbeddingTooLongError):
        cut("w5", embeddings=[Embedding("long", (15,), 76)])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.just(Break()),
            st.builds(Piece, st.lists(st.sampled_from(["w0", ",", "w1 w2 w3"]), max_size=60).map(" ".join)),
        )
    ),
    st.sampled_from([0, 5, 20]),
)
def test_no_token_is_lost_or_moved(pieces: list[Piece | Break], backtrack: int) -> None:
    chunks = cut(*pieces, backtrack=backtrack)
    asked = [token for piece in pieces if isinstance(piece, Piece) for token in tokenize(piece.text)]
    assert [token for ids in chunks.ids for token in ids if token not in (START, END)] == asked
    assert {len(ids) for ids in (*chunks.ids, *chunks.weights)} == {77}
