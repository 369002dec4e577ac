"""What is there, what is missing and what to do: one finding per line. Says whether there is a token, never which."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colabsd.environment.allocator import preloaded_allocator, variables_are_set
from colabsd.environment.colab import drive_mounts
from colabsd.environment.machine import Machine
from colabsd.environment.packages import (
    Conflict,
    TorchTrial,
    find_conflicts,
    installed_version,
    release,
    try_torch,
)
from colabsd.environment.token import has_token_file, variable_with_token
from colabsd.errors import ColabsdError
from colabsd.language import Language, say

State = Literal["ok", "advice", "missing", "broken"]

GB = 10**9
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
LITTLE_RAM_BYTES = 2 * GB
LITTLE_DISK_BYTES = 6 * GB  # SD 1.5 in fp16 with its download in parts
NO_DISK_BYTES = GB // 10
NATIVE_BF16 = (8, 0)
PACKAGES = (
    "diffusers",
    "transformers",
    "huggingface-hub",
    "safetensors",
    "tokenizers",
    "numpy",
    "pillow",
    "scipy",
    "click",
    "packaging",
    "tqdm",
)
OLD_TORCHAO, STRICT_PEFT = (0, 16), (0, 19)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: the sentences of `key` and `advice` with their facts."""

    key: str
    state: State = "ok"
    facts: Mapping[str, object] = field(default_factory=dict)
    advice: str | None = None

    def tell(self, language: Language) -> str:
        """The finding on one line, with what to do where there is something."""
        keys = (self.key, self.advice) if self.advice else (self.key,)
        return " ".join(say(key, language, **self.facts) for key in keys)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is examined. `folder` is the workspace; `check_starter` raises our error for a damaged model."""

    machine: Machine
    folder: Path
    check_starter: Callable[[], None]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    python: tuple[int, int, int] = field(default_factory=lambda: sys.version_info[:3])
    version_of: Callable[[str], str | None] = installed_version
    conflicts: Callable[[tuple[str, ...]], Iterator[Conflict]] = find_conflicts
    try_torch: Callable[[Mapping[str, str]], TorchTrial] = try_torch
    libc: str = field(default_factory=lambda: platform.libc_ver()[0])
    mounts: Path = Path("/proc/mounts")


def examine(around: Surroundings) -> Iterator[Finding]:
    """Look at everything that drawing depends on, quick things first. Changes nothing."""
    yield _python(around)
    yield from _torch(around)
    yield from _packages(around)
    yield _torchao(around)
    yield _starter(around)
    yield _ram(around.machine)
    yield _disk(around.folder)
    yield _allocator(around)
    yield _token(around.environ)
    yield from _colab(around)


def _python(around: Surroundings) -> Finding:
    facts = {"version": ".".join(str(number) for number in around.python)}
    if around.python[:2] < OLDEST_PYTHON:
        return Finding(key="doctor.python", state="broken", facts=facts, advice="doctor.python.old")
    if around.python[:2] > NEWEST_PYTHON:
        return Finding(key="doctor.python", state="advice", facts=facts, advice="doctor.python.new")
    return Finding(key="doctor.python", facts=facts)


def _torch(around: Surroundings) -> Iterator[Finding]:
    """torch as a process of its own finds it, and the GPU as the driver and torch see it."""
    version = around.version_of("torch")
    if version is None:
        yield Finding(key="doctor.torch.missing", state="missing", advice="doctor.torch.install")
        yield _gpu(around.machine, None)
        return
    trial = around.try_torch(around.environ)
    if trial.error:
        facts = {"version": version, "reason": trial.error}
        yield Finding(key="doctor.torch.broken", state="broken", facts=facts, advice="doctor.torch.reinstall")
        yield _gpu(around.machine, None)
        return
    yield Finding(key="doctor.torch", facts={"version": trial.version})
    yield _gpu(around.machine, trial)


def _gpu(machine: Machine, trial: TorchTrial | None) -> Finding:
    gpu = machine.gpu
    if gpu is None:
        if machine.colab:
            return Finding(key="doctor.gpu.none", state="advice", advice="doctor.gpu.colab")
        return Finding(key="doctor.gpu.none", facts={})
    facts = {"name": gpu.name, "vram": f"{gpu.vram_bytes / GB:.1f}", "free": f"{gpu.free_vram_bytes / GB:.1f}"}
    if trial is not None and not trial.cuda:
        facts["torch"] = trial.version
        return Finding(key="doctor.gpu", state="broken", facts=facts, advice="doctor.gpu.torch_blind")
    if gpu.capability < NATIVE_BF16:
        return Finding(key="doctor.gpu", facts=facts, advice="doctor.gpu.fp16")
    return Finding(key="doctor.gpu", facts=facts)


def _packages(around: Surroundings) -> Iterator[Finding]:
    """One finding for what is there, one for each package that is missing or does not fit."""
    versions = {name: around.version_of(name) for name in PACKAGES}
    present = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if present:
        yield Finding(key="doctor.packages", facts={"packages": present})
    for name, version in versions.items():
        if version is None:
            yield Finding(
                key="doctor.package.missing", state="missing", facts={"name": name}, advice="doctor.package.install"
            )
    if around.version_of("packaging") is None:
        return
    for conflict in around.conflicts(("torch", *PACKAGES)):
        facts = {
            "package": conflict.package,
            "name": conflict.other,
            "wanted": conflict.wanted,
            "version": conflict.version,
        }
        yield Finding(key="doctor.package.conflict", state="broken", facts=facts, advice="doctor.package.fit")


def _torchao(around: Surroundings) -> Finding:
    """torchao before 0.16 makes peft from 0.19 on refuse every LoRA (both are preinstalled on Colab since 2026.07)."""
    torchao, peft = around.version_of("torchao"), around.version_of("peft")
    facts = {"torchao": torchao, "peft": peft}
    if torchao and peft and release(torchao) < OLD_TORCHAO and release(peft) >= STRICT_PEFT:
        return Finding(key="doctor.torchao.trap", state="advice", facts=facts, advice="doctor.torchao.remove")
    return Finding(key="doctor.torchao.fine")


def _starter(around: Surroundings) -> Finding:
    try:
        around.check_starter()
    except ColabsdError as error:
        return Finding(key="doctor.starter.broken", state="broken", facts=error.facts, advice=error.message_key)
    return Finding(key="doctor.starter")


def _ram(machine: Machine) -> Finding:
    if not machine.ram_bytes:
        return Finding(key="doctor.ram.unknown", state="advice")
    facts = {
        "cores": machine.cores,
        "total": f"{machine.ram_bytes / GB:.1f}",
        "free": f"{machine.free_ram_bytes / GB:.1f}",
    }
    if machine.free_ram_bytes < LITTLE_RAM_BYTES:
        return Finding(key="doctor.ram", state="advice", facts=facts, advice="doctor.ram.little")
    return Finding(key="doctor.ram", facts=facts)


def _disk(folder: Path) -> Finding:
    """Room in the workspace, or in the nearest folder above it that exists already."""
    place = next((above for above in (folder, *folder.parents) if above.exists()), None)
    if place is None or not place.is_dir() or not os.access(place, os.W_OK):
        return Finding(
            key="doctor.folder.closed", state="broken", facts={"folder": folder}, advice="doctor.folder.other"
        )
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return Finding(
            key="doctor.folder.closed", state="broken", facts={"folder": folder}, advice="doctor.folder.other"
        )
    facts = {"folder": folder, "free": f"{free / GB:,.1f}"}
    if free < NO_DISK_BYTES:
        return Finding(key="doctor.disk", state="broken", facts=facts, advice="doctor.disk.full")
    if free < LITTLE_DISK_BYTES:
        return Finding(key="doctor.disk", state="advice", facts=facts, advice="doctor.disk.little")
    return Finding(key="doctor.disk", facts=facts)


def _allocator(around: Surroundings) -> Finding:
    """glibc gives big tensors back to the kernel and faults them in again, unless it is told not to."""
    if around.libc != "glibc":
        return Finding(key="doctor.allocator.other")
    preloaded = preloaded_allocator(around.environ)
    if preloaded:
        return Finding(key="doctor.allocator.preloaded", facts={"name": preloaded})
    if variables_are_set(around.environ):
        return Finding(key="doctor.allocator.set")
    if around.machine.gpu is not None:
        return Finding(key="doctor.allocator.gpu")
    return Finding(key="doctor.allocator.kept", advice="doctor.allocator.set_them")


def _token(environ: Mapping[str, str]) -> Finding:
    """Whether huggingface_hub would find a token, and where it would look; never what it is."""
    variable = variable_with_token(environ)
    if variable:
        return Finding(key="doctor.token.variable", facts={"variable": variable})
    if has_token_file(environ):
        return Finding(key="doctor.token.file")
    return Finding(key="doctor.token.none")


def _colab(around: Surroundings) -> Iterator[Finding]:
    """Colab and Drive; a Drive that is mounted is told anywhere, one that is not only where it could be."""
    yield Finding(key="doctor.colab" if around.machine.colab else "doctor.colab.not")
    places = drive_mounts(around.mounts)
    if places:
        yield Finding(key="doctor.drive", facts={"folder": places[0]})
    elif around.machine.colab:
        yield Finding(key="doctor.drive.not", state="advice", advice="doctor.drive.mount")
