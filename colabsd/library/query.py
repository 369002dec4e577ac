"""The language of the library's search, parsed: words, "phrases", -without, field:value. Knows no SQL.

    manzana -azul sampler:euler steps:>20 seed:7 date:2026-11 model:starter "exact phrase" manz* size:512x512 starred

Words are looked for in the prompt, whatever their case and accents. All terms must hold. Fields have Spanish names too.
`starred`, in Spanish `favorita`, are the pictures with a star; in quotes it is a word like any other.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from colabsd.errors import QueryError

MOST_TERMS = 50
LONGEST_QUERY = 10_000
MAX_SEED = 2**64 - 1

FieldKind = Literal["words", "name", "number", "integer", "date", "size"]
Operator = Literal["=", "<", "<=", ">", ">=", "between"]

FIELDS: Mapping[str, FieldKind] = {
    "prompt": "words",
    "negative": "words",
    "sampler": "name",
    "schedule": "name",
    "model": "name",
    "job": "name",
    "key": "name",
    "steps": "integer",
    "seed": "integer",
    "width": "integer",
    "height": "integer",
    "guidance": "number",
    "date": "date",
    "size": "size",
}
ALIASES: Mapping[str, str] = {
    "cfg": "guidance",
    "negativo": "negative",
    "muestreador": "sampler",
    "modelo": "model",
    "pasos": "steps",
    "semilla": "seed",
    "ancho": "width",
    "alto": "height",
    "guia": "guidance",
    "fecha": "date",
    "tamano": "size",
    "trabajo": "job",
    "clave": "key",
}
STARRED = frozenset({"starred", "favorita", "favoritas"})
# Possessive: a minus or a field is never taken back to be part of a word.
TERM = re.compile(r"""(?P<minus>-?+)(?:(?P<field>[^\W\d_]++):)?+(?:"(?P<phrase>[^"]*)(?P<end>"?)|(?P<word>[^\s"]+))?""")
COMPARED = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
NUMBER = re.compile(r"-?[0-9]{1,20}(?:[.,][0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,20}")
SIZE = re.compile(r"([0-9]{1,6})[xX×]([0-9]{1,6})")
DATE_FORMATS = ("%Y", "%Y-%m", "%Y-%m-%d")


@dataclass(frozen=True)
class Words:
    """A word, or words in a row, somewhere in the prompt or the negative prompt; `prefix`: the last one goes on."""

    column: Literal["prompt", "negative"]
    text: str
    prefix: bool = False
    negated: bool = False


@dataclass(frozen=True)
class Named:
    """A name that equals `text` but for case, accents and spacing; `prefix`: begins with it."""

    field: str
    text: str
    prefix: bool = False
    negated: bool = False


@dataclass(frozen=True)
class Compared:
    """A number or date against one value, or two for "between". Dates are text, as exact as they were typed."""

    field: str
    operator: Operator
    values: tuple[int | float | str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Starred:
    """Pictures with a star."""

    negated: bool = False


Term: TypeAlias = Words | Named | Compared | Starred


@dataclass(frozen=True)
class Query:
    """What is looked for: every term must hold."""

    terms: tuple[Term, ...] = ()


def fold(text: str) -> str:
    """Text without case and accents, and without what a database cannot hold (NUL, half surrogates)."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    return "".join(
        " " if character == "\x00" or "\ud800" <= character <= "\udfff" else character for character in plain.casefold()
    )


def parse_query(query: str) -> Query:
    """The terms of a query; an empty one asks for everything. Raises: QueryError with the position, from 1."""
    if len(query) > LONGEST_QUERY:
        raise _error("error.query.long", query, LONGEST_QUERY)
    terms: list[Term] = []
    position = _skip_spaces(query, 0)
    while position < len(query):
        match = TERM.match(query, position)
        assert match is not None, "every part of a term may be missing"
        if match["phrase"] is not None and not match["end"]:
            raise _error("error.query.quote", query, match.start("phrase") - 1)
        terms.append(_term(match, query))
        if len(terms) > MOST_TERMS:
            raise _error("error.query.long", query, position)
        position = _skip_spaces(query, match.end())
    return Query(tuple(terms))


