"""How long `import colabsd` and `colabsd --help` take, as parts of `import torch`: `python -m benchmarks.imports`.

Each is a fresh Python. The imports are timed inside it; the command from outside, because its start is what people wait
for. A round measures all three, so that a busy machine slows all of a round.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 7
LIMITS = {"import colabsd": 0.05, "colabsd --help": 0.4}


def import_seconds(package: str) -> float:
    """Seconds that importing a package takes in a fresh Python."""
    script = f"import time; start = time.perf_counter(); import {package}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout)


def help_seconds() -> float:
    """Seconds from the start of the command's process to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "colabsd", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def one_round() -> dict[str, float]:
    """The two ratios, measured once."""
    torch = import_seconds("torch")
    return {"import colabsd": import_seconds("colabsd") / torch, "colabsd --help": help_seconds() / torch}


def measure(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """The ratios of every round by name; a first round, which fills the disk's cache, is not counted."""
    one_round()
    measured = [one_round() for _ in range(rounds)]
    return {name: [ratios[name] for ratios in measured] for name in LIMITS}


def main() -> int:
    """Print each ratio's median and range beside its limit. Returns 1 when one is over."""
    measured = measure()
    for name, ratios in measured.items():
        print(
            f"{name}: {statistics.median(ratios):.5f} of `import torch` (median of {len(ratios)} rounds, "
            f"{min(ratios):.5f} to {max(ratios):.5f}; at most {LIMITS[name]})"
        )
    return int(any(statistics.median(ratios) > LIMITS[name] for name, ratios in measured.items()))


if __name__ == "__main__":
    sys.exit(main())
