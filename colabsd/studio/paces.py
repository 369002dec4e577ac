"""How fast this machine drew, remembered in the workspace's local folder from one run to the next."""

import json
import secrets
from contextlib import suppress
from pathlib import Path

from colabsd.planning.pace import Pace
from colabsd.storage.workspace import Workspace


def stored_pace(workspace: Workspace) -> Pace:
    """What was measured here; empty where nothing was, or where the file cannot be read."""
    with suppress(OSError, ValueError):
        return Pace.from_json(json.loads(_file(workspace).read_bytes()))
    return Pace()


def store_pace(workspace: Workspace, pace: Pace) -> None:
    """Write it down, whole or not at all. A write that fails loses a measurement and nothing else."""
    path = _file(workspace)
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(pace.as_json()), encoding="utf-8")
        scratch.replace(path)


def _file(workspace: Workspace) -> Path:
    return workspace.local / "pace.json"
