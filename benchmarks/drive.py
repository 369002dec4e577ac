"""What a slow Drive costs and what a failing one loses: `python -m benchmarks.drive` measures, writes README.md.

The Drive is a real file system that behaves like Colab's (`drive_mount.py`): 300 ms for each call that asks for a name
or changes one, 20 MB/s, uploads after half a second to three. A picture is 512 px of noise (its PNG as large as can be)
after a constant number of seconds, in which nothing computes, as while a graphics card works.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.__main__ import README, conditions
from benchmarks.drive_folder import Drive, missing
from benchmarks.drive_trial import FLUSH_S, keep_pictures, open_library_at, trial
from colabsd.storage.delivery import PATIENCE

BEGIN, END = "<!-- drive: written by python -m benchmarks.drive -->", "<!-- end of drive -->"
SLOW = {"latency_s": 0.3, "bytes_per_s": 20e6, "upload_s": (0.5, 3.0), "remembers_s": 1.0}
FAILING = {
    "latency_s": 0.001,
    "late_s": 0.05,
    "upload_s": (0.2, 3.0),
    "faults": {"107": 0.004, "5": 0.006, "28": 0.004},
}
LEAST = 0.97
SIDE = 512


def per_minute(root: Path, local: Path, remote: bool, pictures: int, work_s: float) -> tuple[float, float]:
    """Pictures per minute, and the seconds from the last one until all is where it belongs."""
    library = open_library_at(root, local, PATIENCE, remote)
    start = time.monotonic()
    keep_pictures(library, pictures, SIDE, work_s)
    drawn = time.monotonic()
    for _ in library.flush(FLUSH_S):
        pass
    after_s = time.monotonic() - drawn
    assert library.ledger().on_the_way == 0, "the benchmark's Drive takes everything"
    library.close()
    return pictures * 60 / (drawn - start), after_s


def measure_speed(rounds: int, pictures: int, work_s: float) -> list[str]:
    """The table's lines on speed."""
    ratios, slow, fast, after = [], [], [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name, Drive(Path(name), **SLOW) as drive:
            there = Path(name)
            disk, _ = per_minute(there / "disk", there / "local 1", False, pictures, work_s)
            far, after_s = per_minute(drive.place / "colabsd", there / "local 2", True, pictures, work_s)
        print(f"round {number + 1}: {disk:.2f} and {far:.2f} a minute, {after_s:.0f} s after", flush=True)
        fast.append(disk)
        slow.append(far)
        ratios.append(far / disk)
        after.append(after_s)
    ratio = statistics.median(ratios)
    return [
        f"| pictures per minute, slow Drive ÷ the disk ({work_s:g} s of work each, {rounds} pairs of {pictures}) "
        f"| {statistics.median(slow):.2f} ÷ {statistics.median(fast):.2f} = **{ratio:.3f}** "
        f"({min(ratios):.3f} to {max(ratios):.3f}) | at least {LEAST} {'✓' if ratio >= LEAST else '✗'} |",
        f"| seconds from the last picture until all {pictures} were read back from Drive "
        f"| {statistics.median(after):.0f} s ({min(after):.0f} to {max(after):.0f}) | (no limit) |",
    ]


def measure_faults(pictures: int, patience_s: float) -> list[str]:
    """The table's lines on a Drive that fails, three kills, a Drive that goes away, and a machine that ends."""
    with tempfile.TemporaryDirectory() as name, Drive(Path(name), **FAILING) as drive:
        outcome = trial(drive, Path(name), pictures, patience_s)
    print(outcome, flush=True)
    good = "✓" if outcome.lost == outcome.half == 0 else "✗"
    return [
        f"| of {outcome.claimed} files called “on Drive” lost ({outcome.kept} pictures kept, {outcome.calls} calls to "
        f"a failing Drive, three kills, Drive away once, then the machine's end) | **{outcome.lost}** | 0 {good} |",
        f"| half files under final names, as the next machine finds them | **{outcome.half}** | 0 {good} |",
    ]


def main() -> int:
    """Measure, print, write. Returns 1 when a limit is broken or nothing can be mounted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drive", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=15, help="of each round (default 15)")
    parser.add_argument("--work", type=float, default=4.0, help="seconds of work per picture (default 4)")
    parser.add_argument("--kept", type=int, default=2000, help="pictures kept on the failing Drive (default 2000)")
    parser.add_argument("--only", choices=("speed", "faults"), help="measure one part; writes nothing")
    asked = parser.parse_args()
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return 1
    lines = ["| what | measured | limit |", "|---|---|---|"]
    if asked.only != "faults":
        lines += measure_speed(asked.rounds, asked.pictures, asked.work)
    if asked.only != "speed":
        lines += measure_faults(asked.kept, 1800.0)
    print("\n".join(lines))
    if asked.only is None:
        text = README.read_text(encoding="utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        README.write_text("\n".join([before + BEGIN, "", conditions(), "", *lines, "", END + after]), encoding="utf-8")
    return int(any("✗" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
