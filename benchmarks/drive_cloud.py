"""The inside of a folder that behaves like Google Drive: names and bytes in the mount, and what is in the cloud."""

import errno
import json
import random
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = 1


@dataclass(kw_only=True)
class Weather:
    """How Drive is just now.

    `latency_s` is what each call takes that asks for a name or changes one; reading and writing take `bytes_per_s`.
    `late_s`: until a new name shows up. `upload_s`: least and most until a change is in the cloud. `faults`: the chance
    of an error by its number, per call; errors of room only where something is written. `ids`: files tell their ids.
    `full`: what is written is taken, and never goes up. `remembers_s`: how long the kernel trusts what it was told
    (read at the start only).
    """

    latency_s: float = 0.0
    bytes_per_s: float = 0.0
    late_s: float = 0.0
    upload_s: tuple[float, float] = (0.0, 0.0)
    faults: dict[str, float] = field(default_factory=dict)
    ids: bool = True
    full: bool = False
    read_only: bool = False
    remembers_s: float = 0.0
    seed: int = 0


@dataclass
class Node:
    """A file or folder. `data` is where its bytes are; `version` counts what was written, `uploaded` what is above."""

    identity: int
    parent: int
    name: str
    folder: bool
    data: Path | None = None
    visible_at: float = 0.0
    modified: float = 0.0
    version: int = 0
    uploaded: int = -1
    writers: int = 0
    gone: bool = False


class Cloud:
    """What is above: `<id>.json` says name and parent, `<id>.bin` holds the bytes. Each appears whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> Iterator[Node]:
        for path in sorted(self.folder.glob("*.json"), key=lambda path: int(path.stem)):
            facts = json.loads(path.read_text())
            identity = int(path.stem)
            data = None if facts["folder"] else self.folder / f"{identity}.bin"
            yield Node(identity, facts["parent"], facts["name"], facts["folder"], data, 0.0, facts["modified"], 0, 0)

    def store(self, node: Node) -> None:
        if node.data is not None and node.data.parent != self.folder:
            part = self.folder / f"{node.identity}.part"
            shutil.copyfile(node.data, part)
            part.replace(self.folder / f"{node.identity}.bin")
        part = self.folder / f"{node.identity}.part"
        facts = {"parent": node.parent, "name": node.name, "folder": node.folder, "modified": node.modified}
        part.write_text(json.dumps(facts))
        part.replace(self.folder / f"{node.identity}.json")

    def remove(self, node: Node) -> None:
        for ending in ("json", "bin"):
            (self.folder / f"{node.identity}.{ending}").unlink(missing_ok=True)


class DriveTree:
    """The names and bytes as the mount has them, and the thread that brings them up."""

    def __init__(self, cloud: Cloud, cache: Path, control: Path) -> None:
        self.cloud, self.cache, self.control = cloud, cache, control
        self.weather = Weather()
        self._weather_at = -1
        self.nodes = {ROOT: Node(ROOT, 0, "", True, uploaded=0)} | {node.identity: node for node in cloud.load()}
        self.below: dict[int, dict[int, Node]] = {}
        for node in self.nodes.values():
            self.below.setdefault(node.parent, {})[node.identity] = node
        self.lock = threading.RLock()
        self.changed: dict[int, float] = {}
        self.calls = 0
        self.look()
        self.random = random.Random(self.weather.seed)

    def look(self) -> Weather:
        """The weather, read again when it was written again."""
        changed = self.control.stat().st_mtime_ns
        if changed != self._weather_at:
            self.weather = Weather(**json.loads(self.control.read_text()))
            self._weather_at = changed
        return self.weather

    def children(self, parent: int) -> dict[str, Node]:
        """What a folder shows, by the names that it shows."""
        shown: dict[str, Node] = {}
        now = time.monotonic()
        for _, node in sorted(self.below.get(parent, {}).items()):
            if node.visible_at <= now:
                stem, dot, ending = node.name.rpartition(".")
                name, number = node.name, 0
                while name in shown:
                    number += 1
                    name = f"{stem} ({number}){dot}{ending}" if dot else f"{ending} ({number})"
                shown[name] = node
        return shown

    def child(self, parent: int, name: str) -> Node | None:
        """What a folder shows by that name."""
        now = time.monotonic()
        alike = [node for node in self.below.get(parent, {}).values() if node.name == name and node.visible_at <= now]
        if alike:
            return min(alike, key=lambda node: node.identity)
        return self.children(parent).get(name) if "(" in name else None

    def find(self, path: str) -> Node:
        """Raises: FileNotFoundError."""
        node = self.nodes[ROOT]
        for name in path.strip("/").split("/") if path != "/" else ():
            found = self.child(node.identity, name)
            if found is None:
                raise FileNotFoundError(errno.ENOENT, path)
            node = found
        return node

    def add(self, path: str, folder: bool) -> Node:
        parent, _, name = path.rpartition("/")
        above = self.find(parent or "/")
        identity = max((*self.nodes, time.time_ns() // 1000)) + 1
        node = Node(identity, above.identity, name, folder, modified=time.time())
        if not folder:
            node.data = self.cache / str(identity)
            node.data.touch()
        node.visible_at = time.monotonic() + self.weather.late_s
        self.nodes[identity] = node
        self.below.setdefault(above.identity, {})[identity] = node
        self.change(node)
        return node

    def change(self, node: Node) -> None:
        node.version += 1
        node.modified = time.time()
        self.changed[node.identity] = time.monotonic() + self.random.uniform(*self.weather.upload_s)

    def move(self, node: Node, path: str) -> None:
        parent, _, name = path.rpartition("/")
        above = self.find(parent or "/").identity
        taken = self.child(above, name)
        if taken is not None and taken is not node:
            self.remove(taken)
        self.below[node.parent].pop(node.identity)
        node.parent, node.name = above, name
        self.below.setdefault(above, {})[node.identity] = node
        node.visible_at = time.monotonic() + self.weather.late_s
        uploaded = node.uploaded == node.version
        self.change(node)
        node.uploaded = node.version if uploaded else node.uploaded  # its bytes are above, its new name is not

    def remove(self, node: Node) -> None:
        node.gone = True
        self.below[node.parent].pop(node.identity)
        self.change(node)

    def bring_up(self) -> None:
        """One round of what is due: parents before what is in them, files that nobody writes to."""
        with self.lock:
            if self.look().full:
                return
            now = time.monotonic()
            due = [identity for identity, when in self.changed.items() if when <= now]
            for identity in due:
                self._bring_up(self.nodes[identity])

    def _bring_up(self, node: Node) -> None:
        if node.writers or node.identity == ROOT:
            return
        if node.gone:
            self.cloud.remove(node)
        else:
            above = self.nodes[node.parent]
            if above.identity in self.changed:
                self._bring_up(above)
            self.cloud.store(node)
        node.uploaded = node.version
        self.changed.pop(node.identity, None)
