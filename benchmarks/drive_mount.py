"""A folder that behaves like Google Drive mounted on Colab, as a real file system (FUSE), with the trouble on demand.

What is written is in the mount's own cache at first, and goes up to the cloud, a folder elsewhere, after a while, in no
certain order. What has not gone up is lost when the machine ends. There are no links. The cloud lets two
files have one name; the mount shows the second as `name (1).png`. A name may show up late. Calls take time, and fail:
before they have done anything, or after.

`python -m benchmarks.drive_mount MOUNT CLOUD CONTROL` serves it; `drive_folder.py` starts and ends
such a process.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.drive_cloud import Cloud, DriveTree, Node, Weather

ID_ATTRIBUTE = "user.drive.id"
CALLS = (
    *("getattr", "readdir", "statfs", "getxattr", "listxattr", "readlink"),
    *("create", "open", "read", "write", "truncate", "fsync", "release"),
    *("mkdir", "rename", "unlink", "rmdir", "symlink", "link"),
)
LATENT = frozenset({"getattr", "readdir", "create", "open", "mkdir", "rename", "unlink", "fsync", "getxattr", "statfs"})
WRITING = frozenset({"create", "write", "mkdir", "rename", "unlink", "fsync", "truncate"})


def serve(mount: Path, cloud: Path, control: Path) -> None:
    """Serve until unmounted or killed."""
    import mfusepy

    operations = _operations(mfusepy)
    with tempfile.TemporaryDirectory() as cache:
        tree = DriveTree(Cloud(cloud), Path(cache), control)

        def bring_up() -> None:
            while True:
                tree.bring_up()
                (control.parent / "calls").write_text(str(tree.calls))
                time.sleep(0.01)

        threading.Thread(target=bring_up, daemon=True).start()
        known = tree.weather.remembers_s
        options = {"fsname": "drive", "subtype": "drive", "entry_timeout": known, "attr_timeout": known}
        mfusepy.FUSE(operations(tree), str(mount), foreground=True, **options)


def _operations(fuse: Any) -> Any:
    """The class of mfusepy with our calls in it; made here because mfusepy is wanted only where it serves."""

    class Operations(fuse.Operations):  # type: ignore[misc]
        use_ns = True

        def __init__(self, tree: DriveTree) -> None:
            self.tree = tree
            self.open_files: dict[int, tuple[Node, int, bool]] = {}
            self.handles = iter(range(1, 10**9))

        def __call__(self, call: str, *arguments: Any) -> Any:
            """Every call comes through here: it takes its time, fails by chance, or is done."""
            tree, weather = self.tree, self.tree.look()
            tree.calls += 1
            asked_above = call in LATENT and not str(arguments[1:2]).startswith("('security.")
            if asked_above and weather.latency_s:
                time.sleep(weather.latency_s)
            function = getattr(type(self), f"_{call}", None)
            if function is None:
                return self._other(call)
            writes = call in WRITING
            if writes and weather.read_only:
                raise fuse.FuseOSError(errno.EROFS)
            fault = self._fault(weather, writes) if call != "release" else 0
            if fault and tree.random.random() < 0.5:
                raise fuse.FuseOSError(fault)
            try:
                with tree.lock:
                    answer = function(self, *arguments)
            except OSError as error:
                raise fuse.FuseOSError(error.errno) from None
            if weather.bytes_per_s and call in ("read", "write"):
                time.sleep((len(answer) if call == "read" else int(answer)) / weather.bytes_per_s)
            if fault:
                raise fuse.FuseOSError(fault)
            return answer

        def _fault(self, weather: Weather, writes: bool) -> int:
            for number, chance in weather.faults.items():
                if self.tree.random.random() < chance and (writes or int(number) != errno.ENOSPC):
                    return int(number)
            return 0

        def _other(self, call: str) -> Any:
            if call in ("symlink", "link", "readlink"):
                raise fuse.FuseOSError(errno.EOPNOTSUPP)
            if call == "listxattr":
                return []
            return 0

        def _getattr(self, path: str, handle: int | None = None) -> dict[str, Any]:
            node = self.open_files[handle][0] if handle in self.open_files else self.tree.find(path)
            size = node.data.stat().st_size if node.data is not None else 0
            mode = stat.S_IFDIR | 0o700 if node.folder else stat.S_IFREG | 0o600
            times = dict.fromkeys(("st_mtime", "st_ctime", "st_atime"), int(node.modified * 1e9))
            return {"st_mode": mode, "st_nlink": 1, "st_size": size, "st_uid": os.getuid(), **times}

        def _readdir(self, path: str, _handle: int) -> list[str]:
            return [".", "..", *self.tree.children(self.tree.find(path).identity)]

        def _mkdir(self, path: str, _mode: int) -> int:
            self.tree.add(path, folder=True)
            return 0

        def _create(self, path: str, _mode: int, _info: Any = None) -> int:
            return self._opened(self.tree.add(path, folder=False), os.O_RDWR)

        def _open(self, path: str, flags: int) -> int:
            return self._opened(self.tree.find(path), flags & os.O_ACCMODE)

        def _opened(self, node: Node, flags: int) -> int:
            assert node.data is not None, "the kernel opens no folders"
            writes = flags != os.O_RDONLY
            if writes and node.data.parent != self.tree.cache:
                shutil.copyfile(node.data, self.tree.cache / str(node.identity))
                node.data = self.tree.cache / str(node.identity)
            node.writers += writes
            handle = next(self.handles)
            self.open_files[handle] = (node, os.open(node.data, flags), writes)
            return handle

        def _read(self, _path: str, size: int, offset: int, handle: int) -> bytes:
            return os.pread(self.open_files[handle][1], size, offset)

        def _write(self, _path: str, data: bytes, offset: int, handle: int) -> int:
            node, descriptor, _ = self.open_files[handle]
            self.tree.change(node)
            return os.pwrite(descriptor, data, offset)

        def _truncate(self, path: str, length: int, handle: int | None = None) -> int:
            node = self.open_files[handle][0] if handle in self.open_files else self.tree.find(path)
            assert node.data is not None, "the kernel truncates no folders"
            if node.data.parent != self.tree.cache:
                shutil.copyfile(node.data, self.tree.cache / str(node.identity))
                node.data = self.tree.cache / str(node.identity)
            os.truncate(node.data, length)
            self.tree.change(node)
            return 0

        def _release(self, _path: str, handle: int) -> int:
            node, descriptor, writes = self.open_files.pop(handle)
            os.close(descriptor)
            node.writers -= writes
            return 0

        def _fsync(self, _path: str, _data_only: int, _handle: int) -> int:
            return 0  # Drive's mount says yes to it, whatever it has done

        def _rename(self, old: str, new: str) -> int:
            self.tree.move(self.tree.find(old), new)
            return 0

        def _unlink(self, path: str) -> int:
            self.tree.remove(self.tree.find(path))
            return 0

        def _rmdir(self, path: str) -> int:
            node = self.tree.find(path)
            if self.tree.children(node.identity):
                raise OSError(errno.ENOTEMPTY, path)
            self.tree.remove(node)
            return 0

        def _statfs(self, _path: str) -> dict[str, int]:
            room = 15 * 2**30 // 4096
            return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": room, "f_bfree": room, "f_bavail": room}

        def _getxattr(self, path: str, name: str, _position: int = 0) -> bytes:
            node = self.tree.find(path)
            if name != ID_ATTRIBUTE or not self.tree.weather.ids:
                raise OSError(errno.ENODATA, path)
            return f"{'' if node.uploaded == node.version else 'local-'}{node.identity}".encode()

    def wired(call: str) -> Any:
        return lambda self, *arguments: self(call, *arguments)

    for call in CALLS:
        setattr(Operations, call, wired(call))
    return Operations


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
