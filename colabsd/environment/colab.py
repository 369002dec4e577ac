"""Google Colab around this process: its Drive, its secrets, its page. The only module that imports google.colab.

Three things are asked separately, because each may be so without the others: is this a machine of Colab, does this
process run in a notebook of Colab, and does a page answer it. In VS Code Drive can be mounted but no page answers;
under Colab's own command line nothing answers; a process that a cell starts has no notebook at all.
"""

import os
import stat
import sys
import threading
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from colabsd.errors import DriveError, NoPageError

MACHINE_VARIABLE = "COLAB_RELEASE_TAG"
TOKEN_SECRET = "HF_TOKEN"
PAGE_TIMEOUT_S = 10.0
DRIVE_KIND = "fuse.drive"
DRIVE_FOLDERS = ("MyDrive", "My Drive")
DRIVE_LOG = Path(".config/Google/DriveFS/Logs/timeouts.txt")
# What `drive.mount` says when it fails (by its source of 2026-04). Anything else, "mount failed" too, is not explained.
REFUSALS = (
    ("Colab Enterprise", "error.drive.enterprise"),
    ("unsupported in this environment", "error.drive.unsupported"),
    ("TBE_EPHEM_CREDS_ADDR", "error.drive.unsupported"),
    ("credential propagation was unsuccessful", "error.drive.denied"),
    ("timeout during initial read of root folder", "error.drive.timeout"),
    ("domain policy", "error.drive.policy"),
    ("Mountpoint must", "error.drive.mountpoint"),
)


@dataclass(frozen=True, kw_only=True)
class Colab:
    """Colab as one process sees it. `mounts` has the form of /proc/mounts, `disk` is the machine's own folder."""

    environ: Mapping[str, str] = field(repr=False, default_factory=lambda: os.environ)
    mounts: Path = Path("/proc/mounts")
    disk: Path = Path("/content")
    mountpoint: Path = Path("/content/drive")

    @property
    def here(self) -> bool:
        """Whether this is a machine of Colab, or its image."""
        return MACHINE_VARIABLE in self.environ

    @property
    def has_notebook(self) -> bool:
        """Whether this process is the kernel of a notebook of Colab. Asks sys.modules: nothing is imported for it."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        return type(shell).__module__.partition(".")[0] == "google"

    def answers(self, timeout_s: float = PAGE_TIMEOUT_S) -> bool:
        """Whether a page of Colab is open and answers; waits `timeout_s` seconds for it where there is none."""
        if not (self.has_notebook and _in_main_thread()):
            return False
        from google.colab import output

        try:
            return bool(output.eval_js("1", timeout_sec=timeout_s) == 1)
        except Exception:  # MessageError of a page that answers, but cannot do what it was asked
            return False

    @property
    def drive(self) -> Path | None:
        """The top folder of a Drive that is mounted and can be looked into, else None. Asks nobody but the system."""
        for place in drive_mounts(self.mounts):
            for name in DRIVE_FOLDERS:
                if _is_folder(Path(place) / name):
                    return Path(place) / name
        return None

    @property
    def drive_log(self) -> Path:
        """Where Colab notes why Drive fails: the last line is the newest cause. Need not exist."""
        home = Path(self.environ["HOME"]) if self.environ.get("HOME") else Path.home()
        return home / DRIVE_LOG

    def mount_drive(self) -> Path:
        """The top folder of Drive, mounted first where it is not or does not answer. Waits for the reader's yes.

        Raises: DriveError, after up to two minutes where nobody answers; also outside the main thread.
        """
        found = self.drive
        if found is not None:
            return found
        if not _in_main_thread():
            raise DriveError("error.drive.thread")
        if not self.has_notebook:
            raise DriveError("error.drive.no_notebook")
        self._leave_lost_folder()
        from google.colab import drive

        try:
            with redirect_stdout(StringIO()):  # "Drive already mounted at …; to attempt to forcibly remount, call …"
                drive.mount(str(self.mountpoint), force_remount=bool(drive_mounts(self.mounts)))
        except Exception as error:
            raise self._refusal(error) from error
        found = self.drive
        if found is None:
            raise DriveError("error.drive.lost", place=self.mountpoint)
        return found

    def flush_drive(self) -> None:
        """Wait until everything is in the cloud, and unmount. Raises: DriveError.

        Where Drive is not mounted nothing happens, which proves nothing.
        """
        if self.drive is None:
            return
        from google.colab import drive

        try:
            with redirect_stdout(StringIO()):
                drive.flush_and_unmount()
        except Exception as error:
            raise DriveError("error.drive.flush", place=self.mountpoint, reason=_reason(error)) from error

    def secret_token(self) -> tuple[str, str]:
        """The token for Hugging Face that the reader keeps with Colab, and the key of a note when it cannot be read.

        Either is "" where there is nothing. Ask only where a page `answers`; it shows the token to nobody.
        """
        from google.colab import userdata

        try:
            return str(userdata.get(TOKEN_SECRET) or "").strip(), ""
        except userdata.SecretNotFoundError:
            return "", ""
        except userdata.NotebookAccessError:
            return "", "note.token.no_access"
        except Exception:  # TimeoutException, MessageError: the page did not answer as it should
            return "", "note.token.no_answer"

    def upload(self, folder: Path) -> tuple[Path, ...]:
        """Let the reader choose files of their own computer, and put them into `folder`; () when they cancel.

        Contents go through memory. Raises: NoPageError; without a page Colab's dialog would wait for ever.
        """
        self._need_page()
        from google.colab import files

        folder.mkdir(parents=True, exist_ok=True)
        brought = files.upload(target_dir=str(folder))
        return tuple(folder / Path(name).name for name in brought)

    def download(self, path: Path) -> None:
        """Hand a file over to the reader's browser, which goes on after this returns. Raises: NoPageError."""
        self._need_page()
        from google.colab import files

        files.download(str(path))

    def release(self) -> None:
        """Give the machine back. What is on its disk is lost. Raises: NoPageError outside of a notebook of Colab."""
        if not self.has_notebook:
            raise NoPageError()
        from google.colab import runtime

        runtime.unassign()

    def _need_page(self) -> None:
        if not self.answers():
            raise NoPageError()

    def _leave_lost_folder(self) -> None:
        """Whoever works in a Drive that vanished can do nothing any more, not even mount it."""
        try:
            inside = Path.cwd().is_relative_to(self.mountpoint)
        except OSError:
            inside = True
        if inside:
            os.chdir(self.disk)

    def _refusal(self, error: Exception) -> DriveError:
        """What it means that `drive.mount` failed."""
        said = _reason(error)
        key = next((key for words, key in REFUSALS if words in said), "error.drive.failed")
        return DriveError(key, place=self.mountpoint, reason=said)


def drive_mounts(mounts: Path = Path("/proc/mounts")) -> tuple[str, ...]:
    """Where Google Drive is mounted, as the kernel lists it (file system type `fuse.drive`)."""
    try:
        rows = [line.split(" ") for line in mounts.read_text(errors="replace").splitlines()]
    except OSError:
        return ()
    return tuple(row[1].replace("\\040", " ") for row in rows if len(row) > 2 and row[2] == DRIVE_KIND)


def _is_folder(path: Path) -> bool:
    """False also where the system will not say: Errno 107 of a Drive that is gone, Errno 5 of one that is ill."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _in_main_thread() -> bool:
    """Colab's questions to its page may be asked from nowhere else ("not thread safe", says its source)."""
    return threading.current_thread() is threading.main_thread()


def _reason(error: Any) -> str:
    """What an error says, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
