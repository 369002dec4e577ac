"""A lock says whether its holder is alive."""

from collections.abc import Callable
from pathlib import Path

from colabsd.storage.locks import Lock

HOLDER = """
import time
from pathlib import Path
from colabsd.storage.locks import Lock

def work(run):
    lock = Lock.take(Path({path!r}))
    assert lock is not None
    time.sleep(60)

def check(run):
    lock = Lock.take(Path({path!r}))
    assert lock is not None
    lock.release()
"""


def test_only_one_holds_a_lock(tmp_path: Path) -> None:
    lock = Lock.take(tmp_path / "x.lock")
    assert lock is not None
    assert Lock.take(tmp_path / "x.lock") is None
    lock.release()
    again = Lock.take(tmp_path / "x.lock")
    assert again is not None
    again.release()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_lets_go(tmp_path: Path, fork_and_kill: Callable[..., None]) -> None:
    fork_and_kill(HOLDER.format(path=str(tmp_path / "x.lock")), kills=20, longest_s=0.02, seed=0)
