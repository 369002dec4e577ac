"""The workspace: one folder that holds everything somebody made, and its local shadow for what must not be there."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from colabsd.errors import StorageError
from colabsd.storage.failures import storage_errors
from colabsd.storage.mounts import REMOTE, file_system, is_remote

HOME_VARIABLE = "COLABSD_HOME"
MARK = "remote"


@dataclass(frozen=True)
class Workspace:
    """Where things lie. `root` may be on Drive; `local` is always on this machine's own disk.

    In `root`: `pictures/YYYY-MM-DD/`, `inputs/` (copies of what pictures were made from), `models/`, `journal/` (closed
    segments), `.unfinished/` (scratch, on the same file system). In `local`: open journal segments, locks and the
    search index (SQLite and locks do not work on Drive).

    `remote`: the root is on Drive. Then finished files go into `outbox/` of `local`, from where they are brought to the
    root (`outbox.py`), and stay in `copies/` of `local` too. Both have the root's folders in them.
    """

    root: Path
    local: Path
    remote: bool = False

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
    def outbox(self) -> Path:
        """Files on their way to Drive."""
        return self.local / "outbox"

    @property
    def copies(self) -> Path:
        """What was kept on this machine, and the journal as it is on Drive."""
        return self.local / "copies"

    @property
    def scratch(self) -> Path:
        """Where files are written before they get their names: beside the place where they get them."""
        return self.local / ".unfinished" if self.remote else self.unfinished

    @property
    def segments(self) -> Path:
        """Where closed segments of the journal are read."""
        return self.copies / "journal" if self.remote else self.journal

    @property
    def near(self) -> Path:
        """Where finished files are written first, which needs room."""
        return self.local if self.remote else self.root

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

    def places(self, relative: str) -> tuple[Path, ...]:
        """Where a file or folder of that relative path may be, the nearest first."""
        there = self.root / relative
        return (self.copies / relative, there) if self.remote else (there,)

    def locate(self, relative: str) -> Path:
        """Where to read a kept file, whether it is on Drive already, on its way, or both."""
        near = (self.copies / relative, self.outbox / relative) if self.remote else ()
        return next((path for path in near if path.exists()), self.root / relative)

    def final_path(self, relative: str) -> Path:
        """Where people find the file: in the root, or on this machine while it is on its way there."""
        return self.locate(relative) if self.is_on_the_way(relative) else self.root / relative

    def is_on_the_way(self, relative: str) -> bool:
        """Whether the file still has to be brought to Drive."""
        return self.remote and (self.outbox / relative).exists()

    def relative(self, path: Path) -> str:
        """A path in the workspace as records have it, with slashes. Raises: ValueError for any other."""
        bases = (self.copies, self.outbox, self.root) if self.remote else (self.root,)
        base = next((base for base in bases if path.is_relative_to(base)), self.root)
        return path.relative_to(base).as_posix()

    def prepare_to_keep(self) -> None:
        """Make what is needed to keep a file: on Drive nothing, that is done on the way. Raises: StorageError."""
        if self.remote:
            self.prepare_local()
        else:
            self.prepare()

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
            if self.remote and not (self.local / MARK).exists():
                self.segments.mkdir(parents=True, exist_ok=True)
                self.outbox.mkdir(exist_ok=True)
                (self.local / MARK).write_text(file_system(self.root, resolved=True), encoding="utf-8")

    def is_mounted(self) -> bool:
        """Whether the root still lies on the kind of file system that it lay on at first. Asks nothing of Drive."""
        try:
            kind = (self.local / MARK).read_text(encoding="utf-8")
        except OSError:
            return True
        return kind not in REMOTE or file_system(self.root, resolved=True) == kind


def open_workspace(asked: Path | None, environ: Mapping[str, str], *, remote: bool | None = None) -> Workspace:
    """The workspace asked for, else that of `COLABSD_HOME`, else `~/colabsd`. Nothing is made or written yet.

    `remote` None: as the system says; once on Drive, on this machine it stays so while Drive is away.
    """
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    named = environ.get(HOME_VARIABLE)
    root = asked or (Path(named) if named else home / "colabsd")
    if root.parts[:1] == ("~",):
        root = home.joinpath(*root.parts[1:])
    root = root.resolve()
    cache = Path(environ["XDG_CACHE_HOME"]) if environ.get("XDG_CACHE_HOME") else home / ".cache"
    local = cache / "colabsd" / local_name(root)
    if remote is None:
        remote = is_remote(root) or (local / MARK).exists()
    return Workspace(root, local, remote)


def local_name(root: Path) -> str:
    """The name of a workspace's local folder: 16 hex digits of its path's sha256."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
