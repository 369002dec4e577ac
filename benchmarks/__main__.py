"""colabsd against plain diffusers, side by side: `python -m benchmarks` measures and writes `benchmarks/README.md`.

Both get the same weights, sampler, steps, seed, size, allocator settings and threads, in the same run, in turn.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from benchmarks import programs
from benchmarks.models import Subject, full_size, starter

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results: written by python -m benchmarks -->", "<!-- end of results -->"
LIMITS = {"a": 1.02, "b": 0.7, "c": 1.0}
# Both sides keep big blocks of memory for the next tensor; our command would set this for itself, the script would not.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "34359738368", "MALLOC_TRIM_THRESHOLD_": "34359738368"}


def row(
    letter: str, what: str, subject: Subject, ours: list[float], theirs: list[float], unit: str, limited: bool = True
) -> str:
    """One line of the table: both medians with their ranges, the median of the paired ratios with its range."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    ratio, least, most = _middle_and_range(ratios)
    verdict = f"{LIMITS[letter]} {'✓' if ratio <= LIMITS[letter] else '✗'}" if limited else "(no limit)"
    return (
        f"| ({letter}) {what} | {subject.name} | {_spread(ours, unit)} | {_spread(theirs, unit)} "
        f"| **{ratio:.3f}** ({least:.3f} to {most:.3f}) | {verdict} |"
    )


def _spread(values: list[float], unit: str) -> str:
    middle, least, most = (f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in _middle_and_range(values))
    return f"{middle} {unit} ({least} to {most})"


def _middle_and_range(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)


def rows(subject: Subject) -> Iterator[str]:
    """Measure one model; yields the table's lines as they are known."""
    facts = json.dumps({**asdict(subject), "folder": str(subject.folder)})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pictures", facts], stdout=subprocess.PIPE, text=True, check=True
    )
    pictures = json.loads(done.stdout.splitlines()[-1])
    what = f"seconds per picture, saved with metadata ÷ not saved (pixels differ by {pictures['difference']} of 255)"
    yield row("a", what, subject, pictures["ours"], pictures["theirs"], "s")
    runs = programs.measure(subject)
    seconds = {name: [one.seconds for one in measured] for name, measured in runs.items()}
    what = "process start to file on disk"
    yield row("b", what, subject, seconds["ours"], seconds["theirs"], "s", subject.start_counts)
    peaks = {name: [one.peak_bytes / 2**20 for one in measured] for name, measured in runs.items()}
    yield row("c", "peak memory", subject, peaks["ours"], peaks["theirs"], "MiB")


def conditions() -> str:
    """Where and with what it was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "transformers"))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{machine}, Python {platform.python_version()}, {versions}"


def write(lines: list[str]) -> None:
    """Put the table between the README's marks."""
    text = README.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text("\n".join([before + BEGIN, "", conditions(), "", *lines, "", END + after]), encoding="utf-8")


def main() -> int:
    """Measure, print, write. Returns 1 when a limit is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="paired runs per measurement (default 7)")
    parser.add_argument("--only", choices=("starter", "full"), help="measure one model; writes nothing")
    asked = parser.parse_args()
    os.environ.update(ALLOCATOR)
    lines = ["| what | model | colabsd | diffusers | ratio of pairs | at most |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        subjects: dict[str, Callable[[], Subject]] = {
            "starter": lambda: starter(asked.rounds),
            "full": lambda: full_size(Path(folder), asked.rounds),
        }
        for name, make in subjects.items():
            for line in rows(make()) if asked.only in (None, name) else ():
                print(line, flush=True)
                lines.append(line)
    if asked.only is None:
        write(lines)
    return int(any("✗" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
