"""Where photos that people bring lie on this machine, and under which names. No widgets."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.storage.failures import storage_errors

if TYPE_CHECKING:
    from colabsd.studio import Studio

HARMLESS = re.compile(r"[^\w.-]+")
LONGEST_NAME = 80
CAPTION = ".txt"
# What suits the photos that come along and the embedded model (tests/training/test_learning_a_subject.py).
EXAMPLE: Mapping[str, Any] = {
    "class_word": "dog",
    "steps": 200,
    "batch": 2,
    "rank": 16,
    "prior": "on",
    "class_pictures": 24,
    "text_encoder": "off",
    "snr_gamma": 0.0,
}


def photo_folder(studio: "Studio") -> Path:
    """The folder of the photos that were brought to the page of a studio."""
    return studio.workspace.local / "uploads" / "photos"


def photos_in(folder: Path) -> list[Path]:
    """The photos of a folder, without the captions beside them."""
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in there if path.suffix != CAPTION]


def keep_photo(name: str, data: bytes, folder: Path) -> Path:
    """Write one file under a harmless form of its name, with its digest where another has it. Raises: StorageError."""
    last = name.replace("\\", "/").rpartition("/")[2]
    safe = HARMLESS.sub("_", last).lstrip(".")[-LONGEST_NAME:] or "photo"
    path = folder / safe
    with storage_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_bytes() != data:
            path = folder / f"{path.stem}-{hashlib.sha256(data).hexdigest()[:8]}{path.suffix}"
        path.write_bytes(data)
    return path
