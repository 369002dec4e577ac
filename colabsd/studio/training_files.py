"""What a training keeps on its way: states, class pictures, what was seen; on Drive at the pace of Drive."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import StorageError
from colabsd.library.training_runs import CLASS_PICTURES, FOLDER, STATE, TrainingRun, TrainingRuns
from colabsd.progress import Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace
from colabsd.training.checkpoints import Places
from colabsd.training.class_pictures import ClassPlaces
from colabsd.training.reports import Saved
from colabsd.training.watching import Samples

if TYPE_CHECKING:
    from PIL.Image import Image

MEMORY, SHEET = "watched.json", "samples"
NEWEST_STATES = 2  # brought from Drive: the newest, and the one before should it be damaged


def bring_states(runs: TrainingRuns, run: TrainingRun) -> Iterator[Progress]:
    """Copy the newest states that are on Drive and not on this disk, so that the training finds them here."""
    folder = runs.states(run)
    there = sorted((name for name in runs.files(run) if STATE.fullmatch(name)), reverse=True)[:NEWEST_STATES]
    missing = [name for name in there if not (folder / name).is_file()]
    for number, marker in enumerate(missing):
        stem = marker.removesuffix(".json")
        parts = [name for name in runs.files(run) if name.startswith(f"{stem}-")]
        yield Progress(stage="copy", done=0, total=0, item=number, items=len(missing))
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in (*parts, marker):  # the marker last: without it there is no state
                (folder / name).write_bytes(runs.read(run, name))


def class_places(workspace: Workspace) -> ClassPlaces:
    """Class pictures lie beside the runs, which share them; on Drive a few archives."""
    relative = f"{FOLDER}/{CLASS_PICTURES}"
    local = workspace.local / relative
    if not workspace.remote:
        return ClassPlaces(local=local)
    kept: dict[str, Path] = {}
    for folder in (*workspace.places(relative), workspace.outbox / relative):
        with suppress(OSError):
            kept |= {path.name: path for path in folder.glob("*.zip")}

    def publish(name: str, data: bytes) -> None:
        publish_into(workspace, data, workspace.root / relative, [name])

    return ClassPlaces(local=local, kept=tuple(kept.values()), publish=publish)


def remembered(runs: TrainingRuns, run: TrainingRun) -> dict[str, Any] | None:
    """The newest that a watcher of this run remembered, on this machine or on Drive."""
    near = runs.local(run) / MEMORY
    kept = sorted(name for name in runs.files(run) if name.startswith(f"{SHEET}-") and name.endswith(".json"))
    found: list[dict[str, Any]] = []
    with suppress(OSError, ValueError):
        found.append(json.loads(near.read_bytes()))
    for name in kept[-1:]:
        with suppress(StorageError, ValueError):
            found.append(json.loads(runs.read(run, name)))
    return max(found, key=lambda one: len(one.get("figures", ())), default=None)


def state_places(runs: TrainingRuns, run: TrainingRun) -> Places:
    """Where states go: beside everything else of the run, and with a workspace on Drive on this disk and there."""
    cache = runs.latents
    if not runs.workspace.remote:
        return Places(local=runs.states(run), cache=cache)

    def publish(name: str, data: bytes) -> None:
        if name in runs.files(run):  # of a state that another machine could not finish
            runs.remove(run, [name])
        runs.publish(run, name, data)

    def remove(names: Sequence[str]) -> None:
        runs.remove(run, names)

    return Places(local=runs.states(run), cache=cache, publish=publish, remove=remove)


@dataclass
class Seen:
    """What was seen last, kept on this machine at once and on Drive whenever a state goes there."""

    runs: TrainingRuns
    run: TrainingRun
    last: Samples | None = None
    on_drive: str = ""

    def take(self, samples: Samples) -> None:
        """Remember what was seen: on this disk, so that a stopped training goes on with it."""
        self.last = samples
        path = self.runs.local(self.run) / MEMORY
        part = path.with_suffix(".part")
        with storage_errors(path):
            part.write_text(json.dumps(samples.memory), encoding="utf-8")
            part.replace(path)

    def saved(self, saved: Saved) -> None:
        if saved.drive:
            self.publish()

    def publish(self) -> None:
        """Put the newest sheet and what belongs to it into the run's folder, instead of the one before."""
        if self.last is None or (stem := f"{SHEET}-{self.last.step:06d}") == self.on_drive:
            return
        there = self.runs.files(self.run)
        files = {
            f"{stem}.webp": _webp(self.last.image),
            f"{stem}-curves.webp": _webp(self.last.curves),
            f"{stem}.json": json.dumps(self.last.memory).encode(),
        }
        for name, data in files.items():
            if name not in there:
                self.runs.publish(self.run, name, data)
        self.runs.remove(self.run, [name for name in there if name.startswith(f"{SHEET}-") and name not in files])
        self.on_drive = stem


def _webp(image: "Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85)
    return buffer.getvalue()
