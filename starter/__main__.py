"""`python -m starter STEP`: data | tokenizer | autoencoder | words | denoiser | evaluate | export | scorer …"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
from pathlib import Path

from .recipe import RECIPES, smoke

# glibc gives large tensors back to the kernel and faults them in again: ten times slower without this.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "34359738368", "MALLOC_TRIM_THRESHOLD_": "34359738368"}
DEFAULT_CACHE = Path("~/.cache/colabsd-starter")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    commands = argparse.ArgumentParser(prog="python -m starter", description=__doc__)
    steps = ("data", "tokenizer", "autoencoder", "words", "denoiser", "evaluate", "export", "scorer", "scorer-figures")
    commands.add_argument("step", choices=steps)
    commands.add_argument("--recipe", choices=sorted(RECIPES), default="first")
    commands.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="drawings, latents and checkpoints")
    commands.add_argument("--minutes", type=float, help="stop after this long, with a checkpoint")
    commands.add_argument("--samples", type=int, help="denoiser: length of the run, instead of the recipe's")
    commands.add_argument("--begin-with", type=Path, help="denoiser: a checkpoint whose weights a new run starts from")
    commands.add_argument("--smoke", action="store_true", help="a tiny run that only shows that everything works")
    commands.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    commands.add_argument("--threads", type=int, default=2)
    commands.add_argument("--every", type=float, default=10.0, help="minutes between checkpoints")
    commands.add_argument("--model", type=Path, help="evaluate, export: the model's folder")
    commands.add_argument("--guidance", type=float, help="evaluate, export: instead of the recipe's")
    commands.add_argument("--prompts", type=int, default=300, help="evaluate: how many plain prompts")
    return commands


def with_an_allocator_that_keeps(arguments: list[str]) -> None:
    """Start this command again with the allocator's settings, unless they are there."""
    if "tcmalloc" in os.environ.get("LD_PRELOAD", "") or all(name in os.environ for name in ALLOCATOR):
        return
    os.execve(sys.executable, [sys.executable, "-m", "starter", *arguments], {**os.environ, **ALLOCATOR})


def main(arguments: list[str]) -> int:
    """Run one step."""
    options = parser().parse_args(arguments)
    with_an_allocator_that_keeps(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    from . import scorer_steps, steps

    recipe = RECIPES[options.recipe]
    if options.smoke:
        recipe = smoke(recipe)
    workshop = steps.Workshop(recipe, options.cache.expanduser(), options)
    if options.step == "data" and shutil.which("npm") is None:
        logging.warning("npm is not there: the packages must lie in %s", workshop.cache / "npm")
    (steps.STEPS | scorer_steps.STEPS)[options.step](workshop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
