"""States of a training on the disk, from which it goes on exactly. Knows nothing of what is learnt.

A state is one or more parts `step-000012-0.safetensors` and, written last, a marker `step-000012.json` with their
digests: without it, or with a part that is not as it says, there is no state. Names are never written twice.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from colabsd.errors import CheckpointError
from colabsd.keys import key_of
from colabsd.progress import Note
from colabsd.storage.budget import check_room
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish
from colabsd.training.reports import Saved

FORMAT = 1
PART_BYTES = 256 * 2**20  # of a part: what is read back and brought to Drive at once
DRIVE_BYTES_PER_S = 2**20  # of states that are brought to Drive, in the long run: slower than any connection
LEAST_DRIVE_S = 60.0
SCRATCH = ".unfinished"

Publish = Callable[[str, bytes], None]
Remove = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Places:
    """Where a training keeps what it makes.

    `local` is a folder on this machine's disk, for states; `cache` another for latents that other trainings may use.
    With `publish` states are brought to Drive too, by name, at most one every `drive_every_s` seconds (None: as their
    size allows), and with `remove` taken away from there.
    """

    local: Path
    cache: Path | None = None
    publish: Publish | None = None
    remove: Remove | None = None
    drive_every_s: float | None = None


@dataclass(frozen=True)
class State:
    """Everything that a training goes on from: tensors by name, and plain facts."""

    step: int
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors.values())


@dataclass(frozen=True)
class Checkpoint:
    """A state on the disk, as its marker tells it; the parts are not looked at yet."""

    step: int
    marker: Path
    parts: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """All its files, the marker first: what is taken away first makes it none."""
        return (self.marker.name, *(part["name"] for part in self.parts))


@dataclass
class Checkpoints:
    """The states of one training. `clock` gives seconds."""

    places: Places
    keep: int
    clock: Callable[[], float] = time.monotonic
    _brought: float | None = None
    _on_drive: list[Checkpoint] = field(default_factory=list)

    def save(self, state: State, *, last: bool = False) -> Saved:
        """Keep a state; one that is there already is not written again. `last` ones always go to Drive.

        Raises: StorageError, after which there is nothing of it.
        """
        known = next((one for one in find_checkpoints([self.places.local]) if one.step == state.step), None)
        checkpoint = known if known is not None and is_whole(known) else self._write(state)
        size = sum(part["bytes"] for part in checkpoint.parts)
        drive = self._bring(checkpoint, size, last)
        return Saved(
            step=state.step,
            path=checkpoint.marker,
            bytes=size,
            sha256=key_of([part["sha256"] for part in checkpoint.parts]),
            drive=drive,
        )

    def prune(self, best: int | None) -> None:
        """Take away the oldest states until `keep` are left; the best one stays."""
        found = [one for one in find_checkpoints([self.places.local]) if one.step != best]
        for checkpoint in found[max(1, self.keep - (best is not None)) :]:
            for name in checkpoint.names:
                with storage_errors(self.places.local):
                    (self.places.local / name).unlink(missing_ok=True)
        self._prune_drive(best)

    def _write(self, state: State) -> Checkpoint:
        folder = self.places.local
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        check_room(folder, state.bytes + PART_BYTES // 64)
        parts = []
        for number, names in enumerate(_parted(state.tensors)):
            name = f"step-{state.step:06d}-{number}.safetensors"
            (folder / name).unlink(missing_ok=True)  # of a state that never became one
            published = publish(_packed(state.tensors, names), folder, [name], folder / SCRATCH)
            parts.append({"name": name, "sha256": published.sha256, "bytes": published.bytes})
        marker = folder / f"step-{state.step:06d}.json"
        marker.unlink(missing_ok=True)
        told = {"format": FORMAT, "step": state.step, "parts": parts, "facts": state.facts}
        publish(json.dumps(told).encode(), folder, [marker.name], folder / SCRATCH)
        return Checkpoint(state.step, marker, tuple(parts), state.facts)

    def _bring(self, checkpoint: Checkpoint, size: int, last: bool) -> bool:
        """Have a state brought to Drive, if one is due; the marker goes last."""
        if self.places.publish is None or checkpoint.step in [one.step for one in self._on_drive]:
            return False
        every = self.places.drive_every_s
        every = max(LEAST_DRIVE_S, size / DRIVE_BYTES_PER_S) if every is None else every
        if not last and self._brought is not None and self.clock() - self._brought < every:
            return False
        for name in reversed(checkpoint.names):
            with storage_errors(self.places.local):
                data = (self.places.local / name).read_bytes()
            self.places.publish(name, data)
        self._brought = self.clock()
        self._on_drive.append(checkpoint)
        return True

    def _prune_drive(self, best: int | None) -> None:
        if self.places.remove is None:
            return
        others = [one for one in self._on_drive if one.step != best]
        for checkpoint in others[: -max(1, self.keep)]:
            self.places.remove(checkpoint.names)
            self._on_drive.remove(checkpoint)


def find_checkpoints(folders: Iterable[Path]) -> list[Checkpoint]:
    """What markers in folders tell of states, the latest first; of equal steps the one in the first folder.

    Raises: CheckpointError for a marker of a later version.
    """
    found: dict[int, Checkpoint] = {}
    for folder in folders:
        for marker in sorted(folder.glob("step-*.json")) if folder.is_dir() else ():
            checkpoint = _read_marker(marker)
            if checkpoint is not None:
                found.setdefault(checkpoint.step, checkpoint)
    return sorted(found.values(), key=lambda one: -one.step)


def _read_marker(marker: Path) -> Checkpoint | None:
    """What a marker tells; None of one that is cut off. Raises: CheckpointError."""
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
        version = int(told["format"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if version > FORMAT:
        raise CheckpointError("error.checkpoint.version", path=marker, version=version, known=FORMAT)
    try:
        return Checkpoint(int(told["step"]), marker, tuple(dict(part) for part in told["parts"]), told["facts"])
    except (ValueError, KeyError, TypeError):
        return None


def is_whole(checkpoint: Checkpoint) -> bool:
    """Whether all parts are as the marker says."""
    return all(_digest(checkpoint.marker.parent / part["name"]) == part["sha256"] for part in checkpoint.parts)


def read_state(checkpoint: Checkpoint) -> State:
    """A state from the disk. Raises: CheckpointError when a part is missing, cut off or another."""
    from safetensors.torch import load

    tensors: dict[str, Tensor] = {}
    for part in checkpoint.parts:
        path = checkpoint.marker.parent / part["name"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CheckpointError(path=path, reason=error.strerror or error) from error
        if hashlib.sha256(data).hexdigest() != part["sha256"]:
            raise CheckpointError(path=path, reason=f"{len(data):,} / {part['bytes']:,} bytes")
        tensors |= load(data)
    return State(checkpoint.step, tensors, checkpoint.facts)


def latest_state(folders: Iterable[Path], plan_key: str) -> tuple[State | None, list[Note]]:
    """The latest whole state of a training in folders, and notes of those that were passed over.

    Raises: CheckpointError when it is of another version, or another plan's.
    """
    notes: list[Note] = []
    for checkpoint in find_checkpoints(folders):
        if checkpoint.facts.get("plan_key") != plan_key:
            raise CheckpointError("error.checkpoint.plan", path=checkpoint.marker)
        try:
            return read_state(checkpoint), notes
        except CheckpointError as error:
            notes.append(Note("note.checkpoint.damaged", {"path": error.facts["path"], "step": checkpoint.step}))
    return None, notes


def _parted(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """The names in groups of about `PART_BYTES`; at least one group."""
    groups: list[list[str]] = [[]]
    room = PART_BYTES
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if size > room and groups[-1]:
            groups.append([])
            room = PART_BYTES
        groups[-1].append(name)
        room -= size
    return groups


def _packed(tensors: Mapping[str, Tensor], names: Sequence[str]) -> bytes:
    from safetensors.torch import save

    return save({name: tensors[name].detach().to("cpu").contiguous().clone() for name in names})


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
