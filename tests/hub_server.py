"""A server on this machine that speaks the hub's protocol, as far as models need it, with faults on demand."""

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

SMALL = 1000  # bytes; what is larger is kept as the hub keeps large files: elsewhere, with a sha256


@dataclass
class Fault:
    """Something that goes wrong: for requests whose address contains `path`, `times` times.

    `status` answers with it; `cut_after` breaks the connection after so many bytes of the body; `corrupt` sends other
    bytes; `stall_s` waits before each 64 KB.
    """

    path: str
    method: str = "GET"
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    corrupt: bool = False
    stall_s: float = 0.0


@dataclass
class Request:
    """A request that came, and how many bytes of a body were sent for it."""

    method: str
    path: str
    start: int
    token: str
    sent: int = 0


class HubServer:
    """The hub. `repositories` are files by name, by id; each has one commit, made from its files. `releases` are files
    by their whole address, as other servers have them."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.releases: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.tells_digests = True
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, source: str) -> str:
        """The commit of a repository: a digest of its files."""
        text = json.dumps({name: sha256(data) for name, data in sorted(self.repositories[source].items())})
        return hashlib.sha1(text.encode()).hexdigest()

    def sent(self, path: str) -> int:
        """Bytes of bodies sent for addresses that contain `path`."""
        return sum(request.sent for request in self.requests if path in request.path)

    def take_fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fault.path in path:
                fault.times -= 1
                return fault
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: HubServer

    def log_message(self, *_args: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        request = Request(self.command, path, start, self.headers.get("Authorization", ""))
        self.hub.requests.append(request)
        fault = self.hub.take_fault(self.command, path)
        try:
            if fault and fault.status:
                self._send(request, fault.status, b"{}", fault.headers)
            elif path.startswith("/api/models/"):
                self._list(request, path.removeprefix("/api/models/"))
            elif path in self.hub.releases:
                self._send(request, 200, self.hub.releases[path], {}, fault)
            elif path.startswith("/elsewhere/"):
                source, _, name = path.removeprefix("/elsewhere/").partition("//")
                self._send(request, 200, self.hub.repositories[source][name], {}, fault)
            else:
                self._resolve(request, path.lstrip("/"), fault)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _list(self, request: Request, place: str) -> None:
        source, _, revision = place.partition("/revision/")
        if source not in self.hub.repositories:
            self._send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", self.hub.commit(source)):
            self._send(request, 404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            files = [self._sibling(name, data) for name, data in self.hub.repositories[source].items()]
            facts = {"id": source, "modelId": source, "sha": self.hub.commit(source), "siblings": files}
            self._send(request, 200, json.dumps(facts).encode(), {})

    def _sibling(self, name: str, data: bytes) -> dict[str, object]:
        if not self.hub.tells_digests:
            return {"rfilename": name}
        facts: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git_digest(data)}
        if len(data) > SMALL:
            facts["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 130}
        return facts

    def _resolve(self, request: Request, place: str, fault: Fault | None) -> None:
        source, _, rest = place.partition("/resolve/")
        revision, _, name = rest.partition("/")
        files = self.hub.repositories.get(source)
        if files is None:
            self._send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", self.hub.commit(source)):
            self._send(request, 404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif name not in files:
            self._send(request, 404, b"{}", {"X-Error-Code": "EntryNotFound"})
        else:
            data, commit = files[name], {"X-Repo-Commit": self.hub.commit(source)}
            if len(data) > SMALL:  # on another host, which must not see the token
                facts = {"X-Linked-Etag": f'"{sha256(data)}"', "X-Linked-Size": str(len(data))}
                where = f"http://localhost:{self.hub.port}/elsewhere/{source}//{name}"
                self._send(request, 302, b"", {**commit, **facts, "Location": where})
            else:
                self._send(request, 200, data, {**commit, "ETag": f'"{git_digest(data)}"'}, fault)

    def _send(
        self, request: Request, status: int, data: bytes, headers: Mapping[str, str], fault: Fault | None = None
    ) -> None:
        body = data[request.start :]
        ranged = {"Content-Range": f"bytes {request.start}-{len(data) - 1}/{len(data)}"} if request.start else {}
        if request.start and request.start >= len(data):
            status, body, ranged = 416, b"", {}
        self.send_response(206 if ranged and status == 200 else status)
        kind = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
        for name, value in {**kind, **ranged, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self._send_body(request, body, fault or Fault(""))

    def _send_body(self, request: Request, body: bytes, fault: Fault) -> None:
        if fault.corrupt:
            body = bytes(len(body))
        whole = body if fault.cut_after is None else body[: fault.cut_after]
        for place in range(0, len(whole), 2**16):
            if fault.stall_s:
                time.sleep(fault.stall_s)
            piece = whole[place : place + 2**16]
            self.wfile.write(piece)
            self.wfile.flush()
            request.sent += len(piece)
        if len(whole) < len(body):
            self.close_connection = True
            self.connection.close()


@cache
def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def git_digest(data: bytes) -> str:
    """The object id that git gives a file."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
