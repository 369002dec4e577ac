"""Training beside a plain loop, or diffusers' own script: `python -m benchmarks.training [--official-script PATH]`.

Steps per second of a full training with the same small components, pictures and settings, on this machine's processor.
The plain loop does what the script does: it encodes photos and sentences at every step. Ours is measured as it is, with
latents and sentences computed once, and in reference mode, without that. Runs take turns, and ratios are of pairs. On a
machine that is not quiet, MEASURE_PROCESSOR_TIME=1 OMP_NUM_THREADS=1 counts the processor's seconds instead.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

STEPS, WARM = 14, 4
SIZES = {"small": (32, 64), "medium": (64, 128)}  # the UNet's channels
ROOT = Path(__file__).parents[1]
BUSY = "MEASURE_PROCESSOR_TIME"  # where other programs want the processor too
CLOCK = time.process_time if os.environ.get(BUSY) else time.perf_counter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official-script", type=Path, help="diffusers' examples/dreambooth/train_dreambooth.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=128, help="pixels")
    parser.add_argument("--only", choices=("ours", "reference", "plain", "official"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        print("RATE", ALL[asked.only](asked.folder, asked.side))
        return
    theirs = "official" if asked.official_script else "plain"
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        make_model(folder / "model", asked.side)
        make_photos(folder / "photos", asked.side)
        found: dict[str, list[float]] = {"ours": [], "reference": [], theirs: []}
        for _ in range(asked.rounds):
            for name, rates in found.items():
                rates.append(measured(name, folder, asked.side, asked.official_script))
        for name, rates in found.items():
            ratios = [one / other for one, other in zip(rates, found[theirs], strict=True)]
            print(f"{name:10} {statistics.median(rates):6.2f} steps/s, ÷ {theirs} {statistics.median(ratios):.2f}")


def measured(name: str, folder: Path, side: int, script: Path | None) -> float:
    """Steps per second of one run in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.training",
        "--only",
        name,
        "--folder",
        str(folder),
        "--side",
        str(side),
    ]
    environ = {**os.environ, "OFFICIAL_SCRIPT": str(script or "")}
    done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found = re.search(r"^RATE (\S+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout[-2000:]
    return float(found[1])


def make_model(folder: Path, side: int) -> None:
    """The tests' small model, larger by half, as a folder that everybody reads."""
    sys.path.insert(0, str(ROOT / "tests"))
    small_families = import_module("small_families")
    small_families.UNET["block_out_channels"] = SIZES["medium"]
    small_families.UNET["sample_size"] = side // 8
    small_families.make_family(folder, "sd1", "text")
    parts = {
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    nobody = {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    index = {"_class_name": "StableDiffusionPipeline", **parts, **nobody}
    (folder / "model_index.json").write_text(json.dumps(index))


def make_photos(folder: Path, side: int) -> None:
    """Five pictures of noise at twice the side."""
    import numpy
    from PIL import Image

    folder.mkdir()
    chance = numpy.random.default_rng(0)
    for number in range(5):
        values = chance.integers(0, 256, (side * 2, side * 2, 3), dtype=numpy.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")


def ours(folder: Path, side: int, *, reference: bool = False) -> float:
    """colabsd's own loop."""
    sys.path.insert(0, str(ROOT / "tests"))
    runs = import_module("training_runs")
    from colabsd.models.folders import read_card
    from colabsd.training.data import Examples
    from colabsd.training.reports import TrainingReport

    card = replace(read_card(folder / "model", "small"), sha256="1" * 64)
    plan = runs.small_plan(card, method="full", steps=STEPS, resolution=side, learning_rate=1e-5, reference=reference)
    pictures = [_open(path) for path in sorted((folder / "photos").iterdir())]
    sentence = plan.subjects[0].photo_prompt
    examples = Examples(tuple(runs.as_example(one, f"{place}", sentence) for place, one in enumerate(pictures)))
    with tempfile.TemporaryDirectory() as kept:
        _, running = runs.small_training(card, plan, Path(kept), examples=examples)
        return _rate([CLOCK() for event in running if isinstance(event, TrainingReport)])


def in_reference_mode(folder: Path, side: int) -> float:
    """colabsd's loop without anything computed beforehand."""
    return ours(folder, side, reference=True)


def plain(folder: Path, side: int) -> float:
    """The script's work in plain PyTorch."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "training")]
    other: Any = import_module("test_reference")
    other.STEPS, other.SIDE = STEPS, side
    times: list[float] = []
    other.plain_losses(folder / "model", (folder / "photos",) * 2, prior=False, told=lambda: times.append(CLOCK()))
    return _rate(times)


def official(folder: Path, side: int) -> float:
    """diffusers' script, whose steps are seen where it logs them."""
    import accelerate

    times: list[float] = []
    script = Path(os.environ["OFFICIAL_SCRIPT"])
    accelerate.Accelerator.log = lambda *_, **__: times.append(CLOCK())
    with tempfile.TemporaryDirectory() as out:
        options = {
            "pretrained_model_name_or_path": folder / "model",
            "instance_data_dir": folder / "photos",
            "instance_prompt": "a photo of roj apple",
            "output_dir": out,
            "resolution": side,
            "train_batch_size": 1,
            "max_train_steps": STEPS,
            "learning_rate": 1e-5,
            "lr_warmup_steps": 0,
            "lr_scheduler": "constant",
            "seed": 7,
        }
        sys.argv = [str(script), *(f"--{name}={value}" for name, value in options.items())]
        source = script.read_text(encoding="utf-8").replace("check_min_version(", "(lambda version: None)(")
        exec(compile(source, str(script), "exec"), {"__name__": "__main__", "__file__": str(script)})
    return _rate(times)


def _open(path: Path) -> object:
    from PIL import Image

    return Image.open(path).convert("RGB")


def _rate(times: list[float]) -> float:
    """Steps per second, without the first ones."""
    return (len(times) - 1 - WARM) / (times[-1] - times[WARM])


ALL = {"ours": ours, "reference": in_reference_mode, "plain": plain, "official": official}

if __name__ == "__main__":
    main()
