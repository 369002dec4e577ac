"""Models from the hub, met on a local server that speaks the hub's protocol."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from colabsd.models.hub import choose_files, looks_like_id

COMMIT = "c" * 40
FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "vae/config.json": b"{}",
    "text_encoder/config.json": b"{}",
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"#version: 0.2\n",
    "unet/diffusion_pytorch_model.safetensors": b"u" * 200_000,
    "unet/diffusion_pytorch_model.fp16.safetensors": b"h" * 100_000,
    "vae/diffusion_pytorch_model.fp16.safetensors": b"v" * 50_000,
    "text_encoder/model.safetensors": b"t" * 40_000,
    "v1-5-pruned.ckpt": b"x" * 500_000,
}
TOKEN = "hf_" + "Q" * 34  # what must never be seen in any output
ASK = """
import json, sys
from colabsd.errors import ColabsdError
from colabsd.models.hub import download_model
work, seen = download_model(sys.argv[1]), []
try:
    while True:
        seen.append(next(work).done)
except StopIteration as stop:
    print(json.dumps({"folder": str(stop.value), "bytes": seen}))
except ColabsdError as error:
    print(json.dumps({"error": type(error).__name__, "key": error.message_key, "told": error.tell("es")}))
"""


class HubHandler(http.server.BaseHTTPRequestHandler):
    """The few addresses that a snapshot download asks for."""

    def log_message(self, *_args: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        if "gated" in path:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask first"}, body)
        elif path.startswith("/api/models/someone/model"):
            listing = [{"rfilename": name} for name in FILES if not ("noweights" in path and "unet" in name)]
            content = {"id": "someone/model", "modelId": "someone/model", "sha": COMMIT, "siblings": listing}
            if "/tree/" in path:
                tree = [
                    {"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in FILES.items()
                ]
                self._send(200, json.dumps(tree).encode(), {}, body)
            else:
                self._send(200, json.dumps(content).encode(), {}, body)
        elif "/resolve/" in path and (name := path.split(f"/resolve/{COMMIT}/")[-1]) in FILES:
            data = FILES[name]
            etag = hashlib.sha256(data).hexdigest()
            self._send(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HubHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def ask(endpoint: str, home: Path, model_id: str = "someone/model") -> dict[str, object]:
    environ = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, model_id], env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert TOKEN not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_needed_files_come_and_no_others(hub: str, tmp_path: Path) -> None:
    answer = ask(hub, tmp_path)
    folder = Path(str(answer["folder"]))
    came = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert came == set(FILES) - {"v1-5-pruned.ckpt", "unet/diffusion_pytorch_model.safetensors"}
    assert (folder / "unet/diffusion_pytorch_model.fp16.safetensors").read_bytes() == b"h" * 100_000


def test_without_a_network_what_came_earlier_is_used(hub: str, tmp_path: Path) -> None:
    before = ask(hub, tmp_path)
    assert ask("http://127.0.0.1:9", tmp_path)["folder"] == before["folder"]


def test_a_download_that_was_cut_off_is_not_taken_for_whole(hub: str, tmp_path: Path) -> None:
    folder = Path(str(ask(hub, tmp_path)["folder"]))
    (folder / "unet/diffusion_pytorch_model.fp16.safetensors").unlink()
    assert ask("http://127.0.0.1:9", tmp_path)["key"] == "error.download.offline"


def test_without_a_network_and_without_a_cache_the_way_out_is_told(tmp_path: Path) -> None:
    answer = ask("http://127.0.0.1:9", tmp_path)
    assert answer["key"] == "error.download.offline"
    assert "starter" in str(answer["told"])


def test_a_gated_model_says_how_to_get_it(hub: str, tmp_path: Path) -> None:
    assert ask(hub, tmp_path, "someone/gated")["key"] == "error.download.gated"


def test_an_id_that_the_hub_does_not_know_is_an_unknown_model(hub: str, tmp_path: Path) -> None:
    assert ask(hub, tmp_path, "nobody/nothing")["error"] == "UnknownModelError"


def test_a_repository_without_weights_names_the_part(hub: str, tmp_path: Path) -> None:
    answer = ask(hub, tmp_path, "someone/model-noweights")
    assert answer["key"] == "error.download.no_weights"
    assert "unet" in str(answer["told"])


def test_fp16_safetensors_are_chosen_before_everything_else() -> None:
    chosen = choose_files(tuple(FILES))
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in chosen
    assert "text_encoder/model.safetensors" in chosen
    assert "v1-5-pruned.ckpt" not in chosen


@pytest.mark.parametrize(
    ("name", "is_id"),
    [("owner/name", True), ("name", False), ("/a/b", False), ("./a", False), ("a/b/c", False), ("~/x", False)],
)
def test_a_hub_id_has_one_slash_and_no_path(name: str, is_id: bool) -> None:
    assert looks_like_id(name) is is_id
