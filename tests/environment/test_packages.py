"""Installed packages: versions read without importing, bounds checked, torch tried in a process of its own."""

import sys

import pytest

from colabsd.environment.packages import Conflict, find_conflicts, installed_version, release, try_torch

VERSIONS = {"diffusers": "0.39.0", "huggingface-hub": "2.4.0", "numpy": "1.26.4"}
REQUIREMENTS = {
    "colabsd": ("numpy>=2.0", 'huggingface-hub<1; extra == "old"', "not a requirement!"),
    "diffusers": ("huggingface-hub<2.0,>=1.23", 'numpy<1; python_version < "3.0"', "jax>=9"),
}


def conflicts() -> list[Conflict]:
    names = ("diffusers", "huggingface-hub", "numpy")
    return list(find_conflicts(names, VERSIONS.get, lambda name: REQUIREMENTS.get(name, ())))


def test_bounds_of_colabsd_and_of_the_packages_on_each_other_are_checked():
    assert conflicts() == [
        Conflict(package="colabsd", other="numpy", wanted=">=2.0", version="1.26.4"),
        Conflict(package="diffusers", other="huggingface-hub", wanted="<2.0,>=1.23", version="2.4.0"),
    ]


def test_the_version_of_a_package_is_read_without_importing_it():
    before = set(sys.modules)
    assert installed_version("torch")
    assert installed_version("no-such-package") is None
    assert "torch" in before or "torch" not in sys.modules


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("2.11.0+cu128", (2, 11, 0)), ("0.16.0.dev3", (0, 16, 0)), ("1.0rc1", (1, 0)), (None, ()), ("", ())],
)
def test_a_version_is_compared_by_its_numbers(version, numbers):
    assert release(version) == numbers


@pytest.mark.integration
def test_torch_is_tried_in_another_process_that_sees_no_token(monkeypatch):
    import os
    import subprocess

    seen: dict[str, str] = {}
    original = subprocess.run

    def run(*arguments, **options):
        seen.update(options["env"])
        return original(*arguments, **options)

    monkeypatch.setattr(subprocess, "run", run)
    trial = try_torch({**os.environ, "HF_TOKEN": "hf_secret"})
    assert trial.version and not trial.error
    assert "HF_TOKEN" not in seen


def test_a_python_that_cannot_be_started_is_an_answer_and_no_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert try_torch({}).error == "FileNotFoundError"
