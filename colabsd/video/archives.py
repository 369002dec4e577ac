"""A film on its way to Drive: not frame by frame, but now and then one archive of what is new, with the newest state.

Bursts of small files break a mounted Drive. So every so many drawn frames, or minutes, one ZIP (stored) gets the frames
since the last one and the state to go on from; its table of contents, with a digest of each member, comes last. A new
machine takes what is verified and goes on; what a damaged archive held is drawn again from the state before it.
"""

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.keys import canonical_json
from colabsd.progress import Progress
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.video.frames import NAME as FRAME
from colabsd.video.frames import FrameFolder, write_file
from colabsd.video.state import StateFolder, read_state_files

FORMAT = "colabsd.film_part"
NAME = re.compile(r"part-(\d{5})\.zip")
CONTENTS = "contents.json"
STATE = re.compile(r"\d{7}\.(safetensors|json)")
MOST_BYTES = 2**31


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """When an archive is due: after so many drawn frames, frames altogether, or seconds."""

    drawn: int = 25
    frames: int = 100
    seconds: float = 300.0


@dataclass
class Archives:
    """The archives of one film. `places` are the folders where they may lie, the nearest first; `publish` puts a new
    one under its name, once and whole.
    """

    places: tuple[Path, ...]
    frames: FrameFolder
    states: StateFolder
    publish: Callable[[bytes, str], object]
    rhythm: Rhythm = Rhythm()
    clock: Callable[[], float] = time.monotonic
    disk: Disk | None = None

    def __post_init__(self) -> None:
        self._kept: set[int] | None = None
        self._number = 0
        self._drawn = 0
        self._since = self.clock()

    def restore(self) -> Iterator[Progress]:
        """Take from the archives what this machine lacks. Raises: StorageError."""
        kept: set[int] = set()
        lacking = self.frames.gaps(max(self.frames.there(), default=-1) + 1)
        there = self.frames.there() - lacking
        paths = self._paths()
        for done, (number, path) in enumerate(paths, 1):
            members = read_archive(path) or {}
            for name, data in members.items():
                frame = FRAME.fullmatch(name)
                if frame:
                    kept.add(int(frame[1]))
                    if int(frame[1]) not in there:
                        write_file(self.frames.folder / name, data, self.disk or Disk())
                elif STATE.fullmatch(name) and not (self.states.folder / name).exists():
                    write_file(self.states.folder / name, data, self.disk or Disk())
            self._number = max(self._number, number)
            yield Progress(stage="copy", done=done, total=len(paths))
        self._kept = kept

    def drew(self) -> None:
        """A frame was drawn."""
        self._drawn += 1

    def is_due(self) -> bool:
        """Whether enough is new."""
        return bool(self._drawn) and (
            self._drawn >= self.rhythm.drawn
            or self.clock() - self._since >= self.rhythm.seconds
            or len(self._new()) >= self.rhythm.frames
        )

    def has_news(self) -> bool:
        """Whether anything is in no archive yet."""
        return bool(self._drawn) or bool(self._new())

    def write(self, state: int) -> None:
        """Bring what is new, and the state after that drawn frame, to safety. Raises: StorageError."""
        new = sorted(self._new())
        members: dict[str, bytes] = {}
        for index in new:
            path = self.frames.path(index)
            with storage_errors(path):
                members[path.name] = path.read_bytes()
        members |= read_state_files(self.states, state)
        self._number += 1
        self.publish(write_archive(members), f"part-{self._number:05d}.zip")
        self._kept = (self._kept or set()) | set(new)
        self._drawn, self._since = 0, self.clock()

    def _new(self) -> frozenset[int]:
        return self.frames.there() - frozenset(self._kept or ())

    def _paths(self) -> list[tuple[int, Path]]:
        """The archives by their numbers, of each the nearest."""
        found: dict[int, Path] = {}
        for place in reversed(self.places):
            with storage_errors(place):
                names = [(NAME.fullmatch(path.name), path) for path in place.iterdir()] if place.is_dir() else []
            found |= {int(name[1]): path for name, path in names if name}
        return sorted(found.items())


def write_archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of these members, stored as they are, and of their digests."""
    contents = {"format": FORMAT, "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (*members.items(), (CONTENTS, canonical_json(contents).encode())):
            archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def read_archive(path: Path) -> Mapping[str, bytes] | None:
    """The members of an archive; None of one that is not as it was written, or that Drive does not give."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                return None
            contents = json.loads(archive.read(CONTENTS))
            digests = contents["sha256"] if contents["format"] == FORMAT else {}
            members = {name: archive.read(name) for name in digests}
        whole = all(hashlib.sha256(data).hexdigest() == digests[name] for name, data in members.items())
        return members if members and whole else None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, StorageError):
        return None
