"""What fills a workspace is told by kind, on an ordinary disk and with files still on their way to Drive."""

from pathlib import Path

from colabsd.language import LANGUAGES, say
from colabsd.library.space import KINDS, Space, SpaceReport, measure_space
from colabsd.storage.publish import publish_into
from colabsd.storage.workspace import Workspace


def report(workspace: Workspace) -> SpaceReport:
    found = [event for event in measure_space(workspace) if isinstance(event, SpaceReport)]
    assert len(found) == 1
    return found[0]


def test_every_file_counts_for_its_kind_the_largest_first(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws", tmp_path / "local")
    for name, size in {
        "pictures/d/a.png": 10,
        "pictures/d/b.png": 5,
        "models/m/x": 90,
        "styles.csv": 3,
        "mine/y": 4,
    }.items():
        (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / name).write_bytes(b"x" * size)
    found = report(workspace)
    assert found.kinds == (Space("models", 1, 90), Space("pictures", 2, 15), Space("", 2, 7))
    assert found.bytes == 112 and found.free > 0 and found.waiting == Space("", 0, 0)
    assert all(say(key, language) for key in KINDS.values() for language in LANGUAGES)


def test_a_folder_that_is_not_there_takes_nothing_and_is_not_made(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws", tmp_path / "local")
    assert report(workspace).kinds == () and not workspace.root.exists()


def test_what_is_on_its_way_to_drive_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    workspace = Workspace(tmp_path / "ws", tmp_path / "local", remote=True)
    workspace.prepare_to_keep()
    publish_into(workspace, b"x" * 30, workspace.pictures / "d", ["a.png"])
    found = report(workspace)
    assert found.kinds == () and found.waiting == Space("", 1, 30)
