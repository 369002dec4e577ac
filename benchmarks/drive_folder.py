"""A folder that behaves like Google Drive mounted on Colab, started, changed and ended (see `drive_mount.py`)."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.drive_cloud import Weather
from benchmarks.drive_mount import ID_ATTRIBUTE

FUSE_DEVICE, FUSERMOUNT = Path("/dev/fuse"), "fusermount3"
START_S = 20.0


class Drive:
    """Such a Drive, mounted at `folder/mount`, with its cloud in `folder/cloud`."""

    def __init__(self, folder: Path, **weather: Any) -> None:
        self.mount, self.cloud, self.control = folder / "mount", folder / "cloud", folder / "weather.json"
        self.mount.mkdir(parents=True, exist_ok=True)
        self._weather = asdict(Weather(**weather))
        self._process: subprocess.Popen[bytes] | None = None
        self._calls = 0
        self.change()
        self.start()

    @property
    def place(self) -> Path:
        """What Colab calls MyDrive."""
        return self.mount / "MyDrive"

    def change(self, **weather: Any) -> None:
        """Change the weather."""
        self._weather |= weather
        part = self.control.with_suffix(".part")
        part.write_text(json.dumps(self._weather))
        part.replace(self.control)

    def start(self) -> None:
        """Mount, as after the machine began or Drive went away."""
        calm = self._weather
        self.control.write_text(json.dumps(calm | {"faults": {}, "read_only": False, "late_s": 0.0}))
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.drive_mount"]
        arguments = [str(path) for path in (self.mount, self.cloud, self.control)]
        root = Path(__file__).parents[1]
        self._process = subprocess.Popen([*command, *arguments], cwd=root, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not self.mount.is_mount():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the mount did not start")
            time.sleep(0.02)
        self.place.mkdir(exist_ok=True)
        self.change()

    def vanish(self) -> None:
        """The mount dies and stays: every call says Errno 107, until `unmount` and `start`. What was not up is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._calls += int((self.control.parent / "calls").read_text() or 0)

    def unmount(self) -> None:
        subprocess.run([FUSERMOUNT, "-u", "-z", str(self.mount)], stderr=subprocess.DEVNULL, check=False)

    def die(self) -> None:
        """The machine ends: what was not up is lost."""
        self.vanish()
        self.unmount()

    def calls(self) -> int:
        """About how many calls the mounts got that have ended."""
        return self._calls

    def settle(self, patience_s: float = 30.0) -> None:
        """Wait until all that was done is in the cloud."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            time.sleep(0.05)
            with contextlib.suppress(OSError):
                ids = [os.getxattr(path, ID_ATTRIBUTE) for path in self.place.rglob("*") if path.is_file()]
                if not any(identity.startswith(b"local") for identity in ids):
                    return

    def __enter__(self) -> "Drive":
        return self

    def __exit__(self, *_: object) -> None:
        self.die()


def missing() -> str:
    """What a FUSE mount lacks here; "" when it can be."""
    try:
        os.close(os.open(FUSE_DEVICE, os.O_RDWR))
    except OSError as error:
        return f"{FUSE_DEVICE} cannot be used ({error.strerror})"
    if shutil.which(FUSERMOUNT) is None:
        return "fuse3 is not installed (apt-get install fuse3)"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError) as error:
        return f"mfusepy cannot be used ({error})"
    return ""
