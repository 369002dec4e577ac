"""Films: folders of a workspace that may be left at any moment, on any machine, and gone on with.

`films/<name>/` holds few files, each written once: `film.json` (what was asked, and the exact plan), archives of frames
at the pace of Drive, at the end the film itself and `finished.json`. Frames lie on the machine's own disk. Knows not
how films are drawn and written.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedFilmError, FilmRunningError, UnknownFilmError
from colabsd.planning.video_plans import VideoPlan
from colabsd.storage.publish import Published
from colabsd.storage.work_folders import WorkFolders
from colabsd.storage.workspace import Workspace

FOLDER = "films"
FORMAT = 1
START, END = "film.json", "finished.json"


@dataclass(frozen=True, kw_only=True)
class Film:
    """One film. `settings` are as asked. `files` are what came out, relative to the workspace; none while it is drawn.

    The first of them is the film; short versions follow.
    """

    name: str
    started: datetime
    settings: Mapping[str, Any]
    plan: VideoPlan
    files: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def is_finished(self) -> bool:
        return bool(self.files)

    @property
    def folder(self) -> str:
        """Its folder in the workspace."""
        return f"{FOLDER}/{self.name}"

    @property
    def prompt(self) -> str:
        """The first frame's prompt."""
        return self.plan.frames[0].prompt


class Films:
    """The films of one workspace. Reading needs no lock; whoever draws holds the film's."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folders = WorkFolders(workspace, FOLDER, spare="film")

    def start(self, name: str, settings: Mapping[str, Any], plan: VideoPlan, now: datetime) -> Film:
        """Write a new film down, under that name or the next that is free. Raises: StorageError."""
        self.workspace.prepare_to_keep()
        film = Film(name=self.folders.free_name(name), started=now, settings=dict(settings), plan=plan)
        data = {"format": FORMAT, "started": now.isoformat(), "settings": dict(settings), "plan": plan.as_json()}
        self.publish(film, START, json.dumps(data, ensure_ascii=False).encode())
        return film

    def all(self) -> list[Film]:
        """Every film that can be read, the oldest first. Raises: StorageError."""
        films = []
        for name in self.folders.names():
            with suppress(DamagedFilmError):
                films.append(self._read(name))
        return sorted(films, key=lambda film: film.started)

    def search(self, text: str) -> list[Film]:
        """The films in whose name or prompts all of these words stand, the newest first. Raises: StorageError."""
        words = text.casefold().split()
        return [film for film in reversed(self.all()) if all(word in _told(film) for word in words)]

    def find(self, name: str) -> Film:
        """The film of that name, or "" for the last one. Raises: UnknownFilmError, DamagedFilmError, StorageError."""
        names = self.folders.names()
        if not name and names:
            return self.all()[-1]
        if name not in names:
            nearest = self.folders.nearest(name)
            raise UnknownFilmError("error.film.unknown" if nearest else "error.film.none", name=name, nearest=nearest)
        return self._read(name)

    def unfinished(self) -> list[Film]:
        """Films that did not come out yet and that nobody on this machine is drawing, the oldest first."""
        return [film for film in self.all() if not film.is_finished and not self.folders.is_held(film.name)]

    @contextmanager
    def locked(self, film: Film) -> Iterator[Film]:
        """Hold a film while it is drawn; gives it as it stands now. Raises: FilmRunningError."""
        with self.folders.hold(film.name) as held:
            if not held:
                raise FilmRunningError(name=film.name)
            yield self._read(film.name)

    def local(self, name: str) -> Path:
        """A film's folder on this machine's own disk: its frames and states."""
        return self.folders.local(name)

    def places(self, film: Film) -> tuple[Path, ...]:
        """Where files of its folder may lie, the nearest first."""
        return self.folders.places(film.name)

    def publish(self, film: Film, name: str, data: bytes) -> Published:
        """Write a file into the film's folder, once. Raises: StorageError, also when the name was used."""
        return self.folders.publish(film.name, name, data)

    def finish(self, film: Film, files: tuple[str, ...], facts: Mapping[str, Any]) -> Film:
        """Write down what came out: names of published files, the film first; `facts` is plain data."""
        data = {"format": FORMAT, "files": list(files), **facts}
        self.publish(film, END, json.dumps(data, ensure_ascii=False).encode())
        return self._read(film.name)

    def free_names(self, film: Film, endings: Sequence[str]) -> list[str]:
        """Names for more files of a film, with these endings: `<film>-2.mp4` and so on."""
        taken = set(self.folders.files(film.name))
        for number in count(2):
            names = [f"{film.name}-{number}{ending}" for ending in endings]
            if not taken.intersection(names):
                return names
        raise AssertionError("numbers do not end")

    def _read(self, name: str) -> Film:
        data = self._json(name, START)
        try:
            film = Film(
                name=name,
                started=datetime.fromisoformat(data["started"]),
                settings=data["settings"],
                plan=VideoPlan.from_json(data["plan"]),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DamagedFilmError(name=name, reason=f"{START}: {error}") from None
        if END not in self.folders.files(name):
            return film
        end = self._json(name, END)
        files = tuple(f"{film.folder}/{file}" for file in end.get("files", ()) if isinstance(file, str))
        return replace(film, files=files, sha256=str(end.get("sha256", "")))

    def _json(self, name: str, file: str) -> Mapping[str, Any]:
        try:
            data = self.folders.facts(name, file)
        except (OSError, ValueError) as error:
            raise DamagedFilmError(name=name, reason=f"{file}: {error}") from None
        if data.get("format") != FORMAT:
            raise DamagedFilmError(name=name, reason=file)
        return data


def _told(film: Film) -> str:
    prompts = dict.fromkeys(film.plan.frames.column("prompt"))
    return f"{film.name} {' '.join(prompts)}".casefold()
