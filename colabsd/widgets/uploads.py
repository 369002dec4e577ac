"""Files that people bring into the page: ipywidgets 7 and 8 hand them over differently, and Colab needs its own way."""

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from colabsd.storage.failures import storage_errors

PICTURE_FILES = ".png,.jpg,.jpeg,.webp"
SIGNATURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}
LONGEST_UPLOAD = 64_000_000  # bytes


def uploaded_files(value: Any) -> list[tuple[str, bytes]]:
    """Names and contents of a FileUpload's value: a mapping by name in ipywidgets 7, a tuple of mappings in 8."""
    if isinstance(value, Mapping):
        return [(str(name), bytes(entry["content"])) for name, entry in value.items()]
    return [(str(entry["name"]), bytes(entry["content"])) for entry in value]


def forget_upload(upload: Any) -> None:
    """Empty a FileUpload, so that the same file can be chosen again."""
    if isinstance(upload.value, MutableMapping):
        upload.value.clear()
        upload._counter = 0
    else:
        upload.value = ()


def keep_upload(contents: Iterable[tuple[str, bytes]], folder: Path) -> Path | None:
    """Write the first file under a name made of its digest; None when there is none. Raises: StorageError.

    The name that it was brought under is not used: it may be anything. Whether it is a picture is found out when it is
    opened.
    """
    for _, data in contents:
        if not data or len(data) > LONGEST_UPLOAD:
            continue
        ending = next((ending for start, ending in SIGNATURES.items() if data.startswith(start)), "bin")
        path = folder / f"{hashlib.sha256(data).hexdigest()[:24]}.{ending}"
        with storage_errors(path):
            folder.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.stat().st_size != len(data):
                path.write_bytes(data)
        return path
    return None
