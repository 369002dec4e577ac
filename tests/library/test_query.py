"""What people type in the search: read as they mean it, or refused with a place, never run."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from colabsd.errors import QueryError
from colabsd.library.query import Compared, Named, Query, Words, fold, parse_query
from colabsd.library.query_sql import where


def test_every_kind_of_term_is_read() -> None:
    query = parse_query(
        'manzana -azul manz* "frase exacta" -"otra frase" sampler:euler -model:"Euler a" steps:>20 seed:7 '
        "date:2026-11 cfg:6,5..8 size:512x768 negative:borroso model:star*"
    )
    assert query == Query(
        (
            Words("prompt", "manzana"),
            Words("prompt", "azul", negated=True),
            Words("prompt", "manz", prefix=True),
            Words("prompt", "frase exacta"),
            Words("prompt", "otra frase", negated=True),
            Named("sampler", "euler"),
            Named("model", "Euler a", negated=True),
            Compared("steps", ">", (20,)),
            Compared("seed", "=", (7,)),
            Compared("date", "=", ("2026-11",)),
            Compared("guidance", "between", (6.5, 8.0)),
            Compared("size", "=", ("512x768",)),
            Words("negative", "borroso"),
            Named("model", "star", prefix=True),
        )
    )


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("muestreador:euler", "sampler:euler"),
        ("pasos:>20", "steps:>20"),
        ("semilla:7", "seed:7"),
        ("fecha:2026", "date:2026"),
        ("modelo:starter", "model:starter"),
        ("guía:7", "guidance:7"),
        ("tamaño:512x512", "size:512x512"),
        ("NEGATIVO:x", "negative:x"),
    ],
)
def test_fields_have_spanish_names_too(spanish: str, english: str) -> None:
    assert parse_query(spanish) == parse_query(english)


def test_a_colon_without_a_field_is_text() -> None:
    assert parse_query("16:9 foto: gato") == Query(
        (Words("prompt", "16:9"), Words("prompt", "foto:"), Words("prompt", "gato"))
    )
    assert parse_query("") == parse_query("  ") == Query()


@pytest.mark.parametrize(
    ("text", "position", "key"),
    [
        ("-", 1, "error.query.empty"),
        ("manzana - azul", 9, "error.query.empty"),
        ('""', 1, "error.query.empty"),
        ("steps:", 1, "error.query.empty"),
        ("x sampler:", 3, "error.query.empty"),
        ('a "b', 3, "error.query.quote"),
        ('sampler:"euler', 9, "error.query.quote"),
        ("a smapler:euler", 3, "error.query.field"),
        ("steps:many", 1, "error.query.integer"),
        ("steps:>", 1, "error.query.integer"),
        ("steps:1..x", 1, "error.query.integer"),
        (f"seed:{2**64}", 1, "error.query.integer"),
        ("cfg:nan", 1, "error.query.number"),
        ("date:2026-13", 1, "error.query.date"),
        ("date:2026-02-30", 1, "error.query.date"),
        ("date:2026-1-1", 1, "error.query.date"),
        ("size:512", 1, "error.query.size"),
        ("size:>512x512", 1, "error.query.size"),
        ("a " * 51, 101, "error.query.long"),
        ("a" * 10_001, 10_001, "error.query.long"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, position: int, key: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert (caught.value.message_key, caught.value.facts["position"]) == (key, position)
    assert caught.value.exit_code == 2
    assert str(caught.value) != caught.value.tell("es")


def test_an_unknown_field_offers_the_nearest() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query("smapler:euler")
    assert "sampler:" in str(caught.value)


pieces = st.lists(
    st.text(max_size=8) | st.sampled_from([*" :\"-*<>=.()'\x00;", "steps:", "seed:", "date:", "NOT", "OR", "NEAR("]),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=500)
@given(pieces)
@example('"; DROP TABLE pictures; --')
@example('a" OR 1=1 --')
@example("\ud800")
@example("-starred favorita")
def test_any_text_is_read_or_refused_and_never_becomes_sql(text: str) -> None:
    try:
        query = parse_query(text)
    except QueryError as error:
        str(error), error.tell("es")
        assert 1 <= error.facts["position"] <= len(text) + 1  # type: ignore[operator]
        return
    sql, values = where(query)
    assert sql.count("?") == len(values)
    assert set(sql) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ()?,=<>01."), sql


def test_case_and_accents_fold_away() -> None:
    assert fold("BÚHO") == fold("buho") == "buho"
    assert fold("Straße") == fold("STRASSE")
    assert fold("ñandú") == "nandu"
