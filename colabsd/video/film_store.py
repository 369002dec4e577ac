"""Where one film is while it is drawn: its frames, its states, and its archives where the workspace is on Drive."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colabsd.artifacts import Frame
from colabsd.errors import StorageError
from colabsd.keys import key_of
from colabsd.planning.video_plans import VideoPlan
from colabsd.progress import Progress
from colabsd.storage.disk import Disk
from colabsd.video.archives import Archives
from colabsd.video.encode import Pixels
from colabsd.video.frames import FrameFolder
from colabsd.video.state import FilmState, StateFolder

FRAMES, STATES = "frames", "states"


@dataclass
class FilmStore:
    """The files of one film. `archives` None: frames stay on this machine."""

    name: str
    frames: FrameFolder
    states: StateFolder
    archives: Archives | None = None

    @classmethod
    def at(cls, folder: Path, name: str, plan: VideoPlan, disk: Disk | None = None) -> "FilmStore":
        """The files of a film in a folder of this machine's disk."""
        return cls(name, FrameFolder(folder / FRAMES, disk), StateFolder(folder / STATES, plan.key, disk))

    def restore(self) -> Iterator[Progress]:
        """Bring what another machine had drawn. Raises: StorageError."""
        if self.archives is not None:
            yield from self.archives.restore()

    def keep_state(self, state: FilmState) -> None:
        """A frame was drawn. Raises: StorageError."""
        self.states.write(state)
        if self.archives is not None:
            self.archives.drew()

    def keep_frame(self, index: int, pixels: Pixels, facts: Mapping[str, Any]) -> Frame:
        """Write a frame. Raises: StorageError."""
        key = frame_key(self.states.plan, index)
        told = {"film": self.name, "plan": self.states.plan, "key": key, **facts}
        path = self.frames.write(index, pixels, told)
        return Frame(
            index=index,
            path=path,
            key=key,
            drawn=bool(facts.get("drawn", True)),
            parents=tuple(facts.get("parents", ())),
        )

    def rest(self) -> None:
        """All frames that follow from a drawn one are written: an archive, if one is due. Raises: StorageError."""
        if self.archives is not None and self.archives.is_due():
            self.secure()

    def secure(self) -> None:
        """Bring what is in no archive yet into one, with the newest state, whatever is due. Raises: StorageError."""
        if self.archives is None or not self.archives.has_news():
            return
        state = self.states.newest(max(self.states.indexes(), default=0))
        if state is not None:
            self.archives.write(state.index)

    def secure_quietly(self) -> None:
        """The same where somebody stopped, or where something else is being told already."""
        with suppress(StorageError):
            self.secure()


def frame_key(plan: str, index: int) -> str:
    """The key of a frame: what decides its pixels is the plan, and its place in it."""
    return key_of({"plan": plan, "frame": index})
