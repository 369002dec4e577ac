"""Styles: named pieces of prompts, in the table that A1111 keeps (`styles.csv`). Knows nothing of files.

A style's text with `{prompt}` in it goes around the prompt, any other behind it, after a comma. The table's text
begins with a byte order mark and its lines end in CR LF: write it with encoding "utf-8" and newline "".
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colabsd.errors import DamagedStylesError, UnknownStyleError

BYTE_ORDER_MARK = "\ufeff"
PLACE = "{prompt}"
_COLUMNS = ("name", "prompt", "negative_prompt")
_BLANKS = re.compile("  +")


@dataclass(frozen=True, slots=True)
class Style:
    """One row. A style without texts changes nothing (A1111 uses such rows as headings)."""

    name: str
    prompt: str = ""
    negative_prompt: str = ""


@dataclass(frozen=True, slots=True)
class Styled:
    """Prompts with the names of the styles that are in them."""

    prompt: str
    negative_prompt: str
    styles: tuple[str, ...] = ()


def read_styles(text: str) -> tuple[Style, ...]:
    """The styles of a table. Rows without a name, or with one that begins with `#`, are left out; of equal names the
    last counts.

    Raises: DamagedStylesError.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), skipinitialspace=True)
    styles: dict[str, Style] = {}
    try:
        for row in reader:
            name = row.get("name") or ""
            if name and not name.startswith("#"):
                prompt = row["prompt"] if "prompt" in row else row.get("text")
                styles[name] = Style(name, prompt or "", row.get("negative_prompt") or "")
    except csv.Error as error:
        raise DamagedStylesError(line=reader.line_num) from error
    return tuple(styles.values())


def write_styles(styles: Iterable[Style]) -> str:
    """The table of these styles, byte order mark and all: `read_styles` gives them back."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    writer.writerows((style.name, style.prompt, style.negative_prompt) for style in styles)
    return BYTE_ORDER_MARK + stream.getvalue()


def apply_styles(prompt: str, negative_prompt: str, names: Sequence[str], styles: Iterable[Style]) -> Styled:
    """Both prompts with these styles, the first innermost. Raises: UnknownStyleError."""
    by_name = {style.name: style for style in styles}
    for name in names:
        if name not in by_name:
            if not by_name:
                raise UnknownStyleError("error.prompt.style_none", name=name)
            raise UnknownStyleError(name=name, nearest=difflib.get_close_matches(name, by_name, 1, 0.0)[0])
        prompt = _merge(by_name[name].prompt, prompt)
        negative_prompt = _merge(by_name[name].negative_prompt, negative_prompt)
    return Styled(prompt, negative_prompt, tuple(names))


def find_styles(prompt: str, negative_prompt: str, styles: Iterable[Style]) -> Styled:
    """The styles that prompts were made with, and the prompts without them: the way back of `apply_styles`.

    A style is found where both of its texts are; the outermost first, until none is left.
    """
    left = [style for style in styles if style.prompt or style.negative_prompt]
    found: list[str] = []
    while True:
        for style in left:
            positive = _without(style.prompt, prompt)
            negative = _without(style.negative_prompt, negative_prompt)
            if positive is not None and negative is not None:
                break
        else:
            return Styled(prompt, negative_prompt, tuple(reversed(found)))
        prompt, negative_prompt = positive, negative
        left.remove(style)
        found.append(style.name)


def _merge(style: str, prompt: str) -> str:
    if PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)


def _without(style: str, prompt: str) -> str | None:
    """The prompt without this style's text, None where it is not in it. Runs of blanks count as one."""
    plain, style = _BLANKS.sub(" ", prompt.strip()), _BLANKS.sub(" ", style.strip())
    if PLACE in style:
        left, _, right = style.partition(PLACE)
        around = plain.startswith(left) and plain.endswith(right) and len(plain) >= len(left) + len(right)
        return plain[len(left) : len(plain) - len(right)] if around else None
    if not style:
        return prompt
    return plain.removesuffix(style).removesuffix(", ") if plain.endswith(style) else None
