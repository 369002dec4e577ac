"""Killed runs: nothing finished is lost, nothing half is left, and the rest is drawn as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from colabsd.library.manifest import read_manifest

COUNT = 20
ASK = ["generate", "a red apple", "--count", str(COUNT), "--batch", "2", "--seed", "11", "--steps", "2"]


def command(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "colabsd", *arguments, "--output", str(workspace)]


def environ(home: Path) -> dict[str, str]:
    return os.environ | {"XDG_CACHE_HOME": str(home / "cache"), "COLABSD_LANG": "en"}


def run(home: Path, workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(workspace, *arguments), env=environ(home), capture_output=True, text=True, timeout=300, check=False
    )


def kill_after(home: Path, workspace: Path, pictures: int, patience_s: float, *arguments: str) -> None:
    """Start the command and kill it a random moment after that many new pictures lie in the workspace."""
    before = len(pictures_in(workspace))
    with subprocess.Popen(
        command(workspace, *arguments), env=environ(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while len(pictures_in(workspace)) < before + pictures and process.poll() is None:
            time.sleep(0.002)
        time.sleep(patience_s)
        process.send_signal(signal.SIGKILL)


def pictures_in(workspace: Path) -> list[Path]:
    return sorted((workspace / "pictures").rglob("*.png"))


def contents(workspace: Path) -> dict[str, bytes]:
    """Pixels by key; every file under a final name must be whole."""
    found = {}
    for path in pictures_in(workspace):
        with Image.open(path) as image:
            image.load()
            key = read_manifest(path).drawing.key
            assert key not in found, f"{path} was drawn twice"
            found[key] = image.convert("RGB").tobytes()
    return found


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_after_real_kills_the_resumed_pictures_equal_an_uninterrupted_run(tmp_path: Path) -> None:
    chance = random.Random(time.time_ns())
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run(tmp_path, whole, *ASK).returncode == 0
    expected = contents(whole)
    assert len(expected) == COUNT

    kill_after(tmp_path, broken, chance.randint(1, 6), chance.uniform(0, 0.2), *ASK)
    kept = set(contents(broken))
    assert 0 < len(kept) < COUNT
    kill_after(tmp_path, broken, chance.randint(1, 4), chance.uniform(0, 0.2), "resume")
    assert kept < set(contents(broken))
    assert run(tmp_path, broken, "resume").returncode == 0

    assert contents(broken) == expected
    seen = [path for path in broken.rglob("*") if path.is_file() and ".unfinished" not in path.parts]
    assert {path.suffix for path in seen} <= {".png", ".jsonl"}
    again = run(tmp_path, broken, "resume")
    assert again.returncode == 0
    assert contents(broken) == expected
    listed = run(tmp_path, broken, "library", "verify")
    assert listed.returncode == 0, listed.stdout + listed.stderr


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    with subprocess.Popen(
        command(workspace, *ASK), env=environ(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while len(pictures_in(workspace)) < 2 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "colabsd resume" in told
    assert "Traceback" not in told
    assert 2 <= len(contents(workspace)) < COUNT
