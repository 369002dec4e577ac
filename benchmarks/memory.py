"""The forecast of memory beside measured peaks, on this machine's processor: `python -m benchmarks.memory`.

Each case is one process of our command with two steps; its peak is what the kernel counted. A forecast should never be
below the peak, and not far above.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.models import Subject, full_size, starter
from benchmarks.programs import ours, run
from colabsd.geometry import Size
from colabsd.models.registry import find_model
from colabsd.planning.forecasts import forecast_memory
from colabsd.planning.plans import Execution, Precision

MIB = 2**20
CASES: tuple[tuple[str, int, int, Precision], ...] = (
    ("starter", 128, 1, "fp32"),
    ("starter", 128, 4, "fp32"),
    ("starter", 256, 1, "fp32"),
    ("starter", 512, 1, "fp32"),
    ("starter", 512, 1, "bf16"),
    ("full", 256, 1, "fp32"),
    ("full", 512, 1, "fp32"),
    ("full", 512, 2, "bf16"),
    ("full", 768, 1, "bf16"),
)


def measure(subject: Subject, side: int, batch: int, precision: Precision) -> tuple[float, float]:
    """The forecast and the measured peak in MiB."""
    card = find_model(str(subject.folder))
    forecast = forecast_memory(card, Execution(precision=precision), Size(side, side), batch)
    with tempfile.TemporaryDirectory() as home:
        command = ours(replace(subject, side=side, steps=2), Path(home))
        command[command.index("--precision") + 1] = precision
        peak = run([*command, "--count", str(batch), "--batch", str(batch)]).peak_bytes
    return forecast.total / MIB, peak / MIB


def rows() -> Iterator[str]:
    """One line of a table for each case."""
    yield "| model | side | batch | precision | forecast | measured | forecast ÷ measured |"
    yield "|---|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        subjects = {"starter": starter(1), "full": full_size(Path(folder), 1)}
        for name, side, batch, precision in CASES:
            forecast, peak = measure(subjects[name], side, batch, precision)
            facts = f"{side} px | {batch} | {precision} | {forecast:.0f} MiB | {peak:.0f} MiB | {forecast / peak:.2f}"
            yield f"| {subjects[name].name} | {facts} |"


def main() -> int:
    """Print the table. Returns 1 when a forecast is below what was needed."""
    low = False
    for line in rows():
        print(line, flush=True)
        low |= "MiB" in line and float(line.rsplit("|", 2)[1]) < 1
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
