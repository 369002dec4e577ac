"""Training runs: folders of a workspace that may be left at any moment, on any machine, and gone on with.

`training/<run>/` holds few files, each written once: `run.json` (what was asked, and the exact plan), the photos in one
archive, states and losses at the pace of Drive, sheets of samples, and at the end `finished.json`. What is written more
often lies on the machine's own disk. Knows nothing of networks, photos and states: they are bytes with a name here.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedTrainingError, TrainingRunningError, UnknownTrainingError
from colabsd.keys import key_of
from colabsd.planning.training import TrainingPlan
from colabsd.settings.codec import settings_to_json
from colabsd.settings.training import TrainingSettings
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import Published
from colabsd.storage.removal import remove_for_good
from colabsd.storage.work_folders import WorkFolders
from colabsd.storage.workspace import Workspace

FOLDER = "training"
CLASS_PICTURES = "class_pictures"  # beside the runs: they share them
LATENTS = "latents"  # the same, on a machine's own disk only: photos as the autoencoder sees them
FORMAT = 1
START, END = "run.json", "finished.json"
STATE = re.compile(r"step-(\d+)\.json")
ARCHIVE = ".zip"


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training. `settings` are as asked, `request` is the key of them and the photos: equal, the same training.

    `photos` are the digests of its subjects' sets. `step` is that of the newest state that is kept anywhere. `adapter`
    names what came out in the end, "" before.
    """

    name: str
    started: datetime
    settings: Mapping[str, Any]
    plan: TrainingPlan
    request: str
    photos: tuple[str, ...]
    step: int = 0
    adapter: str = ""

    @property
    def is_finished(self) -> bool:
        return bool(self.adapter)

    @property
    def folder(self) -> str:
        """Its folder in the workspace."""
        return f"{FOLDER}/{self.name}"


def request_of(settings: TrainingSettings, photos: Sequence[str]) -> str:
    """The key of a request: what was asked, wherever the photos lie, and the digests of the photos."""
    asked = {name: value for name, value in settings_to_json(settings).items() if name != "photos"}
    return key_of({"settings": asked, "photos": list(photos)})


def photos_name(number: int) -> str:
    """The archive of a subject's photos; subjects are counted from 0."""
    return f"photos{ARCHIVE}" if number == 0 else f"photos-{number + 1}{ARCHIVE}"


