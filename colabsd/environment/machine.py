"""What machine this is: processor, memory, GPU, disk. Asks the system, never torch."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """An NVIDIA GPU. `capability` is (7, 5) for a T4; only from (8, 0) on is bf16 more than an imitation."""

    name: str
    capability: tuple[int, int]
    vram_bytes: int
    free_vram_bytes: int


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine as planning needs it. `xformers` says that this library is installed, not that it works."""

    cores: int
    ram_bytes: int
    free_ram_bytes: int
    cpu_bf16: bool = False
    gpu: Gpu | None = None
    colab: bool = False
    xformers: bool = False


def look_at_machine(environ: Mapping[str, str] = os.environ) -> Machine:
    """This machine. Takes milliseconds; asks `nvidia-smi` only where there is one."""
    total, free = _memory_bytes()
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        ram_bytes=total,
        free_ram_bytes=free,
        cpu_bf16="avx512_bf16" in _cpu_flags() or "amx_bf16" in _cpu_flags(),
        gpu=_first_gpu(),
        colab="COLAB_RELEASE_TAG" in environ,
        xformers=find_spec("xformers") is not None,
    )


def _memory_bytes() -> tuple[int, int]:
    """Total and available memory in bytes; 0 where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        rows = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        total, free = (int(rows[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
        return within_limit(total, free)
    if platform.system() == "Darwin":
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total // 2
    return 0, 0


def within_limit(total: int, free: int, group: Path = Path("/sys/fs/cgroup")) -> tuple[int, int]:
    """Total and available memory where a container may have less than its machine (control groups, version 2 or 1).

    What the group holds of files can be taken back and counts as available.
    """
    for folder, limit_name, used_name in (
        (group, "memory.max", "memory.current"),
        (group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            limit, used = (int((folder / name).read_text()) for name in (limit_name, used_name))
            rows = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
        if limit < total:
            return limit, max(0, min(free, limit - used + int(rows.get("inactive_file", 0))))
    return total, free


def _cpu_flags() -> frozenset[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return frozenset()
    for line in cpuinfo.read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.split(":", 1)[1].split())
    return frozenset()


def _first_gpu() -> Gpu | None:
    """The first NVIDIA GPU as `nvidia-smi` tells it, or None."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = "--query-gpu=name,compute_cap,memory.total,memory.free"
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=20, check=True
        )
        name, capability, total, free = (part.strip() for part in done.stdout.splitlines()[0].split(","))
        major, minor = capability.split(".")
        return Gpu(
            name=name,
            capability=(int(major), int(minor)),
            vram_bytes=int(total) * 2**20,
            free_vram_bytes=int(free) * 2**20,
        )
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return None
