"""What kind of file system a folder lies on: the machine's own disk, or one that only looks like a disk."""

import re
from pathlib import Path

MOUNTS = Path("/proc/mounts")
REMOTE = frozenset(
    {"fuse.drive", "fuse.gcsfuse", "fuse.rclone", "fuse.sshfs", "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph"}
)
OCTAL = re.compile(r"\\([0-7]{3})")


def file_system(path: Path, mounts: Path = MOUNTS, *, resolved: bool = False) -> str:
    """The kind of file system that `path` lies on, or will lie on; "" where the system does not say.

    Google Drive as Colab mounts it is `fuse.drive`. `mounts` has the form of `/proc/mounts` (Linux, proc(5)). A path
    that is `resolved` already is not looked at: a Drive that hangs would not answer.
    """
    try:
        rows = [line.split() for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    except OSError:  # no Linux
        return ""
    kinds = {Path(OCTAL.sub(lambda code: chr(int(code[1], 8)), row[1])): row[2] for row in rows if len(row) > 2}
    place = path if resolved else path.resolve()
    return next((kinds[folder] for folder in (place, *place.parents) if folder in kinds), "")


def is_remote(path: Path, mounts: Path = MOUNTS) -> bool:
    """Whether `path` lies on Drive or on another disk behind a network: slow to search in, no links, no locks."""
    return file_system(path, mounts) in REMOTE
