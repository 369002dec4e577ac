"""A parsed query as SQL. Everything that somebody typed is a parameter, never text of the statement."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from colabsd.library.query import FIELDS, Compared, Named, Query, Starred, Words, fold

# Writing systems without spaces: the full-text index knows whole lines of them only, so these are searched as text.
WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
LARGEST_INTEGER = 2**63 - 1
SPACING = re.compile(r"[\s_\-]+")
COLUMNS: Mapping[str, str] = {
    "sampler": "sampler",
    "schedule": "schedule",
    "model": "model",
    "job": "job",
    "key": "key",
    "steps": "steps",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "guidance": "guidance",
    "date": "day",
    "size": "size",
}
IS_STARRED = "EXISTS (SELECT 1 FROM stars WHERE stars.path = pictures.path AND starred = 1)"
SQL_OPERATORS: Mapping[str, str] = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
Clause = tuple[str, list[Any]]


def spaceless(text: str) -> str:
    """A name as it is compared: without case, accents and spacing (`Euler a` and `euler_a` are one)."""
    return SPACING.sub("", fold(text))


def seed_text(seed: int) -> str:
    """A seed as text of 20 digits, which sorts as the number does; SQLite's integers end at 2^63."""
    return f"{seed:020d}"


def where(query: Query) -> Clause:
    """The condition on the table `pictures` and its parameters; "1" for an empty query."""
    clauses = [CLAUSES[type(term)](term) for term in query.terms]
    signs = ["NOT " if term.negated else "" for term in query.terms]
    text = " AND ".join(f"{sign}({sql})" for sign, (sql, _) in zip(signs, clauses, strict=True))
    return text or "1", [value for _, values in clauses for value in values]


def _words(term: Words) -> Clause:
    text = fold(term.text)
    if WITHOUT_SPACES.search(text) or not any(character.isalnum() for character in text):
        return f"instr({term.column}, ?) > 0", [text.strip()]
    phrase = '"' + text.replace('"', '""') + '"' + ("*" if term.prefix else "")
    return "id IN (SELECT rowid FROM words WHERE words MATCH ?)", [f"{{{term.column}}} : {phrase}"]


def _named(term: Named) -> Clause:
    text = spaceless(term.text)
    column = COLUMNS[term.field]
    if term.prefix or term.field == "key":
        return f"substr({column}, 1, ?) = ?", [len(text), text]
    return f"{column} = ?", [text]


def _compared(term: Compared) -> Clause:
    column, values = COLUMNS[term.field], list(term.values)
    if term.field == "seed":
        values = [seed_text(int(value)) for value in values]
    elif FIELDS[term.field] == "integer":
        values = [min(int(value), LARGEST_INTEGER) for value in values]
    if term.field == "date":
        return _dates(term, [str(value) for value in values])
    if term.operator == "between":
        return f"{column} BETWEEN ? AND ?", values
    return f"{column} {SQL_OPERATORS[term.operator]} ?", values


def _dates(term: Compared, values: list[str]) -> Clause:
    """Days cut to what was typed: `2026-11` is the whole month, whatever the operator."""
    if term.operator == "between":
        return "substr(day, 1, ?) >= ? AND substr(day, 1, ?) <= ?", [
            len(values[0]),
            values[0],
            len(values[1]),
            values[1],
        ]
    return f"substr(day, 1, ?) {SQL_OPERATORS[term.operator]} ?", [len(values[0]), values[0]]


def _starred(_term: Starred) -> Clause:
    return IS_STARRED, []


CLAUSES: Mapping[type, Callable[[Any], Clause]] = {
    Words: _words,
    Named: _named,
    Compared: _compared,
    Starred: _starred,
}
