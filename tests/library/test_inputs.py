"""Copies of what pictures were made from: one of each, whole, found by their digest."""

import hashlib
from pathlib import Path

import pytest

from colabsd.errors import NotAPictureError
from colabsd.library.inputs import find_input, input_folder, keep_input, key_of_picture
from colabsd.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path / "workspace", local=tmp_path / "local")


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_a_copy_is_found_by_its_digest_and_made_once(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "Photo.JPG"
    digest = write(path, b"a photo")
    assert find_input(workspace, digest) is None
    kept = keep_input(workspace, path, digest)
    assert kept == input_folder(workspace) / f"{digest}.jpg" and kept.read_bytes() == b"a photo"
    path.unlink()
    assert keep_input(workspace, path, digest) == kept == find_input(workspace, digest)


def test_a_damaged_copy_is_none_and_another_one_is_made_beside_it(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    digest = write(path, b"a photo")
    keep_input(workspace, path, digest).write_bytes(b"damaged")
    assert find_input(workspace, digest) is None
    assert keep_input(workspace, path, digest).name == f"{digest}-2.png"
    assert find_input(workspace, digest) is not None


def test_a_file_that_changed_meanwhile_is_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    digest = write(path, b"a photo")
    path.write_bytes(b"another")
    with pytest.raises(NotAPictureError):
        keep_input(workspace, path, digest)
    assert not input_folder(workspace).exists()


@pytest.mark.parametrize("name", ["photo", "photo.", "photo.p n g", "photo.a/../b"])
def test_strange_names_lead_nowhere(workspace: Workspace, tmp_path: Path, name: str) -> None:
    path = tmp_path / name.replace("/", "_")
    digest = write(path, b"a photo")
    assert keep_input(workspace, path, digest).parent == input_folder(workspace)


def test_other_programs_pictures_have_no_key_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    write(path, b"not even a picture")
    assert key_of_picture(path) is None
