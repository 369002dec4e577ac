"""Values that other programs wrote, read without trust: JSON of bearable size, numbers that may be text. No program."""

import json
import re
from typing import Any

from colabsd.errors import DamagedMetadataError
from colabsd.library.importers.file_texts import FileTexts
from colabsd.library.png_text import LONGEST_TEXT

WHOLE = re.compile(r"[+-]?\d{1,24}")
DECIMAL = re.compile(r"[+-]?(\d{1,24}(\.\d{0,24})?|\.\d{1,24})([eE][+-]?\d{1,2})?")
SIZE = re.compile(r"\(?\s*(\d{1,6})\s*[x,]\s*(\d{1,6})\s*\)?")
MODEL_ENDINGS = (".safetensors", ".ckpt", ".pth", ".pt", ".bin", ".gguf")


def read_object(text: str, program: str, texts: FileTexts) -> dict[str, Any]:
    """The JSON object in a text. Raises: DamagedMetadataError when it is broken, too long, too deep or no object."""
    found = try_object(text)
    if found is None:
        raise DamagedMetadataError(path=texts.path, program=program)
    return found


def try_object(text: str | None) -> dict[str, Any] | None:
    """The JSON object in a text, or None. NaN and infinity are no JSON."""
    if text is None or len(text) > LONGEST_TEXT or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def integer(value: object) -> int | None:
    """A whole number, also when it is written as text or as 7.0; True is none."""
    if isinstance(value, str):
        return int(value) if WHOLE.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def number(value: object) -> float | None:
    """A number, also when it is written as text; a whole one stays whole."""
    whole = integer(value)
    if whole is not None:
        return whole
    if isinstance(value, str):
        return float(value) if DECIMAL.fullmatch(value.strip()) else None
    return value if isinstance(value, float) else None


def text(value: object) -> str | None:
    """A text; numbers and lists are none."""
    return value if isinstance(value, str) else None


def size(value: object) -> tuple[int, int] | None:
    """Width and height of `512x768`, of `(512, 768)` or of a list of two numbers."""
    if isinstance(value, list) and len(value) == 2:
        sides = integer(value[0]), integer(value[1])
        return (sides[0], sides[1]) if sides[0] is not None and sides[1] is not None else None
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def file_stem(value: object) -> str | None:
    """A model's name without its folders, on any system, and without its file's ending."""
    if not isinstance(value, str):
        return None
    name = re.split(r"[\\/]", value.strip())[-1]
    ending = next((ending for ending in MODEL_ENDINGS if name.lower().endswith(ending)), "")
    return name[: len(name) - len(ending)] or None


def _refuse(name: str) -> None:
    raise ValueError(name)
