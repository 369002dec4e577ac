"""Checkpoints of a training run: written whole or not at all, the newest two kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

KEPT = 2


def save(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """`state` as a file named by its step: written beside, synced, renamed; older ones go afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.pt"
    scratch = path.with_suffix(".scratch")
    with scratch.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    for old in _all(folder)[:-KEPT]:
        old.unlink()
    return path


def newest(folder: Path) -> Path | None:
    """The checkpoint of the highest step, if there is one."""
    found = _all(folder)
    return found[-1] if found else None


def load(path: Path) -> dict[str, Any]:
    """The state that `save` was given."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"))
