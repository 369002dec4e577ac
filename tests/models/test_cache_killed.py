"""Real programs that are killed while they bring a model, and two of them at once."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_model import FILES, NEEDED_BYTES, TOKEN, UNET
from hub_server import Fault, HubServer

import colabsd
from colabsd.models.shelf import list_kept

pytestmark = pytest.mark.integration
BIG = random.Random(9).randbytes(40_000_000)  # the client reads 10 MB at a time
BRING = """
import json, sys
from pathlib import Path
from colabsd.errors import ColabsdError
from colabsd.models.cache import WeightCache
from colabsd.models.download import Wanted
from colabsd.storage.workspace import Workspace
root = Path(sys.argv[1])
cache = WeightCache(workspace=Workspace(root=root / "workspace", local=root / "local"))
work = cache.bring(Wanted(name="someone/model", source="someone/model"))
try:
    while True:
        print(json.dumps(getattr(next(work), "done", "note")), flush=True)
except StopIteration as stop:
    print(json.dumps(str(stop.value.folder)))
"""


@pytest.fixture
def server(hub_server: HubServer) -> HubServer:
    hub_server.repositories["someone/model"] = {**FILES, UNET: BIG}
    return hub_server


def start(server: HubServer, root: Path) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": TOKEN,
        "PYTHONPATH": str(Path(colabsd.__file__).parents[1]),
    }
    command = [sys.executable, "-c", BRING, str(root)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_download_is_never_half_there_and_goes_on_where_it_was(server: HubServer, tmp_path: Path) -> None:
    shelf = tmp_path / "workspace" / "models"
    server.faults.append(Fault(f"/elsewhere/someone/model//{UNET}", times=1000, stall_s=0.01))
    for wanted in (5_000_000, 15_000_000, 25_000_000):
        program = start(server, tmp_path)
        assert program.stdout is not None
        for line in program.stdout:
            came = json.loads(line)
            if isinstance(came, int) and came > wanted:
                break
        program.kill()
        program.communicate()
        assert list_kept(shelf) == ()
        assert [path for path in shelf.iterdir() if not path.name.startswith(".")] == []
    server.faults.clear()
    out, err = start(server, tmp_path).communicate(timeout=120)
    assert json.loads(out.splitlines()[-1]) == str(shelf / "someone--model"), err
    assert (shelf / "someone--model" / UNET).read_bytes() == BIG
    sent = server.sent(f"/elsewhere/someone/model//{UNET}")
    assert sent < 2 * len(BIG), "each of three kills may lose what was under way, not what had come"
    assert TOKEN not in out + err


def test_two_programs_at_once_bring_it_once(server: HubServer, tmp_path: Path) -> None:
    server.faults.append(Fault(f"/elsewhere/someone/model//{UNET}", stall_s=0.002))
    programs = [start(server, tmp_path)]
    while not server.sent("/elsewhere/"):
        time.sleep(0.05)
    programs.append(start(server, tmp_path))
    answers = [program.communicate(timeout=120) for program in programs]
    assert len({out.splitlines()[-1] for out, _ in answers}) == 1, answers
    assert server.sent(f"/elsewhere/someone/model//{UNET}") == len(BIG)
    (kept,) = list_kept(tmp_path / "workspace" / "models")
    assert kept.bytes == NEEDED_BYTES - len(FILES[UNET]) + len(BIG)
