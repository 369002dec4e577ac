"""Text from people and files, made into HTML that shows it and obeys nothing in it."""

import base64
import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from colabsd.errors import ColabsdError
from colabsd.language import Language, say, say_on_page
from colabsd.settings.fields import field_specs
from colabsd.settings.redraw import RedrawSettings

Tone = Literal["info", "good", "warning", "error"]
# Marks that turn the reading direction of everything behind them (Unicode UAX #9).
TURNING_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
REPLACEMENT = "\ufffd"
LONGEST_TEXT = 4000  # of one fact; a prompt may have a hundred thousand characters


def escaped(text: object, longest: int = LONGEST_TEXT) -> str:
    """The text as HTML that is nothing but text; line ends stay, controls become U+FFFD, what is too long is cut."""
    whole = str(text)
    shown = whole if len(whole) <= longest else whole[:longest] + "…"
    return html.escape("".join(REPLACEMENT if _is_harmful(letter) else letter for letter in shown))


def _is_harmful(letter: str) -> bool:
    return letter in TURNING_MARKS or (letter not in "\n\t" and unicodedata.category(letter) in ("Cc", "Cs"))


def sentence(key: str, language: Language, /, **facts: object) -> str:
    """A sentence of the language files as HTML; nothing in its facts is markup."""
    return escaped(say_on_page(key, language, **{name: _cut(fact) for name, fact in facts.items()}))


def _cut(fact: object) -> str:
    text = str(fact)
    return text if len(text) <= 600 else text[:600] + "…"


def told_error(error: ColabsdError, language: Language) -> str:
    """What an error says, as HTML; a setting is called as it is called in the form."""
    name = error.facts.get("field")
    if name in field_specs(RedrawSettings):
        error = type(error)(error.message_key, **{**error.facts, "field": say(f"field.{name}.label", language)})
    return "<br>".join(map(escaped, error.tell_on_page(language).splitlines()))


def box(lines: Sequence[str], tone: Tone) -> str:
    """A coloured box of HTML lines; nothing for no lines."""
    inside = "".join(f"<div>{line}</div>" for line in lines)
    return f'<div class="colabsd-box colabsd-{tone}">{inside}</div>' if lines else ""


def table(rows: Mapping[str, object]) -> str:
    """Labels and values in two columns; empty values are left out."""
    cells = (
        f"<tr><th>{escaped(label)}</th><td>{escaped(value)}</td></tr>"
        for label, value in rows.items()
        if value not in (None, "", ())
    )
    return f'<table class="colabsd-table">{"".join(cells)}</table>'


def data_address(data: bytes, media_type: str) -> str:
    """The bytes as an address that needs no server."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
