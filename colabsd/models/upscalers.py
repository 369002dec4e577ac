"""Networks that make pictures larger: found by name or path, in the workspace, or brought. Knows no pictures."""

import difflib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from colabsd.errors import DownloadError, UnknownModelError, UnknownUpscalerError
from colabsd.models.adapters import digest
from colabsd.models.addons import ADDONS, AddOn, find_addon
from colabsd.models.cache import WeightCache
from colabsd.models.tensor_headers import WEIGHT_FILES
from colabsd.progress import Note, Progress

Event: TypeAlias = Progress | Note
LANCZOS = "lanczos"
"""The name of enlarging without a network: Lanczos' filter, which adds nothing."""
DEFAULT = "realesrgan-x4plus"
FOLDER = "upscalers"


@dataclass(frozen=True)
class Upscaler:
    """A network's file by its name and sha256, or without a file and a digest what is done instead of one."""

    name: str
    path: Path | None = None
    sha256: str = ""


def bring_upscaler(name: str | None, cache: WeightCache) -> Generator[Event, None, Upscaler]:
    """The upscaler of that name: a file's path, a file's name in `models/upscalers`, or one that has a name here.

    None is the usual one, or else whatever is there. Raises: UnknownUpscalerError, DownloadError when it is not there
    and does not come, DamagedWeightsError, StorageError.
    """
    folder = cache.shelf / FOLDER
    if name is None:
        name = _usual(cache)
    elif name.strip().casefold() == LANCZOS:
        return Upscaler(LANCZOS)
    path = Path(name).expanduser()
    own = own_upscalers(folder)
    if path.is_file():
        return (yield from _near(path.resolve(), cache))
    if name in own:
        return (yield from _near(own[name], cache))
    row = find_enlarger(name)
    if row is None:
        known = [*own, *(one.name for one in _enlargers()), LANCZOS]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise UnknownUpscalerError(name=name, nearest=nearest, folder=folder)
    try:
        kept = yield from cache.bring(row.wanted)
    except (DownloadError, UnknownModelError) as error:
        yield Note(error.message_key, error.facts)
        raise DownloadError("error.upscaler.not_here", name=row.name, folder=folder, lanczos=LANCZOS) from error
    file = kept.folder / row.files[0].name
    return Upscaler(row.name, file, digest(file, cache.memory))


def bring_upscaler_again(
    name: str, sha256: str, asked: str | None, cache: WeightCache
) -> Generator[Event, None, Upscaler]:
    """The upscaler that a picture was enlarged with, whatever its file is called now; `asked` is how it was asked for.

    Raises: UnknownUpscalerError when it is not here or not the same any more, and what `bring_upscaler` raises.
    """
    if not sha256:
        return Upscaler(name)
    own = own_upscalers(cache.shelf / FOLDER)
    for path in (own[name], *own.values()) if name in own else own.values():
        if digest(path, cache.memory) == sha256:
            return (yield from _near(path, cache))
    here = asked is not None and Path(asked).expanduser().is_file()
    if not here and find_enlarger(name) is None:
        raise UnknownUpscalerError("error.upscaler.changed", name=name, sha256=sha256[:12], folder=cache.shelf / FOLDER)
    found = yield from bring_upscaler(asked if here else name, cache)
    if found.sha256 != sha256:
        raise UnknownUpscalerError("error.upscaler.changed", name=name, sha256=sha256[:12], folder=cache.shelf / FOLDER)
    return found


def own_upscalers(folder: Path) -> dict[str, Path]:
    """Files of weights in a folder and its subfolders by their names without endings, the first of equal names."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.casefold() in WEIGHT_FILES and path.is_file():
            found.setdefault(path.stem, path)
    return found


def find_enlarger(name: str) -> AddOn | None:
    """The row of that name, also by A1111's name or its file's."""
    row = find_addon(name)
    return row if row is not None and row.kind == "enlarger" else None


def _enlargers() -> Iterator[AddOn]:
    return (row for row in ADDONS if row.kind == "enlarger")


def _usual(cache: WeightCache) -> str:
    """The default, or whatever is here when that is not."""
    rows = [row.name for row in _enlargers() if cache.find(row.wanted) is not None]
    here = [DEFAULT] if DEFAULT in rows else [*own_upscalers(cache.shelf / FOLDER), *rows]
    return next(iter(here), DEFAULT)


def _near(path: Path, cache: WeightCache) -> Generator[Event, None, Upscaler]:
    """A file of somebody's own where it can be loaded from."""
    file = yield from cache.near(path, (), path.stem)
    return Upscaler(path.stem, file, digest(file, cache.memory))
