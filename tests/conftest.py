"""Fixtures shared by several rooms."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import colabsd
from colabsd.models.cards import ModelCard

if TYPE_CHECKING:
    from hub_server import HubServer

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside this one


def pytest_addoption(parser: pytest.Parser) -> None:
    """Programs of others that a test can be run against; none of them is part of this repository."""
    parser.addoption("--official-script", help="diffusers' examples/dreambooth/train_dreambooth.py")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_children() -> None:
    """A shell ignores Ctrl-C for what it starts in the background, and children inherit that; here they must not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def small_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of the Stable Diffusion 1.x family with small random weights: 64 pixels, factor 8.

    It draws noise, fast; for pictures of something there is the starter.
    """
    from small_models import write_small_model

    folder = tmp_path_factory.mktemp("small-model")
    write_small_model(folder)
    return folder


@pytest.fixture(scope="session")
def small_card(small_model_folder: Path) -> ModelCard:
    """The card of the small model; its digest is that of its files."""
    from dataclasses import replace

    from colabsd.models.digests import digest_file, digest_of_model
    from colabsd.models.folders import model_files, read_card

    digests = {name: digest_file(small_model_folder / name) for name in model_files(small_model_folder)}
    card = read_card(small_model_folder, "small")
    return replace(card, default_steps=3, sha256=digest_of_model(digests), files=digests)


KILLS = """
import os, random, signal, time
{program}
randomness = random.Random({seed})
for run in range({kills}):
    child = os.fork()
    if child == 0:
        try:
            work(run)
        finally:
            os._exit(0)
    if {longest_s} is not None:
        time.sleep(randomness.uniform(0, {longest_s}))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    check(run)
"""


@pytest.fixture
def fork_and_kill() -> Callable[..., None]:
    """Runs a program that defines `work(run)` and `check(run)`: `work` in a process of its own that is killed with
    SIGKILL after a random time of at most `longest_s` (None: it ends by itself), then `check`, again and again."""

    def run(program: str, *, kills: int, longest_s: float | None, seed: int = 0) -> None:
        program = KILLS.format(program=program, seed=seed, kills=kills, longest_s=longest_s)
        environ = {**os.environ, "PYTHONPATH": str(Path(colabsd.__file__).parents[1])}
        subprocess.run([sys.executable, "-c", program], env=environ, check=True, timeout=120)

    return run


@pytest.fixture
def hub_server() -> "Iterator[HubServer]":
    """A hub on this machine, empty at first."""
    from hub_server import HubServer

    server = HubServer()
    yield server
    server.close()
