"""Loading a full-size model in fp16 from local disk, ours against diffusers': `python -m benchmarks.loading`.

Both are whole processes, which end when every weight has been read once (a mapped file that nobody has looked at costs
nothing). Seconds, by the clock and of the processor, are those of loading alone, without imports; the peak is the
process's. At most 0.8 and 0.7 of
diffusers', from files in fp32 and from files in fp16.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.models import full_size

LIMITS = {"seconds": 0.8, "processor": None, "peak": 0.7}
UNITS = {"seconds": (1, "s"), "processor": (1, "s"), "peak": (2**20, "MiB")}
END = """
seconds, processor = time.perf_counter() - started, time.process_time() - worked
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "processor": processor, "peak": peak, "sum": float(total)}))
"""
OURS = """
import json, resource, sys, time
from pathlib import Path
import torch
from colabsd.engine.engine import load_engine
from colabsd.models.registry import find_model
from colabsd.planning.plans import Execution
card = find_model(sys.argv[1])
started, worked = time.perf_counter(), time.process_time()
loading = load_engine(card, Execution(precision="fp16"))
try:
    while True:
        next(loading)
except StopIteration as stop:
    parts = stop.value.components
modules = [part for part in (parts.unet, parts.vae, *parts.encoders) if isinstance(part, torch.nn.Module)]
total = sum(weight.detach().view(-1)[::64].abs().max()
            for module in modules for weight in module.parameters())
"""
HALVES = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file, save_file
for path in Path(sys.argv[1]).glob("*/*.safetensors"):
    save_file({name: tensor.to(torch.float16) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
"""
THEIRS = """
import json, resource, sys, time
import torch
from diffusers import StableDiffusionPipeline
started, worked = time.perf_counter(), time.process_time()
pipeline = StableDiffusionPipeline.from_pretrained(sys.argv[1], torch_dtype=torch.float16)
modules = [pipeline.unet, pipeline.vae, pipeline.text_encoder]
total = sum(weight.detach().view(-1)[::64].abs().max() for module in modules for weight in module.parameters())
"""
PROGRAMS = {"ours": OURS, "theirs": THEIRS}


def measure(script: str, folder: Path) -> dict[str, float]:
    """Seconds and peak bytes of one process."""
    command = [sys.executable, "-c", script + END, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(folder: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds and peaks, ours and theirs, of paired runs after one of each that is not counted."""
    runs = [{name: measure(script, folder) for name, script in PROGRAMS.items()} for _ in range(rounds + 1)]
    return {what: [(run["ours"][what], run["theirs"][what]) for run in runs[1:]] for what in LIMITS}


def report(files: str, compared: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """A line of a table for seconds and one for the peak."""
    for what, limit in LIMITS.items():
        ours, theirs = zip(*compared[what], strict=True)
        ratios = [one / other for one, other in compared[what]]
        ratio, unit = statistics.median(ratios), UNITS[what]
        both = " | ".join(f"{statistics.median(values) / unit[0]:.3g} {unit[1]}" for values in (ours, theirs))
        verdict = f"{limit} {'✓' if ratio <= limit else '✗'}" if limit else "(no limit)"
        spread = f"**{ratio:.3f}** ({min(ratios):.3f} to {max(ratios):.3f})"
        yield f"| {what} | {files} | {both} | {spread} | {verdict} |"


def main() -> int:
    """Print a table. Returns 1 when a ratio is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="paired runs (default 5)")
    rounds = parser.parse_args().rounds
    lines = ["| what | files | colabsd | diffusers | ratio of pairs | at most |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as place:
        folder = full_size(Path(place), 1).folder
        lines += report("fp32", compare(folder, rounds))
        # As most models are kept; in a process of its own, because a child's peak begins with its parent's memory.
        subprocess.run([sys.executable, "-c", HALVES, str(folder)], check=True)
        lines += report("fp16", compare(folder, rounds))
    print("\n".join(lines))
    return int(any("✗" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
