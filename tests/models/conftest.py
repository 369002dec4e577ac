"""What the tests of downloading share: a model on the hub of this machine, and a cache that asks that hub."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_model import FILES, TOKEN
from hub_server import HubServer

from colabsd.models.cache import WeightCache
from colabsd.models.hub import Hub
from colabsd.storage.workspace import Workspace


@pytest.fixture(autouse=True)
def a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def hub(hub_server: HubServer) -> Hub:
    """The client of the hub on this machine, which holds `someone/model`; with little patience."""
    hub_server.repositories["someone/model"] = dict(FILES)
    return Hub(endpoint=hub_server.url, releases=f"{hub_server.url}/github", waits_s=(0.01, 0.01))


@pytest.fixture
def make_cache(hub: Hub, tmp_path: Path) -> Callable[..., WeightCache]:
    """Makes a cache of a workspace; `machine` names the disk of one machine, `remote` puts the workspace on Drive."""

    def make(*, machine: str = "machine", **options: Any) -> WeightCache:
        workspace = Workspace(root=tmp_path / "workspace", local=tmp_path / machine / "local")
        return WeightCache(workspace=workspace, **{"hub": hub, **options})

    return make


@pytest.fixture
def cache(make_cache: Callable[..., WeightCache]) -> WeightCache:
    return make_cache()
