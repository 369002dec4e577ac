"""Captions: a line of text beside each photo, as kohya's scripts read it, or proposed from the file's name.

A caption is what a photo shows, never a path: nothing is ever opened because a caption names it.
"""

import re
import secrets
from contextlib import suppress
from pathlib import Path

from colabsd.storage.failures import storage_errors

LONGEST_CAPTION = 1000  # letters
LONGEST_FILE = 100_000  # bytes
ENDINGS = ("{stem}.txt", "{stem}.caption", "{name}.txt")  # kohya's, its other one, and ShivamShrirao's
CAMERA_NAMES = (  # what telephones, cameras and programs call a photo: no word of it says what the photo shows
    r"(?i:img|image|imagen|dsc[a-z]?|dscn|dscf|pict|p|pxl|mvimg|vid|gopr|photo|foto|picture|pic|scan|untitled|unnamed)",
    r"(?i:whatsapp|telegram|signal|screenshot|screen|shot|captura|pantalla|snapchat|fb|facebook|instagram)",
    r"(?i:copy|copia|edited|editado|edit|final|original|crop|cropped|resized|unsplash|pexels|pixabay|portrait|burst)",
    r"(?i:jpe?g|png|webp|heic|at|de|of|hdr|night|mp|am|pm)",
)
# A digest or the name that a shop of photos gave: letters and digits mixed.
CODE = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]{5,}")
WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?|[aAyYoOeE]")


def read_caption(photo: Path) -> str:
    """The caption that lies beside a photo; "" without one. Of several lines the first that says something counts."""
    for ending in ENDINGS:
        beside = photo.with_name(ending.format(stem=photo.stem, name=photo.name))
        with suppress(OSError):
            if beside.is_file() and beside.stat().st_size <= LONGEST_FILE:
                text = beside.read_bytes().decode("utf-8-sig", "replace")
                return next((clean for line in text.splitlines() if (clean := clean_caption(line))), "")
    return ""


def clean_caption(text: str) -> str:
    """A caption on one line, without controls, at most 1000 letters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:LONGEST_CAPTION].rstrip()


def propose_caption(name: str) -> str:
    """What the name of a file says of its photo: `my_red-backpack (3).jpg` is "my red backpack"; "" when nothing."""
    stem = name.rpartition(".")[0] or name
    pieces = re.split(r"[\s_\-.,;:+()\[\]{}#&~=]+", stem)
    words = [piece for piece in pieces if not CODE.fullmatch(piece)]
    kept = [word for piece in words for word in WORD.findall(piece)]
    if not any(len(word) > 1 and not _is_camera_name(word) for word in kept):
        return ""
    first = next(place for place, word in enumerate(kept) if len(word) == 1 or not _is_camera_name(word))
    del kept[: first if first and all(_is_camera_name(word) for word in kept[:first]) else 0]
    return clean_caption(" ".join(kept))


def write_caption(photo: Path, caption: str) -> Path:
    """Write a caption beside its photo as `.txt`, or take an empty one away; gives where. Raises: StorageError.

    The file shows its new text whole or its old one; the photo itself is not touched.
    """
    beside = photo.with_suffix(".txt")
    part = beside.with_name(f".{beside.name}.{secrets.token_hex(4)}.part")
    with storage_errors(beside):
        if not caption:
            beside.unlink(missing_ok=True)
            return beside
        try:
            part.write_text(clean_caption(caption) + "\n", encoding="utf-8")
            part.replace(beside)
        finally:
            part.unlink(missing_ok=True)
    return beside


def _is_camera_name(word: str) -> bool:
    return any(re.fullmatch(pattern, word) for pattern in CAMERA_NAMES)
