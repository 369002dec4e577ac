"""Digests of model files, remembered so that gigabytes are read once. Knows nothing of what the files mean."""

import hashlib
import json
import os
import re
import struct
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from colabsd.errors import DamagedWeightsError, MissingWeightsError
from colabsd.keys import key_of
from colabsd.models.tensor_headers import read_header
from colabsd.progress import Progress

SAFETENSORS = ".safetensors"
LENGTH = struct.Struct("<Q")  # of the header, which stands first
DIGEST = re.compile("[0-9a-f]{64}")


def digest_file(path: Path) -> str:
    """The sha256 of a file. Raises: MissingWeightsError, DamagedWeightsError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    except OSError as error:
        raise DamagedWeightsError(path=path, reason=error) from error


def digest_files(
    folder: Path, names: Sequence[str], memory: Path | None
) -> Generator[Progress, None, Mapping[str, str]]:
    """The sha256 of each file by name, with Progress in bytes.

    `memory` is a JSON file on the local disk that remembers digests by path, size and time of change; None reads
    every file anew. A file changed without changing its size and time is not noticed through the memory.
    """
    remembered = _recall(memory)
    total = sum((folder / name).stat().st_size for name in names if (folder / name).exists())
    digests, done = {}, 0
    for name in names:
        path = folder / name
        mark = _mark(path)
        if mark not in remembered:
            yield Progress(stage="check", done=done, total=total)
            remembered[mark] = digest_file(path)
        digests[name] = remembered[mark]
        done += path.stat().st_size
    if memory is not None:
        _remember(memory, remembered)
    return digests


def content_digest(path: Path, memory: Path | None) -> str:
    """The digest by which A1111 and others know a LoRA, whatever its metadata say: remembered as the others are.

    That is the one in its metadata (`sshs_model_hash`), else the sha256 of what stands behind a safetensors file's
    header, else that of the file. Raises: MissingWeightsError, DamagedWeightsError.
    """
    remembered = _recall(memory)
    mark = f"{_mark(path)}|content"
    if mark not in remembered:
        remembered[mark] = _stated_digest(path) or _digest_behind_header(path)
        if memory is not None:
            _remember(memory, remembered)
    return remembered[mark]


def _stated_digest(path: Path) -> str:
    header = read_header(path) if path.suffix.casefold() == SAFETENSORS else None
    stated = header.metadata.get("sshs_model_hash", "").casefold() if header else ""
    return stated if DIGEST.fullmatch(stated) else ""


def _digest_behind_header(path: Path) -> str:
    if path.suffix.casefold() != SAFETENSORS:
        return digest_file(path)
    try:
        with path.open("rb") as file:
            file.seek(LENGTH.size + LENGTH.unpack(file.read(LENGTH.size))[0])
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, struct.error) as error:
        raise DamagedWeightsError(path=path, reason=error) from error


def remember_digests(memory: Path, folder: Path, digests: Mapping[str, str]) -> None:
    """Remember the digests of files that were read and checked elsewhere, so that nobody reads them for it again."""
    _remember(memory, _recall(memory) | {_mark(folder / name): digest for name, digest in digests.items()})


def digest_of_model(digests: Mapping[str, str]) -> str:
    """One digest for a model made of several files: the key of their names and digests."""
    return key_of(dict(digests))


def _mark(path: Path) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise MissingWeightsError(path=path) from None
    return f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"


def _recall(memory: Path | None) -> dict[str, str]:
    if memory is None or not memory.exists():
        return {}
    try:
        remembered = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a lost memory costs time, nothing else
    return remembered if isinstance(remembered, dict) else {}


def _remember(memory: Path, remembered: Mapping[str, str]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    scratch = memory.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(remembered), encoding="utf-8")
    scratch.replace(memory)
