"""Where a film stands after a drawn frame: all that the following frames depend on, in a file that says it is whole.

The tensors are written first, then a small marker with their digest; so a state that was killed while it was written is
none. Going on from a state gives the pixels of a run that was never stopped.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from colabsd.errors import StorageError
from colabsd.keys import canonical_json
from colabsd.storage.disk import Disk
from colabsd.storage.failures import storage_errors
from colabsd.video.frames import write_file

FORMAT = "colabsd.film_state"
NAME = re.compile(r"(\d{7})\.json")
NEWEST, EVERY = 2, 25
"""States that are kept: the last two, and from among the older ones one in so many frames, to draw gaps from."""


@dataclass(frozen=True)
class FilmState:
    """A film after frame `index` was drawn.

    `picture` is that frame as it was drawn, `before` the one drawn before it, moved on to frame `before_at` (only where
    frames between drawn ones are made of both); each (1, 3, H, W) in levels 0 to 255. `reference` is what colours are
    matched to, a histogram (3, 256). `plan` is the key of the film's plan.
    """

    index: int
    plan: str
    picture: Tensor
    before: Tensor | None = None
    before_at: int = -1
    reference: Tensor | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class StateFolder:
    """The states of one film, of which the last ones and some older ones are kept."""

    def __init__(self, folder: Path, plan: str, disk: Disk | None = None) -> None:
        self.folder, self.plan = folder, plan
        self._disk = disk or Disk()

    def write(self, state: FilmState) -> None:
        """Keep a state, and let go of those that are not needed any more. Raises: StorageError."""
        from safetensors.torch import save

        named = {"picture": state.picture, "before": state.before, "reference": state.reference}
        data = save({name: _packed(tensor) for name, tensor in named.items() if tensor is not None})
        marker = {
            "format": FORMAT,
            "index": state.index,
            "plan": state.plan,
            "before_at": state.before_at,
            "sha256": hashlib.sha256(data).hexdigest(),
            "facts": dict(state.facts),
        }
        tensors, told = self.files(state.index)
        told.unlink(missing_ok=True)
        write_file(tensors, data, self._disk)
        write_file(told, canonical_json(marker).encode(), self._disk)
        self._prune()

    def read(self, index: int) -> FilmState | None:
        """The state after a frame; None where there is none, or none of this plan that is whole."""
        from safetensors.torch import load

        tensors, told = self.files(index)
        try:
            marker, data = json.loads(told.read_bytes()), tensors.read_bytes()
            if (marker["format"], marker["index"], marker["plan"]) != (FORMAT, index, self.plan):
                return None
            if hashlib.sha256(data).hexdigest() != marker["sha256"]:
                return None
            named = load(data)
            return FilmState(
                index=index,
                plan=self.plan,
                picture=named["picture"].float(),
                before=named["before"].float() if "before" in named else None,
                before_at=marker["before_at"],
                reference=named["reference"].long() if "reference" in named else None,
                facts=marker["facts"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def newest(self, most: int) -> FilmState | None:
        """The last whole state after a frame up to `most`."""
        for index in sorted(self.indexes(), reverse=True):
            if index <= most and (state := self.read(index)) is not None:
                return state
        return None

    def indexes(self) -> list[int]:
        """The frames that have a state, in order, whole or not."""
        if not self.folder.is_dir():
            return []
        with storage_errors(self.folder):
            names = [NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        return sorted(int(name[1]) for name in names if name)

    def files(self, index: int) -> tuple[Path, Path]:
        """The tensors and the marker of a state."""
        return self.folder / f"{index:07d}.safetensors", self.folder / f"{index:07d}.json"

    def _prune(self) -> None:
        """Keep the newest ones, and the first in each stretch of frames. The marker goes first."""
        indexes = self.indexes()
        kept = set(indexes[-NEWEST:]) | {index for place, index in enumerate(indexes) if _begins(place, indexes)}
        for index in indexes:
            if index not in kept:
                tensors, told = self.files(index)
                with storage_errors(told):
                    told.unlink(missing_ok=True)
                    tensors.unlink(missing_ok=True)


def read_state_files(folder: StateFolder, index: int) -> Mapping[str, bytes]:
    """A state's files by their names, for an archive. Raises: StorageError."""
    paths = folder.files(index)
    found = {}
    for path in paths:
        with storage_errors(path):
            found[path.name] = path.read_bytes()
    if folder.read(index) is None:
        raise StorageError("error.storage.read_back", path=paths[0])
    return found


def _begins(place: int, indexes: list[int]) -> bool:
    """Whether this is the first state of a stretch of frames."""
    return place == 0 or indexes[place] // EVERY != indexes[place - 1] // EVERY


def _packed(tensor: Tensor) -> Tensor:
    """The tensor in bytes where it has whole levels only: nothing is lost, and it takes a quarter."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.uint8 or not bool(((tensor == tensor.round()) & (tensor >= 0) & (tensor <= 255)).all()):
        return tensor
    return tensor.to(torch.uint8)
