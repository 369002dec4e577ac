"""A `google.colab` to play with: the real module's signatures, sayings and failures, without Google.

The signatures, the order of checks in `drive.mount` and every sentence are those of googlecolab/colabtools at commit
3c07d77 (2026-04). What a page would answer is chosen by `FakeColab.page`, what Drive does by `FakeColab.drive_fails`.
"""

import inspect
import shutil
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Page = Literal["browser", "vscode", "none"]
DENIED = "Error: credential propagation was unsuccessful"
UNSUPPORTED = (
    "Mounting drive is unsupported in this environment. Use PyDrive2 instead. See examples at "
    "https://colab.research.google.com/notebooks/io.ipynb#scrollTo=7taylj9wpsA2."
)
ROOT_TIMEOUT = (
    "mount failed: timeout during initial read of root folder; for more info: "
    "https://research.google.com/colaboratory/faq.html#drive-timeout"
)
POLICY = "The domain policy has disabled Drive File Stream: https://support.google.com/a/answer/7496409"
SIGNATURES = {
    "drive.mount": "(mountpoint, force_remount=False, timeout_ms=120000, readonly=False)",
    "drive.flush_and_unmount": "(timeout_ms=86400000)",
    "files.upload": "(target_dir='')",
    "files.download": "(filename)",
    "output.eval_js": "(script, ignore_result=False, timeout_sec=None)",
    "userdata.get": "(key)",
    "runtime.unassign": "()",
}


class Error(Exception):
    """`google.colab.errors.Error`."""


class MessageError(Error):
    """`google.colab._message.MessageError`."""


class SecretNotFoundError(Error):
    """`google.colab.userdata.SecretNotFoundError`."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Secret {key} does not exist.")


class NotebookAccessError(Exception):  # really no `errors.Error`
    """`google.colab.userdata.NotebookAccessError`."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Notebook does not have access to secret {key}")