class TrainingRuns:
    """The runs of one workspace. Reading needs no lock; whoever trains holds the run's."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folders = WorkFolders(workspace, FOLDER, spare="training", apart=(CLASS_PICTURES, LATENTS))

    def start(
        self, settings: TrainingSettings, plan: TrainingPlan, photos: Sequence[tuple[str, bytes]], now: datetime
    ) -> TrainingRun:
        """Write a new run down, under its plan's name or the next that is free. Raises: StorageError.

        `photos` are the digest and the archive of each subject's set. The name that the run gets becomes its plan's.
        """
        self.workspace.prepare_to_keep()
        name = self.folders.free_name(plan.name)
        plan = replace(plan, name=name)
        run = TrainingRun(
            name=name,
            started=now,
            settings=settings_to_json(settings),
            plan=plan,
            request=request_of(settings, [sha256 for sha256, _ in photos]),
            photos=tuple(sha256 for sha256, _ in photos),
        )
        data = {
            "format": FORMAT,
            "started": now.isoformat(),
            "settings": dict(run.settings),
            "plan": plan.as_json(),
            "request": run.request,
            "photos": run.photos,
        }
        for number, (_, archive) in enumerate(photos):
            self.publish(run, photos_name(number), archive)
        self.publish(run, START, json.dumps(data, ensure_ascii=False).encode())
        return run

    def all(self) -> list[TrainingRun]:
        """Every run that can be read, the oldest first. Raises: StorageError."""
        runs = []
        for name in self.folders.names():
            with suppress(DamagedTrainingError):
                runs.append(self._read(name))
        return sorted(runs, key=lambda run: run.started)

    def find(self, name: str) -> TrainingRun:
        """The run of that name. Raises: UnknownTrainingError, DamagedTrainingError, StorageError."""
        if name not in self.folders.names():
            nearest = self.folders.nearest(name)
            key = "error.training.unknown" if nearest else "error.training.none"
            raise UnknownTrainingError(key, name=name, nearest=nearest)
        return self._read(name)

    def same(self, request: str) -> TrainingRun | None:
        """The newest run of the same request, finished or not."""
        return next((run for run in reversed(self.all()) if run.request == request), None)

    def unfinished(self) -> list[TrainingRun]:
        """Runs that nothing came out of yet and that nobody on this machine is training, the oldest first."""
        return [run for run in self.all() if not run.is_finished and not self.folders.is_held(run.name)]

    @contextmanager
    def locked(self, run: TrainingRun) -> Iterator[TrainingRun]:
        """Hold a run while it is trained; gives it as it stands now. Raises: TrainingRunningError."""
        with self.folders.hold(run.name) as held:
            if not held:
                raise TrainingRunningError(name=run.name)
            yield self._read(run.name)

    def local(self, run: TrainingRun) -> Path:
        """The run's folder on this machine's own disk: its lock, its photos, what is written over and over."""
        return self.folders.local(run.name)

    def states(self, run: TrainingRun) -> Path:
        """The folder where states are written: the run's own in the workspace, or on this disk where that is Drive."""
        near = self.workspace.remote
        return (self.local(run) if near else self.workspace.root / run.folder) / "states"

    def steps(self, run: TrainingRun) -> list[int]:
        """The steps whose states are on this machine, in order."""
        folder = self.states(run)
        there = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(found[1]) for path in there if (found := STATE.fullmatch(path.name)))

    def forget_photos(self, run: TrainingRun) -> None:
        """Remove the kept photos of a run for good, and all latents: they show the photos. Raises: StorageError."""
        self.remove(run, [photos_name(number) for number in range(len(run.photos))])
        for shown in (self.local(run) / "photos", self.latents):
            with storage_errors(shown):
                if shown.is_dir():
                    shutil.rmtree(shown)

    @property
    def latents(self) -> Path:
        """Where photos that were encoded wait for the next training, on this machine's own disk."""
        return self.folders.local(LATENTS)

    def publish(self, run: TrainingRun, name: str, data: bytes) -> Published:
        """Write a file into the run's folder, once. Raises: StorageError, also when the name was used."""
        return self.folders.publish(run.name, name, data)

    def read(self, run: TrainingRun, name: str) -> bytes:
        """What a file of the run's folder holds. Raises: StorageError."""
        path = self.workspace.locate(f"{run.folder}/{name}")
        with storage_errors(path):
            return path.read_bytes()

    def files(self, run: TrainingRun) -> list[str]:
        """The names of what the run's folder holds, wherever each file is now."""
        return self.folders.files(run.name)

    def remove(self, run: TrainingRun, names: Sequence[str]) -> None:
        """Remove files of the run's folder for good. Raises: StorageError."""
        for name in names:
            remove_for_good(self.workspace, f"{run.folder}/{name}")

    def finish(self, run: TrainingRun, adapter: str, facts: Mapping[str, Any]) -> TrainingRun:
        """Write down what came out; `facts` is plain data. Raises: StorageError."""
        data = {"format": FORMAT, "adapter": adapter, **facts}
        self.publish(run, END, json.dumps(data, ensure_ascii=False).encode())
        return replace(run, adapter=adapter, step=run.plan.steps)

    def _read(self, name: str) -> TrainingRun:
        data = self._json(name, START)
        try:
            run = TrainingRun(
                name=name,
                started=datetime.fromisoformat(data["started"]),
                settings=data["settings"],
                plan=TrainingPlan.from_json(data["plan"]),
                request=data["request"],
                photos=tuple(data["photos"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedTrainingError(name=name, reason=f"{START}: {error}") from None
        files = self.files(run)
        steps = self.steps(run) + [int(found[1]) for file in files if (found := STATE.fullmatch(file))]
        adapter = str(self._json(name, END).get("adapter", "")) if END in files else ""
        return replace(run, step=max(steps, default=0), adapter=adapter)

    def _json(self, name: str, file: str) -> Mapping[str, Any]:
        try:
            data = self.folders.facts(name, file)
        except (OSError, ValueError) as error:
            raise DamagedTrainingError(name=name, reason=f"{file}: {error}") from None
        if data.get("format") != FORMAT:
            raise DamagedTrainingError("error.training.newer", name=name, found=data.get("format"))
        return data
