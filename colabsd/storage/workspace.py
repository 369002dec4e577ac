"""The workspace: one folder that holds everything somebody made, and its local shadow for what must not be there."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.storage.failures import storage_errors

HOME_VARIABLE = "COLABSD_HOME"


@dataclass(frozen=True)
class Workspace:
    """Where things lie. `root` may be on Drive; `local` is always on this machine's own disk.

    In `root`: `pictures/YYYY-MM-DD/`, `inputs/` (copies of what pictures were made from), `models/`, `journal/` (closed
    segments), `.unfinished/` (scratch, on the same file system). In `local`: open journal segments, locks and the
    search index (SQLite and locks do not work on Drive).
    """

    root: Path
    local: Path

    @property
    def pictures(self) -> Path:
        return self.root / "pictures"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def unfinished(self) -> Path:
        return self.root / ".unfinished"

    @property
    def styles(self) -> Path:
        """The table of styles that people may put there, as A1111's."""
        return self.root / "styles.csv"

    @property
    def wildcards(self) -> Path:
        """The folder of wildcards that people may put there."""
        return self.root / "wildcards"

    def day_folder(self, day: date) -> Path:
        return self.pictures / day.isoformat()

    def prepare(self) -> None:
        """Make the folders and prove that they can be written to. Raises: StorageError."""
        if self.root.exists() and not self.root.is_dir():
            raise StorageError("error.storage.not_a_folder", path=self.root)
        with storage_errors(self.root):
            for folder in (self.root, self.pictures, self.journal, self.unfinished):
                folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.W_OK):
            raise StorageError("error.storage.read_only", path=self.root)
        self.prepare_local()

    def prepare_local(self) -> None:
        """Make the local folders. Raises: StorageError."""
        with storage_errors(self.local):
            for folder in (self.local / "journal", self.local / "jobs"):
                folder.mkdir(parents=True, exist_ok=True)


def open_workspace(asked: Path | None, environ: Mapping[str, str]) -> Workspace:
    """The workspace asked for, else that of `COLABSD_HOME`, else `~/colabsd`. Nothing is made or written yet."""
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    named = environ.get(HOME_VARIABLE)
    root = asked or (Path(named) if named else home / "colabsd")
    if root.parts[:1] == ("~",):
        root = home.joinpath(*root.parts[1:])
    root = root.resolve()
    cache = Path(environ["XDG_CACHE_HOME"]) if environ.get("XDG_CACHE_HOME") else home / ".cache"
    return Workspace(root=root, local=cache / "colabsd" / local_name(root))


def local_name(root: Path) -> str:
    """The name of a workspace's local folder: 16 hex digits of its path's sha256."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