class TimeoutException(Error):
    """`google.colab.userdata.TimeoutException`."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Requesting secret {key} timed out. Secrets can only be fetched when running from the Colab UI."
        )


class TIMEOUT(Exception):
    """`pexpect.TIMEOUT`, which escapes from `drive.mount`."""


@dataclass
class FakeColab:
    """Colab around a test, in `folder`. Everything that is asked of it is noted in `asked`."""

    folder: Path
    page: Page = "browser"
    drive_fails: Exception | None = None
    secrets: Mapping[str, str | Exception] = field(default_factory=dict)
    chosen: Mapping[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk = self.folder / "content"
        self.mountpoint = self.disk / "drive"
        self.mounts = self.folder / "mounts"
        self.disk.mkdir(parents=True)
        self.mounts.write_text("overlay / overlay rw 0 0\n")

    @property
    def top(self) -> Path:
        """The folder MyDrive, when Drive is mounted."""
        return self.mountpoint / "MyDrive"

    def appear(self) -> None:
        """Drive is mounted."""
        self.top.mkdir(parents=True, exist_ok=True)
        self.mounts.write_text(f"overlay / overlay rw 0 0\ndrive {self.mountpoint} fuse.drive rw 0 0\n")

    def vanish(self) -> None:
        """Drive stays in the list of mounts, but nothing can be read there any more (Errno 107)."""
        shutil.rmtree(self.mountpoint)

    # google.colab.drive

    def mount(
        self, mountpoint: str, force_remount: bool = False, timeout_ms: int = 120000, readonly: bool = False
    ) -> None:
        self.asked.append(f"mount {'again' if force_remount else 'first'}")
        if self.drive_fails is not None:
            raise self.drive_fails
        if self.page == "none":  # `request_auth` gets no answer within 120 s, and DriveFS then has no credentials
            raise ValueError("mount failed")
        if self.top.is_dir() and not force_remount:
            print(f"Drive already mounted at {mountpoint}; to attempt to forcibly remount, call drive.mount(…)")
            return
        if self.mountpoint.is_dir() and any(self.mountpoint.iterdir()) and not force_remount:
            raise ValueError("Mountpoint must not already contain files")
        self.appear()
        print(f"Mounted at {mountpoint}")

    def flush_and_unmount(self, timeout_ms: int = 24 * 60 * 60 * 1000) -> None:
        self.asked.append("flush")
        if self.drive_fails is not None:
            raise ValueError("flush_and_unmount failed")

    # google.colab.output, userdata, files, runtime

    def eval_js(self, script: str, ignore_result: bool = False, timeout_sec: float | None = None) -> Any:
        self.asked.append(f"eval_js {script}")
        assert timeout_sec is not None, "without a timeout this waits for ever where no page is"
        return int(script) if self.page == "browser" else None

    def get(self, key: str) -> str:
        self.asked.append(f"secret {key}")
        if not key or not key.strip():
            raise ValueError("Secret key must not be empty")
        if self.page != "browser":
            raise TimeoutException(key)
        value = self.secrets.get(key, SecretNotFoundError(key))
        if isinstance(value, Exception):
            raise value
        return value

    def upload(self, target_dir: str = "") -> dict[str, bytes]:
        self.asked.append("upload")
        assert self.page == "browser", "without a page this waits for ever"
        for name, data in self.chosen.items():
            Path(target_dir, name).write_bytes(data)
        return {str(Path(target_dir, name)): data for name, data in self.chosen.items()}

    def download(self, filename: str) -> None:
        self.asked.append(f"download {Path(filename).name}")
        if not Path(filename).exists():
            raise FileNotFoundError(f"Cannot find file: {filename}")

    def unassign(self) -> None:
        self.asked.append("unassign")

    def modules(self) -> dict[str, types.ModuleType]:
        """What belongs into sys.modules; IPython's shell is Colab's own."""
        colab = _module("google.colab")
        parts: dict[str, dict[str, Any]] = {
            "drive": {"mount": self.mount, "flush_and_unmount": self.flush_and_unmount},
            "output": {"eval_js": self.eval_js},
            "userdata": {
                "get": self.get,
                "SecretNotFoundError": SecretNotFoundError,
                "NotebookAccessError": NotebookAccessError,
                "TimeoutException": TimeoutException,
            },
            "files": {"upload": self.upload, "download": self.download},
            "runtime": {"unassign": self.unassign},
            "errors": {"Error": Error},
            "_message": {"MessageError": MessageError},
        }
        for name, content in parts.items():
            setattr(colab, name, _module(f"google.colab.{name}", **content))
        shell = type("Shell", (), {"__module__": "google.colab._shell"})()
        found = {f"google.colab.{name}": getattr(colab, name) for name in parts}
        google = _module("google", colab=colab, __path__=[])
        colab.__path__ = []
        return {"google": google, "google.colab": colab, **found, "IPython": _ipython(lambda: shell)}


def without_notebook(colab: FakeColab) -> dict[str, types.ModuleType]:
    """The same machine for a process that a cell starts: google.colab can be imported, but there is no shell."""
    return {**colab.modules(), "IPython": _ipython(lambda: None)}


def signatures(colab: FakeColab) -> dict[str, str]:
    """The parameters of every function that is played here, without their types."""
    modules = colab.modules()
    found = {}
    for name in SIGNATURES:
        module, function = name.split(".")
        known = inspect.signature(getattr(modules[f"google.colab.{module}"], function))
        plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in known.parameters.values()]
        found[name] = str(known.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return found


def _module(name: str, **content: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(content)
    return module


def _ipython(get_ipython: Callable[[], Any]) -> types.ModuleType:
    """IPython as it is, or none, but with this shell."""
    real = sys.modules.get("IPython")
    module = _module("IPython", **(vars(real) if real else {}))
    vars(module)["get_ipython"] = get_ipython
    return module
