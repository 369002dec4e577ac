"""A final name only ever shows a whole file, whatever fails or is killed."""

import errno
import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import StorageError
from colabsd.storage.disk import Disk
from colabsd.storage.publish import publish, publish_into, sweep
from colabsd.storage.workspace import Workspace

DATA = bytes(range(256)) * 64


def names(start: int = 0) -> Iterator[str]:
    return (f"picture-{number}.bin" for number in count(start))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The final folder and the scratch folder."""
    return tmp_path / "final", tmp_path / ".unfinished"


def put(folders: tuple[Path, Path], disk: Disk | None = None, data: bytes = DATA) -> Any:
    return publish(data, folders[0], names(), folders[1], disk)


class NoLinks(Disk):
    """A disk without hard links, as Google Drive is."""

    def link(self, source: Path, target: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")


class FailsAt(Disk):
    """A disk of which one call fails with one error, the `at`-th that is made, and where links may be missing."""

    def __init__(self, at: int, code: int, links: bool) -> None:
        self.at, self.code, self.links, self.calls = at, code, links, 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls - 1 == self.at:
                raise OSError(self.code, os.strerror(self.code))
            if name == "link" and not self.links:
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")
            if name == "write":  # a disk may take less than it is given
                return found(arguments[0], arguments[1][:1000])
            return found(*arguments)

        return call


@pytest.mark.parametrize("disk", [Disk(), NoLinks()])
def test_a_published_file_has_the_bytes_the_name_and_the_hash_that_are_told(
    folders: tuple[Path, Path], disk: Disk
) -> None:
    published = put(folders, disk)
    assert published.path == folders[0] / "picture-0.bin"
    assert published.path.read_bytes() == DATA
    assert (published.sha256, published.bytes) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert list(folders[1].iterdir()) == []


@pytest.mark.parametrize("disk", [Disk(), NoLinks()])
def test_a_used_name_is_never_written_again(folders: tuple[Path, Path], disk: Disk) -> None:
    first = put(folders, disk)
    second = put(folders, disk, b"other")
    assert second.path.name == "picture-1.bin"
    assert (first.path.read_bytes(), second.path.read_bytes()) == (DATA, b"other")


@pytest.mark.parametrize("disk", [Disk(), NoLinks()])
def test_a_name_that_another_process_is_publishing_is_left_to_it(folders: tuple[Path, Path], disk: Disk) -> None:
    folders[1].mkdir(parents=True)
    claim = folders[1] / "picture-0.bin.part"
    claim.write_bytes(b"half of")
    assert put(folders, disk).path.name == "picture-1.bin"
    assert claim.read_bytes() == b"half of"


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.ENOTCONN, errno.EROFS])
def test_whatever_call_fails_no_half_file_shows_and_the_error_is_ours(tmp_path: Path, code: int, links: bool) -> None:
    at = 0
    while True:
        folders = tmp_path / f"final-{at}", tmp_path / f".unfinished-{at}"
        disk = FailsAt(at, code, links)
        try:
            put(folders, disk)
            assert disk.calls <= at + 1, "only the last call, tidying up, may fail unheard"
        except StorageError as error:
            assert error.tell("es") != error.tell("en")
        if folders[0].exists():
            assert all(path.read_bytes() == DATA for path in folders[0].iterdir())
        if disk.calls <= at:
            break
        at += 1
    assert at > 20  # the short writes too were each failed


def test_a_disk_that_returns_other_bytes_than_were_written_is_told(folders: tuple[Path, Path]) -> None:
    class Forgets(Disk):
        def read(self, path: Path) -> bytes:
            return super().read(path)[:-1]

    with pytest.raises(StorageError) as caught:
        put(folders, Forgets())
    assert caught.value.message_key == "error.storage.read_back"
    assert list(folders[0].iterdir()) == []


def test_a_file_that_reads_back_wrong_under_its_final_name_is_taken_away(folders: tuple[Path, Path]) -> None:
    class ForgetsLater(Disk):
        def read(self, path: Path) -> bytes:
            return super().read(path) if path.suffix == ".part" else b""

    with pytest.raises(StorageError):
        put(folders, ForgetsLater())
    assert list(folders[0].iterdir()) == []


def test_a_full_disk_leaves_nothing_and_says_that_it_is_full(folders: tuple[Path, Path]) -> None:
    """The limit on a file's size stands for the full disk: the system takes the first half, then refuses."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(DATA) // 2, before[1]))
    try:
        with pytest.raises(StorageError) as caught:
            put(folders)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.message_key == "error.storage.full"
    assert list(folders[0].iterdir()) == [] == list(folders[1].iterdir())