def _term(match: re.Match[str], query: str) -> Term:
    """What one piece of the query asks for."""
    negated, phrase, word = bool(match["minus"]), match["phrase"], match["word"]
    value = ((word if phrase is None else phrase) or "").strip()
    if match["field"] is None or not (value or _known(match["field"])):
        value = value or f"{match['field'] or ''}:".lstrip(":")  # "photo: of a cat" has no field
        if not value:
            raise _error("error.query.empty", query, match.start())
        if phrase is None and fold(value) in STARRED:
            return Starred(negated)
        return _words("prompt", value, phrase is None, negated)
    field = _field(match["field"], query, match.start("field"))
    if not value:
        raise _error("error.query.empty", query, match.start())
    kind = FIELDS[field]
    if kind == "words":
        return _words("prompt" if field == "prompt" else "negative", value, phrase is None, negated)
    if kind == "name":
        prefix = phrase is None and len(value) > 1 and value.endswith("*")
        return Named(field, value[:-1] if prefix else value, prefix, negated)
    return _compared(field, kind, value, negated, query, match.start("field"))


def _words(column: Literal["prompt", "negative"], text: str, bare: bool, negated: bool) -> Words:
    prefix = bare and len(text) > 1 and text.endswith("*")
    return Words(column, text[:-1] if prefix else text, prefix, negated)


def _known(name: str) -> str | None:
    field = ALIASES.get(fold(name), fold(name))
    return field if field in FIELDS else None


def _field(name: str, query: str, position: int) -> str:
    folded = fold(name)
    field = _known(name)
    if field is None:
        nearest = difflib.get_close_matches(folded, [*FIELDS, *ALIASES], 1, 0.0)[0]
        raise _error("error.query.field", query, position, field=name, nearest=nearest)
    return field


def _compared(field: str, kind: FieldKind, value: str, negated: bool, query: str, position: int) -> Compared:
    low, dots, high = value.partition("..")
    if dots:
        ends = _value(kind, low), _value(kind, high)
        if kind != "size" and ends[0] is not None and ends[1] is not None:
            return Compared(field, "between", (ends[0], ends[1]), negated)
        raise _error(VALUE_ERRORS[kind], query, position, field=field, value=value)
    match = COMPARED.fullmatch(value)
    assert match is not None
    read = _value(kind, match[2])
    if read is None or (kind == "size" and match[1] not in (None, "=")):
        raise _error(VALUE_ERRORS[kind], query, position, field=field, value=value)
    operator: Operator = next((one for one in OPERATORS if one == match[1]), "=")
    return Compared(field, operator, (read,), negated)


OPERATORS: tuple[Operator, ...] = ("<", "<=", ">", ">=")
VALUE_ERRORS: Mapping[str, str] = {
    "integer": "error.query.integer",
    "number": "error.query.number",
    "date": "error.query.date",
    "size": "error.query.size",
}


def _value(kind: FieldKind, text: str) -> int | float | str | None:
    """A value of that kind, or None when the text is none. A size is written `512x512`."""
    if kind == "integer":
        return int(text) if INTEGER.fullmatch(text) and int(text) <= MAX_SEED else None
    if kind == "number":
        return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None
    if kind == "size":
        size = SIZE.fullmatch(text)
        return f"{int(size[1])}x{int(size[2])}" if size else None
    return text if any(_is_date(text, form) for form in DATE_FORMATS) else None


def _is_date(text: str, form: str) -> bool:
    try:
        return datetime.strptime(text, form).strftime(form) == text
    except ValueError:
        return False


def _skip_spaces(query: str, position: int) -> int:
    while position < len(query) and query[position].isspace():
        position += 1
    return position


def _error(message_key: str, query: str, position: int, **facts: object) -> QueryError:
    return QueryError(message_key, query=query, position=position + 1, **facts)
