"""Wildcards from a folder: names → lines, read only, never out of the folder. Knows nothing of templates.

    colour.txt            __colour__: a choice per line; blank lines and lines that begin with # do not count
    animals/cats.txt      __animals/cats__, and __cats__ where no other file is called so
    any.json, any.yaml    a tree of lists: {"clothes": {"hats": ["cap", "beret"]}} is __clothes/hats__
    __colour*__  __animals/**__   every file whose name fits, one after the other

A line may begin with a weight, as an option does: `3::red`. In a tree, {"text": "red", "weight": 3} says the same.
"""

import difflib
import fnmatch
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from colabsd.errors import StorageError, UnknownWildcardError, UnsafeWildcardError

MAX_LINES = 1_000_000
MAX_LEVELS = 32

_SUFFIXES = (".txt", ".json", ".yaml", ".yml")


class WildcardFolder:
    """A folder of wildcards as a lookup for `expand`. What was read is kept; make a new one to see changed files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, Path] | None = None
        self._trees: dict[Path, Mapping[str, Sequence[str]]] = {}

    def __call__(self, name: str) -> Sequence[str]:
        """The lines of every wildcard that the name or pattern fits.

        Raises: UnsafeWildcardError, UnknownWildcardError, StorageError.
        """
        wanted = _checked(name)
        names = self.names()
        matching = [wanted] if wanted in self._index() else fnmatch.filter(names, wanted)
        matching = matching or fnmatch.filter(names, f"*/{wanted}")
        if not matching:
            if not names:
                raise UnknownWildcardError("error.prompt.wildcard_none", name=name)
            raise UnknownWildcardError(name=name, nearest=difflib.get_close_matches(name, names, 1, 0.0)[0])
        return [line for match in matching for line in self._lines(match)]

    def names(self) -> Sequence[str]:
        """Every wildcard's name, sorted."""
        return sorted(self._index())

    def _index(self) -> Mapping[str, Path]:
        if self._files is None:
            self._files = {}
            for path in _files_under(self.root):
                folder = path.relative_to(self.root).parent.as_posix()
                prefix = "" if folder == "." else f"{folder}/"
                if path.suffix == ".txt":
                    self._files[prefix + path.stem] = path
                else:
                    self._trees[path] = {prefix + name: lines for name, lines in _read_tree(path).items()}
                    self._files.update(dict.fromkeys(self._trees[path], path))
        return self._files

    def _lines(self, name: str) -> Sequence[str]:
        path = self._index()[name]
        if path in self._trees:
            return self._trees[path][name]
        lines = (line.strip() for line in _read(path).splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def _checked(name: str) -> str:
    wanted = name.replace("\\", "/")
    if wanted.startswith("/") or "\0" in wanted or ":" in wanted or ".." in wanted.split("/"):
        raise UnsafeWildcardError(name=name)
    return wanted.strip("/")


def _files_under(root: Path) -> Iterator[Path]:
    """Wildcard files, sorted; nothing hidden, and no link that leads out of the folder."""
    inside = root.resolve()
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix in _SUFFIXES and path.is_file() and not hidden and path.resolve().is_relative_to(inside):
            yield path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise StorageError(path=path, reason=error.strerror or str(error)) from error


def _read_tree(path: Path) -> Mapping[str, Sequence[str]]:
    text = _read(path)
    try:
        data = json.loads(text) if path.suffix == ".json" else importlib.import_module("yaml").safe_load(text)
    except (ValueError, RecursionError) as error:
        raise StorageError("error.prompt.wildcard_file", path=path) from error
    except importlib.import_module("yaml").YAMLError as error:
        raise StorageError("error.prompt.wildcard_file", path=path) from error
    tree: dict[str, Sequence[str]] = {}
    if isinstance(data, list):
        data = {path.stem: data}
    if isinstance(data, dict):
        _gather(data, "", tree, [MAX_LINES], path)
    return tree


def _gather(data: Mapping[Any, Any], prefix: str, tree: dict[str, Sequence[str]], left: list[int], path: Path) -> None:
    """Collect the lists of a tree. `left` holds how many lines may still come: YAML can repeat itself endlessly."""
    if prefix.count("/") > MAX_LEVELS:
        raise StorageError("error.prompt.wildcard_file", path=path)
    for key, value in data.items():
        name = f"{prefix}{key}"
        left[0] -= 1
        if isinstance(value, dict):
            _gather(value, f"{name}/", tree, left, path)
        elif isinstance(value, (str, list)):
            entries = [value] if isinstance(value, str) else value
            left[0] -= len(entries)
            if left[0] < 0:
                raise StorageError("error.prompt.wildcard_file", path=path)
            tree[name] = [line for line in map(_entry, entries) if line]
        if left[0] < 0:
            raise StorageError("error.prompt.wildcard_file", path=path)


def _entry(entry: object) -> str:
    match entry:
        case str():
            return entry.strip()
        case {"text": str(text), **rest} | {"content": str(text), **rest}:
            weight = rest.get("weight", 1)
            return f"{weight}::{text}" if isinstance(weight, (int, float)) and weight != 1 else text
        case int() | float():
            return str(entry)
    return ""
