"""What machine this is: memory within a container's limit, the GPU as nvidia-smi tells it, Colab by its variable."""

import os
from pathlib import Path

import pytest

from colabsd.environment.machine import Gpu, look_at_machine, within_limit

GB = 2**30


def fake_nvidia_smi(folder: Path, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for nvidia-smi")
def test_a_gpu_is_what_nvidia_smi_says(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, "echo 'Tesla T4, 7.5, 15360, 15000'", monkeypatch)
    gpu = Gpu(name="Tesla T4", capability=(7, 5), vram_bytes=15360 * 2**20, free_vram_bytes=15000 * 2**20)
    assert look_at_machine({}).gpu == gpu


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for nvidia-smi")
@pytest.mark.parametrize("answer", ["exit 9", "true", "echo 'No devices were found'", "echo 'A, B, C, D'"])
def test_a_driver_without_a_gpu_is_no_gpu(tmp_path, monkeypatch, answer):
    fake_nvidia_smi(tmp_path, answer, monkeypatch)
    assert look_at_machine({}).gpu is None


def test_colab_is_known_by_its_release_tag():
    assert look_at_machine({"COLAB_RELEASE_TAG": "release-colab"}).colab
    assert not look_at_machine({}).colab


def test_this_machine_has_a_core_and_memory():
    machine = look_at_machine({})
    assert machine.cores >= 1
    assert 0 <= machine.free_ram_bytes <= machine.ram_bytes


def group(folder: Path, names: tuple[str, str], limit: str, used: int, files: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon {used - files}\ninactive_file {files}\n")
    return folder


@pytest.mark.parametrize(
    ("below", "names"),
    [("", ("memory.max", "memory.current")), ("memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"))],
)
def test_a_container_has_the_memory_of_its_limit(tmp_path, below, names):
    group(tmp_path / below, names, str(4 * GB), 3 * GB, 1 * GB)
    assert within_limit(16 * GB, 12 * GB, tmp_path) == (4 * GB, 2 * GB)


def test_a_group_without_a_limit_changes_nothing(tmp_path):
    group(tmp_path, ("memory.max", "memory.current"), "max", 3 * GB, 1 * GB)
    assert within_limit(16 * GB, 12 * GB, tmp_path) == (16 * GB, 12 * GB)
    assert within_limit(16 * GB, 12 * GB, tmp_path / "none") == (16 * GB, 12 * GB)


def test_a_limit_above_the_machine_changes_nothing(tmp_path):
    group(tmp_path, ("memory.max", "memory.current"), str(64 * GB), 3 * GB, 1 * GB)
    assert within_limit(16 * GB, 12 * GB, tmp_path) == (16 * GB, 12 * GB)


def test_there_is_always_some_memory_left_or_none(tmp_path):
    group(tmp_path, ("memory.max", "memory.current"), str(4 * GB), 5 * GB, 0)
    assert within_limit(16 * GB, 12 * GB, tmp_path) == (4 * GB, 0)
