"""Drive is told from a disk by what the system says of its mounts."""

from pathlib import Path

import pytest

from colabsd.storage.mounts import file_system, is_remote

MOUNTS = """\
overlay / overlay rw,relatime 0 0
/dev/sda1 /content ext4 rw 0 0
drive /content/drive fuse.drive rw,nosuid 0 0
server:/share /mnt/the\\040share nfs4 rw 0 0
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("place", "kind", "remote"),
    [
        ("/content/drive/MyDrive/colabsd", "fuse.drive", True),
        ("/content/colabsd", "ext4", False),
        ("/home/somebody", "overlay", False),
        ("/mnt/the share/pictures", "nfs4", True),
    ],
)
def test_the_innermost_mount_decides(mounts: Path, place: str, kind: str, remote: bool) -> None:
    assert file_system(Path(place), mounts) == kind
    assert is_remote(Path(place), mounts) is remote


def test_where_the_system_does_not_say_it_is_a_disk(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "missing") == ""
    assert not is_remote(tmp_path, tmp_path / "missing")