def test_a_workspace_that_vanished_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        publish(DATA, tmp_path / "gone" / "day", names(), tmp_path / "gone" / ".unfinished")
    assert caught.value.message_key == "error.storage.vanished"
    assert not (tmp_path / "gone").exists()


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "final").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        publish(DATA, tmp_path / "final", names(), tmp_path / ".unfinished")
    assert caught.value.message_key == "error.storage.not_a_folder"


def test_names_that_are_all_taken_end_in_an_error(folders: tuple[Path, Path]) -> None:
    put(folders)
    with pytest.raises(StorageError) as caught:
        publish(DATA, folders[0], ["picture-0.bin"], folders[1])
    assert caught.value.message_key == "error.storage.names"


def test_what_killed_processes_left_is_swept_but_not_while_somebody_publishes(workspace: Workspace) -> None:
    left = workspace.unfinished / "x.part"
    left.write_bytes(b"half")

    class Sweeps(Disk):
        def read(self, path: Path) -> bytes:
            sweep(workspace)
            return super().read(path)

    publish_into(workspace, DATA, workspace.pictures, names(), Sweeps())
    assert left.exists()
    sweep(workspace)
    assert list(workspace.unfinished.iterdir()) == []


PUBLISHER = """
from itertools import count
from pathlib import Path
from colabsd.storage.publish import publish
from colabsd.storage.disk import Disk

class NoLinks(Disk):
    def link(self, source, target):
        raise OSError(95, "no links")

final, scratch = Path({final!r}), Path({scratch!r})

def work(run):
    for number in count():
        data = bytes([number % 256]) * 300_000
        publish(data, final, (f"picture-{{n}}.bin" for n in count()), scratch, {disk}())

def check(run):
    for path in final.glob("*"):
        data = path.read_bytes()
        assert len(data) == 300_000 and len(set(data)) == 1
"""


@pytest.mark.parametrize("disk", ["Disk", "NoLinks"])
def test_a_kill_at_any_moment_leaves_only_whole_files(
    folders: tuple[Path, Path], disk: str, fork_and_kill: Callable[..., None]
) -> None:
    program = PUBLISHER.format(final=str(folders[0]), scratch=str(folders[1]), disk=disk)
    fork_and_kill(program, kills=25, longest_s=0.05, seed=len(disk))
    assert list(folders[0].iterdir())


KILLS_ITSELF = """
import os
import signal

class KillsAt(Disk if {links} else NoLinks):
    calls, at = 0, 0

    def __getattribute__(self, name):
        if name in ("create", "write", "sync", "close", "read", "exists", "link", "rename", "remove", "make_folder"):
            self.calls += 1
            if self.calls > self.at:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)

    def write(self, descriptor, data):
        return super().write(descriptor, data[:50_000])

def work(run):
    disk = KillsAt()
    disk.at = run
    publish(bytes([run]) * 300_000, final, (f"picture-{{run}}-{{n}}.bin" for n in count()), scratch, disk)
"""


@pytest.mark.parametrize("links", [True, False])
def test_a_kill_before_any_call_leaves_only_whole_files(
    folders: tuple[Path, Path], links: bool, fork_and_kill: Callable[..., None]
) -> None:
    program = PUBLISHER.format(final=str(folders[0]), scratch=str(folders[1]), disk="Disk")
    fork_and_kill(program + KILLS_ITSELF.format(links=links), kills=24, longest_s=None)
    assert len(list(folders[0].iterdir())) > 3
