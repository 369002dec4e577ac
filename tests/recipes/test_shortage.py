"""When memory runs out in earnest: the rest is drawn in a smaller way and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from colabsd.models.starter import starter_folder

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

folder, size, batch, spare, lifted = sys.argv[1], *map(int, sys.argv[2:6])
torch.set_num_threads(1)
asked = {"width": size, "height": size, "count": batch, "batch": batch, "steps": 1, "guidance": 1}
settings = ImageSettings(prompt="a red apple", seed=3, precision="fp32", **asked)
card = read_card(Path(folder), "small")
plan = plan_images(settings, card=card, machine=Machine(cores=1, ram_bytes=0, free_ram_bytes=0), new_seed=lambda: 0)
loading = load_engine(card, plan.execution)
try:
    while True:
        next(loading)
except StopIteration as stop:
    engine = stop.value
list(engine.steps(plan.drawings[:1]))  # all libraries are loaded
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + spare, resource.RLIM_INFINITY))
told = []
try:
    for event in draw_text(engine, plan):
        if isinstance(event, Note):
            told.append(event.key)
            if lifted:  # an address space full of gaps is no matter of ours
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        elif isinstance(event, Picture):
            told.append([event.index, len(event.batch), event.execution.tiling])
except Exception as error:
    told.append(type(error).__name__)
print(json.dumps(told))
"""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's limit of a process"),
]


def told(size: int, batch: int, spare_mib: int, *, lifted: bool = True) -> list[object]:
    """What drawing with the starter tells of, with so much address space left, `lifted` after the first shortage."""
    numbers = (size, batch, spare_mib * 2**20, int(lifted))
    command = [sys.executable, "-c", DRAW, str(starter_folder()), *map(str, numbers)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**plain, "MALLOC_ARENA_MAX": "1"}
    )
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_smaller_batch_is_drawn_where_the_whole_does_not_fit() -> None:
    found = told(256, 32, 150)
    assert found[0] == "note.out_of_memory.batch"
    pictures = [event for event in found if isinstance(event, list)]
    assert [index for index, _, _ in pictures] == list(range(32))  # nothing is lost and nothing comes twice
    assert {batch for _, batch, _ in pictures} == {16}


def test_a_picture_that_does_not_fit_is_decoded_in_tiles() -> None:
    assert told(512, 1, 130) == ["note.out_of_memory.tiles", [0, 1, True]]


def test_where_nothing_smaller_is_left_it_is_our_error() -> None:
    assert told(256, 2, 30, lifted=False)[-1] == "OutOfMemoryError"
