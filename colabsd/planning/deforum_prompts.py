"""The prompts of Deforum's settings files, in all forms in which they are found, as `frame: text`."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

QUOTED = re.compile(r"""(["'])(?P<key>[^"']{1,200})\1\s*:\s*(["'])(?P<text>.*?)(?<!\\)\3\s*(?=[,}])""", re.DOTALL)
DIGITS = re.compile(r"[0-9]+")
NEGATIVE = "--neg"


def file_prompts(found: Any, positive: str = "", negative: str = "") -> tuple[str, ...]:
    """The prompts by frame: from {frame: text}, a list, a text, such a table written as a text, or a batch's numbers.

    `positive` is put before each and `negative` behind it, as the extension's interface does.
    """
    return tuple(f"{frame}: {_with(text.strip(), positive, negative)}" for frame, text in _pairs(found))


def is_batch(found: Any) -> bool:
    """Whether texts stand where frames should: prompts of pictures, numbered."""
    return (
        isinstance(found, Mapping)
        and bool(found)
        and all(
            isinstance(value, str) and DIGITS.fullmatch(value) and not DIGITS.fullmatch(str(key).strip())
            for key, value in found.items()
        )
    )


def written_prompts(prompts: tuple[str, ...], negative: str) -> dict[str, str]:
    """As a file has them: {frame: text}, with the film's negative prompt in each."""
    table: dict[str, str] = {}
    for prompt in prompts:
        head, colon, text = prompt.partition(":")
        keyed = colon and (DIGITS.fullmatch(head.strip()) or "max_f" in head)
        frame, sentence = (head.strip(), text.strip()) if keyed else ("0", prompt.strip())
        table[frame] = _with(sentence, "", negative)
    return table


def _pairs(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, str):
        table = _table(found)
        yield from _pairs(table) if table is not None else (("0", found),) if found.strip() else ()
    elif isinstance(found, Mapping):
        batch = is_batch(found)
        for index, (key, text) in enumerate(found.items()):
            yield (str(index), str(key)) if batch else (str(key).strip().strip("\"'"), str(text))
    elif isinstance(found, list):
        yield from ((str(index), str(text)) for index, text in enumerate(found))


def _table(text: str) -> Mapping[str, Any] | None:
    """A table that was written as a text: as JSON, or as Python prints one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        rows = {one["key"]: one["text"].replace("\\'", "'") for one in QUOTED.finditer(text)}
        return rows or None
    return table if isinstance(table, dict) else None


def _with(text: str, positive: str, negative: str) -> str:
    text = f"{positive.strip()}, {text}" if positive.strip() else text
    if not negative.strip():
        return text
    return f"{text}, {negative.strip()}" if NEGATIVE in text else f"{text} {NEGATIVE} {negative.strip()}"
