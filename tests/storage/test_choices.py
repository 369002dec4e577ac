"""Choices that outlast the machine: the newest that can be read counts, and no file is ever written twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from colabsd.storage.choices import read_choices, write_choice
from colabsd.storage.workspace import Workspace, open_workspace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(params=[False, True], ids=["disk", "drive"])
def workspace(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    opened = open_workspace(tmp_path / "workspace", {"HOME": str(tmp_path)}, remote=request.param)
    opened.root.mkdir()
    return opened


def write(workspace: Workspace, *values: object) -> None:
    for minute, value in enumerate(values):
        write_choice(workspace, "model", value, NOON + timedelta(minutes=minute))


def test_nothing_chosen_is_nothing(workspace: Workspace):
    assert read_choices(workspace) == {}


def test_the_newest_choice_counts(workspace: Workspace):
    write(workspace, "sd15", "sdxl")
    write_choice(workspace, "style", "ink", NOON + timedelta(hours=1))
    assert read_choices(workspace) == {"model": "sdxl", "style": "ink"}


def test_the_same_choice_again_writes_nothing(workspace: Workspace):
    write(workspace, "sd15")
    before = sorted(path for path in workspace.root.parent.rglob("*.json"))
    write_choice(workspace, "model", "sd15", NOON + timedelta(hours=1))
    assert sorted(path for path in workspace.root.parent.rglob("*.json")) == before


def test_old_choices_do_not_pile_up(workspace: Workspace):
    write(workspace, *(f"model-{number}" for number in range(9)))
    names = {path.name for path in workspace.root.parent.rglob("*.json")}
    assert len(names) <= 2
    assert read_choices(workspace) == {"model": "model-8"}


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b"9" * 200_000])
def test_a_damaged_file_is_passed_over(workspace: Workspace, damage: bytes):
    write(workspace, "sd15", "sdxl")
    newest = max((path for path in workspace.root.parent.rglob("*.json")), key=lambda path: path.name)
    for path in workspace.root.parent.rglob(newest.name):
        path.write_bytes(damage)
    assert read_choices(workspace) == {"model": "sd15"}


def test_a_choice_waits_on_this_machine_while_drive_is_away(tmp_path: Path):
    opened = replace(open_workspace(tmp_path / "gone" / "workspace", {"HOME": str(tmp_path)}), remote=True)
    write(opened, "sd15")
    assert read_choices(opened) == {"model": "sd15"}
    assert not opened.root.exists()
