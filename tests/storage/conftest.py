"""A workspace, and a clock that is told the time."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from colabsd.storage.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = open_workspace(tmp_path / "ws", {"HOME": str(tmp_path / "home")})
    made.prepare()
    return made


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 14, 25, 1, tzinfo=timezone(timedelta(hours=1)))

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()
