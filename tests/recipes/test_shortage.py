"""When memory runs out in earnest: the rest is drawn in a smaller way and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from colabsd.models.cards import ModelCard

DRAW = """
import json, resource, sys
from pathlib import Path
import torch
from colabsd.artifacts import Picture
from colabsd.engine.engine import load_engine
from colabsd.environment.machine import Machine
from colabsd.models.folders import read_card
from colabsd.planning.images import plan_images
from colabsd.planning.plans import Note
from colabsd.recipes.text import draw_text
from colabsd.settings.images import ImageSettings

folder, size, batch, spare = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
settings = ImageSettings(
    prompt="a red apple", width=size, height=size, count=batch, batch=batch, steps=1, seed=3, guidance=1, precision="fp32"
)
card = read_card(Path(folder), "small")
plan = plan_images(settings, card=card, machine=Machine(cores=1, ram_bytes=0, free_ram_bytes=0), new_seed=lambda: 0)
loading = load_engine(card, plan.execution)
try:
    while True:
        next(loading)
except StopIteration as stop:
    engine = stop.value
list(engine.draw(plan.drawings[:1]) if spare == 0 else engine.steps(plan.drawings[:1]))  # all libraries are loaded
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
if spare:
    resource.setrlimit(resource.RLIMIT_AS, (used + spare, resource.RLIM_INFINITY))
told = []
try:
    for event in draw_text(engine, plan):
        if isinstance(event, Note):
            told.append(event.key)
        elif isinstance(event, Picture):
            told.append([event.index, len(event.batch), event.execution.tiling])
except Exception as error:
    told.append(f'{type(error).__name__}: {error}')
print(json.dumps(told))
"""


def told(card: ModelCard, size: int, batch: int, spare_mib: int) -> list[object]:
    """What drawing tells of, with so much address space left for it."""
    command = [sys.executable, "-c", DRAW, str(card.folder), str(size), str(batch), str(spare_mib * 2**20)]
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's limit of a process's memory")
def test_half_the_batch_is_drawn_where_the_whole_does_not_fit(small_card: ModelCard) -> None:
    assert told(small_card, 256, 4, 0) == [[index, 4, False] for index in range(4)]
    print(told(small_card, 256, 4, 40))
    assert 0
