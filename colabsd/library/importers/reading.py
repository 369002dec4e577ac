"""Whose picture it is: the first program that recognises a file's texts reads them. A new program is a row here."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from colabsd.errors import NoManifestError
from colabsd.library.importers import (
    a1111,
    comfyui,
    draw_things,
    easy_diffusion,
    fooocus,
    invokeai,
    novelai,
    swarmui,
)
from colabsd.library.importers.file_texts import FileTexts, read_file_texts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.stealth import read_stealth_text
from colabsd.library.importers.values import try_object
from colabsd.library.picture_files import A1111_KEYWORD

# In order: A1111's text is also written by programs that have a better one, and ComfyUI's keyword is a common word.
PROGRAMS: tuple[tuple[Callable[[FileTexts], bool], Callable[[FileTexts], Imported]], ...] = (
    (invokeai.matches, invokeai.read),
    (novelai.matches, novelai.read),
    (swarmui.matches, swarmui.read),
    (fooocus.matches, fooocus.read),
    (easy_diffusion.matches, easy_diffusion.read),
    (draw_things.matches, draw_things.read),
    (a1111.matches, a1111.read),
    (comfyui.matches, comfyui.read),
)


def read_picture(path: Path) -> Imported:
    """What a picture file says, whichever of the programs made it.

    Raises: NotAPictureError, NoManifestError when it says nothing that is known, DamagedMetadataError, StorageError.
    """
    texts = read_file_texts(path)
    found = _read(texts) or _read_stealth(texts)
    if found is None:
        raise NoManifestError("error.import.none", path=path)
    return found


def _read(texts: FileTexts) -> Imported | None:
    read = next((read for matches, read in PROGRAMS if matches(texts)), None)
    return None if read is None else read(texts)


def _read_stealth(texts: FileTexts) -> Imported | None:
    """The text in the alpha channel: NovelAI's texts as one object, or A1111's text."""
    hidden = read_stealth_text(texts.path) if texts.is_png else None
    if hidden is None:
        return None
    found = try_object(hidden)
    told = {A1111_KEYWORD: hidden} if found is None else {name: _plain(value) for name, value in found.items()}
    return _read(dataclasses.replace(texts, texts=told))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
