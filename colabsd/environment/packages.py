"""Which packages are installed, in which versions, and whether they fit together. Imports none of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

TORCH_TIMEOUT_S = 180
TRY_TORCH = "import torch; print(torch.__version__, torch.cuda.is_available())"


@dataclass(frozen=True, kw_only=True)
class TorchTrial:
    """What importing torch in a process of its own came to: its version, or the last line of the error."""

    version: str = ""
    cuda: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """`package` wants another version of `other` than the installed one."""

    package: str
    other: str
    wanted: str
    version: str


def installed_version(name: str) -> str | None:
    """The version of an installed package from its metadata, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def requirements(name: str) -> tuple[str, ...]:
    """What an installed package says that it needs; empty when it is not installed."""
    try:
        return tuple(metadata.requires(name) or ())
    except metadata.PackageNotFoundError:
        return ()


def find_conflicts(
    names: tuple[str, ...],
    version_of: Callable[[str], str | None] = installed_version,
    requirements_of: Callable[[str], tuple[str, ...]] = requirements,
) -> Iterator[Conflict]:
    """Every bound among `names` and colabsd itself that installed versions break (markers as pip reads them)."""
    from packaging.requirements import InvalidRequirement, Requirement

    for package in ("colabsd", *names):
        for line in requirements_of(package):
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            version = version_of(wanted.name) if wanted.name in names else None
            if version is None or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            if not wanted.specifier.contains(version, prereleases=True):
                yield Conflict(package=package, other=wanted.name, wanted=str(wanted.specifier), version=version)


def release(version: str | None) -> tuple[int, ...]:
    """The numbers of a version without its suffixes: `2.11.0+cu128` is (2, 11, 0); None is ()."""
    numbers: list[int] = []
    for part in (version or "").partition("+")[0].split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def try_torch(environ: Mapping[str, str] = os.environ) -> TorchTrial:
    """Import torch in another process, which gets no token to see."""
    clean = {name: value for name, value in environ.items() if "TOKEN" not in name}
    try:
        done = subprocess.run(
            [sys.executable, "-c", TRY_TORCH], capture_output=True, text=True, timeout=TORCH_TIMEOUT_S, env=clean
        )
    except (OSError, subprocess.SubprocessError) as error:
        return TorchTrial(error=type(error).__name__)
    words = done.stdout.split()
    if done.returncode == 0 and len(words) == 2:
        return TorchTrial(version=words[0], cuda=words[1] == "True")
    lines = done.stderr.strip().splitlines()
    return TorchTrial(error=lines[-1][:200] if lines else f"exit code {done.returncode}")
