"""Kept models: folders of plain files, each with a list of what belongs there. Knows no network.

A folder appears under its final name when all its files are there and checked, by a rename; its list, `colabsd.json`,
is written last. So a folder with a list whose files have the sizes that it names is whole, whatever was killed.
"""

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from colabsd.errors import StorageError
from colabsd.storage.failures import storage_errors
from colabsd.storage.names import new_token

LIST = "colabsd.json"
FORMAT = 1
UNFINISHED = ".unfinished"
REMOVED = ".removed"
ABANDONED_S = 3600.0  # a copy that nobody wrote to for so long is nobody's
SEEN = ".seen"
TRAINED = "trained:"  # how the source of models begins that were made here
Seen = Literal["hub", "here"]
"""Who told a digest first: the hub or a card before the file came, or nobody, so that it is what was seen here."""


@dataclass(frozen=True)
class KeptFile:
    """A file of a kept model, named relative to its folder."""

    name: str
    bytes: int
    sha256: str
    seen: Seen = "hub"


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """A whole model in a folder: what it is asked for by, the repository and commit that it came from, its files, when
    it was kept."""

    folder: Path
    name: str
    source: str
    revision: str
    commit: str
    files: tuple[KeptFile, ...]
    kept: datetime

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def spellings(self) -> tuple[str, str]:
        """What it may be called, in small letters."""
        return self.name.casefold(), self.source.casefold()

    @property
    def digests(self) -> Mapping[str, str]:
        """The files' sha256 by name."""
        return {file.name: file.sha256 for file in self.files}

    def as_json(self) -> dict[str, Any]:
        files = [vars(file) for file in self.files]
        facts = {name: getattr(self, name) for name in ("name", "source", "revision", "commit")}
        return {"format": FORMAT, **facts, "kept": self.kept.isoformat(), "files": files}

    def last_used(self) -> datetime:
        """When it was last used, from the time of its list; never before it was kept."""
        try:
            used = datetime.fromtimestamp((self.folder / LIST).stat().st_mtime, UTC)
        except OSError:
            return self.kept
        return max(used, self.kept)

    def mark_used(self) -> None:
        """Remember that it is used now, where the file system lets us: it decides only what is proposed for removal."""
        with suppress(OSError):
            os.utime(self.folder / LIST)


def folder_name(source: str, revision: str = "") -> str:
    """The name of a model's folder: `owner--name`, with `@revision` where one was asked for, commits at 12 digits."""
    short = revision[:12] if re.fullmatch("[0-9a-f]{40}", revision) else revision
    name = source.replace("/", "--") + (f"@{short}" if short else "")
    return re.sub(r"[^\w.@+-]", "-", name)


def read_kept(folder: Path) -> KeptModel | None:
    """The model kept in a folder, or None when there is none that is whole. Reads sizes, not contents."""
    try:
        kept = _from_json(folder, json.loads((folder / LIST).read_text(encoding="utf-8")))
        whole = all((folder / file.name).stat().st_size == file.bytes for file in kept.files)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept if whole else None


def _from_json(folder: Path, data: Any) -> KeptModel:
    """Raises: KeyError, TypeError or ValueError when the data is no list of ours."""
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    files = tuple(KeptFile(**file) for file in data["files"])
    if not files or any(Path(file.name).is_absolute() or ".." in Path(file.name).parts for file in files):
        raise ValueError(data["files"])
    return KeptModel(
        folder=folder,
        name=str(data["name"]),
        source=str(data["source"]),
        revision=str(data["revision"]),
        commit=str(data["commit"]),
        files=files,
        kept=datetime.fromisoformat(data["kept"]),
    )


def list_kept(shelf: Path) -> tuple[KeptModel, ...]:
    """Every whole model of a shelf, by name. Raises: StorageError when the shelf is there and cannot be read."""
    if not shelf.is_dir():
        return ()
    with storage_errors(shelf):
        folders = sorted(path for path in shelf.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = (read_kept(folder) for folder in folders)
    return tuple(kept for kept in found if kept is not None)


def publish_kept(unfinished: Path, kept: KeptModel) -> KeptModel:
    """Let a finished folder appear under its final name, `kept.folder`; its list is written last.

    Where another process was faster, its model is taken and ours thrown away. Raises: StorageError.
    """
    with storage_errors(kept.folder):
        text = json.dumps(kept.as_json(), indent=1)
        with (unfinished / LIST).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            unfinished.rename(kept.folder)
        except OSError:
            other = read_kept(kept.folder)
            if other is None:
                set_aside(kept.folder)  # what is there is not whole
                unfinished.rename(kept.folder)
            else:
                throw_away(unfinished)
                return other
    return kept


def set_aside(folder: Path) -> Path:
    """Take a folder away from its name, so that it is never half there while it is thrown away. Raises: OSError."""
    aside = folder.parent / UNFINISHED / f"{folder.name}-{new_token(secrets.token_bytes)}{REMOVED}"
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    return aside


def throw_away(folder: Path, *, empty_first: bool = False) -> None:
    """Remove a folder with all in it. Raises: OSError.

    `empty_first` is for Drive, where what is removed goes on counting in the bin. Elsewhere a running program may have
    the files in its memory, and must not see them end.
    """
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        with suppress(FileNotFoundError):  # another program throws it away too
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
                continue
            if empty_first and not path.is_symlink():
                os.truncate(path, 0)
            path.unlink()


def sweep_shelf(shelf: Path, *, empty_first: bool = False) -> None:
    """Remove what killed programs left: the rest of removed models, and copies that nobody has written to for an hour.

    Downloads that can be continued stay.
    """
    for path in (shelf / UNFINISHED).glob("*"):
        with suppress(OSError):  # another program was faster, or Drive is gone: then the next one does it
            copied = re.search(r"@\d{8}T\d+$", path.name) is not None
            if path.suffix == REMOVED or (copied and time.time() - _last_written(path) > ABANDONED_S):
                throw_away(path, empty_first=empty_first)


def _last_written(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def remove_kept(kept: KeptModel, *, empty_first: bool = False) -> None:
    """Remove a model. Its list stays hidden beside it: what comes again under the same commit must be the same.

    Raises: StorageError.
    """
    with storage_errors(kept.folder):
        aside = set_aside(kept.folder)
        seen = seen_path(kept.folder.parent, kept.folder.name)
        if not seen.exists():
            seen.parent.mkdir(exist_ok=True)
            (aside / LIST).rename(seen)
        throw_away(aside, empty_first=empty_first)


def seen_path(shelf: Path, name: str) -> Path:
    """Where the list of a removed model is remembered."""
    return shelf / SEEN / f"{name}.json"


def first_seen(shelf: Path, name: str) -> KeptModel | None:
    """What a model that was removed had been made of, or None."""
    try:
        text = seen_path(shelf, name).read_text(encoding="utf-8")
        return _from_json(shelf / name, json.loads(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def check_shelf(shelf: Path) -> None:
    """Make the shelf and its scratch folder. Its parent must be there. Raises: StorageError."""
    if shelf.exists() and not shelf.is_dir():
        raise StorageError("error.storage.not_a_folder", path=shelf)
    with storage_errors(shelf):
        shelf.mkdir(exist_ok=True)
        (shelf / UNFINISHED).mkdir(exist_ok=True)
