"""A studio on a workspace of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from colabsd.studio import Studio, open_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    with opened.library:
        yield opened
