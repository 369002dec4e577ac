"""The drawings: packages at fixed versions, checked, unpacked and rendered once into the cache."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .concepts import SOURCES, Concept
from .recipe import STYLES

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


class DamagedPackageError(Exception):
    """A fetched package is not the one that was pinned."""


@dataclass(frozen=True)
class Package:
    """An npm package at one version; `sha256` is of the tarball, `file` its name as `npm pack` writes it."""

    name: str
    version: str
    sha256: str
    licence: str

    @property
    def file(self) -> str:
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


PACKAGES = {
    "fluent_3d": Package(
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        "MIT",
    ),
    "fluent_flat": Package(
        "@iconify-json/fluent-emoji-flat",
        "1.2.6",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        "MIT",
    ),
    "noto": Package(
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        "Apache-2.0",
    ),
}


@dataclass(frozen=True)
class Drawings:
    """Cut-outs: `pixels` is (things, styles, side, side, 4) uint8 RGBA, in the order of `concepts` and STYLES."""

    concepts: Sequence[Concept]
    pixels: Pixels

    @property
    def size(self) -> int:
        return int(self.pixels.shape[2])

    def only(self, concepts: Iterable[Concept]) -> Drawings:
        """The same drawings of fewer things."""
        chosen = list(concepts)
        row = {concept.id: index for index, concept in enumerate(self.concepts)}
        return Drawings(chosen, self.pixels[[row[concept.id] for concept in chosen]])


def fetch(cache: Path) -> dict[str, Path]:
    """Every package as a checked tarball in `cache`/npm; what is there already is only checked.

    Raises: DamagedPackageError, subprocess.CalledProcessError.
    """
    folder = cache / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    return {source: _fetch(package, folder) for source, package in PACKAGES.items()}


def _fetch(package: Package, folder: Path) -> Path:
    path = folder / package.file
    if not path.exists():
        log.info("fetching %s %s", package.name, package.version)
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}", "--pack-destination", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise DamagedPackageError(f"{path} has sha256 {found}, expected {package.sha256}; delete it and try again")
    return path


def load_drawings(concepts: Sequence[Concept], cache: Path, size: int) -> Drawings:
    """All drawings at `size` pixels, rendered the first time and kept; memory-mapped."""
    key = hashlib.sha256(repr([(c.id, sorted(c.drawings.items())) for c in concepts]).encode()).hexdigest()[:12]
    path = cache / f"drawings-{size}-{key}.npy"
    if not path.exists():
        log.info("rendering %d drawings at %d px", len(concepts) * len(STYLES), size)
        pixels = render(concepts, fetch(cache), size)
        scratch = path.with_suffix(".scratch.npy")
        np.save(scratch, pixels)
        scratch.replace(path)
    return Drawings(concepts, np.load(path, mmap_mode="r"))


def render(concepts: Sequence[Concept], tarballs: dict[str, Path], size: int) -> Pixels:
    """(things, styles, size, size, 4) RGBA from the packages."""
    readers = {style: _reader(tarballs[source], source) for style, source in SOURCES.items()}
    pixels = np.empty((len(concepts), len(STYLES), size, size, 4), np.uint8)
    for row, concept in enumerate(concepts):
        for column, style in enumerate(STYLES):
            pixels[row, column] = np.asarray(readers[style].draw(concept.drawings[style], size))
    return pixels


class _Bitmaps:
    """The 3D set: one picture a file, named by code point."""

    def __init__(self, tarball: Path) -> None:
        with tarfile.open(tarball) as archive:
            self._files = {
                Path(member.name).stem: _read(archive, member) for member in archive if member.name.endswith(".webp")
            }

    def draw(self, name: str, size: int) -> Image.Image:
        picture = Image.open(io.BytesIO(self._files[name])).convert("RGBA")
        return picture.resize((size, size), Image.Resampling.LANCZOS)


class _Vectors:
    """A set in one icons.json: the body of an SVG for every name."""

    def __init__(self, tarball: Path) -> None:
        with tarfile.open(tarball) as archive:
            self._set: dict[str, Any] = json.loads(_read(archive, archive.getmember("package/icons.json")))

    def draw(self, name: str, size: int) -> Image.Image:
        import resvg_py

        icon = self._set["icons"][name]
        width, height = (icon.get(side, self._set.get(side, 16)) for side in ("width", "height"))
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        svg = f'<svg {head} viewBox="{box}">{icon["body"]}</svg>'
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
        drawn = Image.open(io.BytesIO(png)).convert("RGBA")
        square = Image.new("RGBA", (size, size))
        square.paste(drawn, ((size - drawn.width) // 2, (size - drawn.height) // 2))
        return square


def _reader(tarball: Path, source: str) -> _Bitmaps | _Vectors:
    return _Bitmaps(tarball) if source == "fluent_3d" else _Vectors(tarball)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None, member.name
    return file.read()
