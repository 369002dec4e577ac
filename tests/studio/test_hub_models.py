"""Drawing with a model of the hub: brought when it is first asked for, then drawn with offline."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer

from colabsd.library.library import KeptPicture
from colabsd.library.manifest import read_manifest
from colabsd.planning.plans import Note
from colabsd.settings.images import ImageSettings
from colabsd.studio import Studio, open_studio

pytestmark = pytest.mark.integration
ASKED = ImageSettings(prompt="red apple", model="someone/small", steps=1, seed=7, width=64, height=64)


@pytest.fixture
def studio(tmp_path: Path, hub_server: HubServer, small_model_folder: Path) -> Iterator[Studio]:
    files = {path.relative_to(small_model_folder).as_posix(): path for path in small_model_folder.rglob("*.*")}
    hub_server.repositories["someone/small"] = {name: path.read_bytes() for name, path in files.items()}
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path), "HF_ENDPOINT": hub_server.url}
    opened = open_studio(tmp_path / "workspace", language="en", environ=environ)
    with opened.library:
        yield opened


def test_a_model_of_the_hub_is_brought_once_said_before_and_drawn_with(studio: Studio, hub_server: HubServer) -> None:
    events = list(studio.draw(ASKED))
    notes = [event.key for event in events if isinstance(event, Note)]
    (kept,) = [event for event in events if isinstance(event, KeptPicture)]
    assert "note.weights.download" in notes
    assert (studio.workspace.root / "models" / "someone--small" / "unet").is_dir()
    assert read_manifest(kept.path).drawing.model == "someone/small"
    hub_server.close()  # from here on there is no network
    again = [event for event in studio.draw(ASKED) if isinstance(event, KeptPicture)]
    assert again[0].picture.drawing.key == kept.picture.drawing.key
