"""A real JupyterLab 4 and a real Chromium, driven by Playwright: what a person does with the notebook, done by a test.

Needs the packages jupyterlab and playwright and a Chromium of the system (`make browser-test` sets up the first two).
Server, kernels and browser are on this machine alone and end with the test.
"""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("jupyterlab", "ipywidgets", "ipykernel", "playwright")
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
WINDOW = {"width": 1280, "height": 1400}
TALLEST = 12_000


def missing() -> list[str]:
    """What is not installed of what this needs."""
    absent = [name for name in PACKAGES if not list(importlib.metadata.distributions(name=name))]
    return absent if _chromium() else [*absent, "chromium"]


class Page:
    """A notebook that is open in the browser. Screenshots go to `shots`, numbered."""

    def __init__(self, page: Any, shots: Path) -> None:
        self.page = page
        self.shots = shots
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    # The notebook.

    def run_all(self) -> None:
        """Run all cells; a kernel that has just started may miss the first wish."""
        waiting = self.page.locator(".jp-CodeCell .jp-InputPrompt:text-is('[ ]:')")
        for _ in range(10):
            self._close_dialogs()
            self.page.locator(".lm-MenuBar-item", has_text="Run").click()
            self.page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).first.click()
            time.sleep(1.5)
            if not waiting.count():
                return
        raise TimeoutError("the cells do not run")

    def _close_dialogs(self) -> None:
        """JupyterLab asks things on a slow machine (a file that changed, a server that is late): noted and closed."""
        dialog = self.page.locator(".jp-Dialog")
        while dialog.count():
            self.dialogs.append(dialog.first.inner_text())
            dialog.first.locator("button.jp-mod-accept").click()
            time.sleep(0.5)

    def run_cell(self, number: int) -> None:
        """Run one code cell, counted from 0."""
        self.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(number).click()
        self.page.keyboard.press("Control+Enter")

    def interrupt(self) -> None:
        """The notebook's own stop button."""
        self.page.locator("[data-jp-item-name='interrupt'] button, [data-jp-item-name='interrupt']").first.click()

    def wait_idle(self, limit_s: float) -> None:
        """Until the kernel has been idle for a second. JupyterLab does not count what a button of a page started."""
        end, quiet = time.monotonic() + limit_s, 0
        while quiet < 4:
            state = self.page.locator(".jp-Notebook-ExecutionIndicator").first.get_attribute("data-status")
            busy = state != "idle" or self.page.locator(".jp-InputPrompt:text-is('[*]:')").count()
            quiet = 0 if busy else quiet + 1
            if time.monotonic() > end:
                raise TimeoutError(f"the kernel is {state} after {limit_s} s")
            time.sleep(0.25)

    def outputs(self) -> str:
        """Everything that is shown under the cells, as text."""
        return "\n".join(self.page.locator(".jp-Cell-outputArea").all_inner_texts())

    # The page in it.

    def button(self, text: str) -> Any:
        """The visible buttons with exactly this text."""
        return self.page.locator(
            ".jp-Cell-outputArea button:visible", has_text=re.compile(rf"^\s*{re.escape(text)}\s*$")
        )

    def field(self, label: str) -> Any:
        """The box of a setting, by its label."""
        summary = self.page.locator("summary", has_text=re.compile(rf"^\s*{re.escape(label)}\s*$"))
        return self.page.locator(".colabsd-field:visible", has=summary).last

    def type(self, label: str, text: str) -> None:
        """Type into the field with this label and leave it."""
        place = self.field(label).locator("textarea, input[type=text]").first
        place.fill(text)
        place.press("Tab")

    def slide(self, label: str, value: str) -> None:
        """Give a slider another value, by its number."""
        place = self.field(label).locator(".widget-readout").first
        place.click()
        place.fill(value)
        place.press("Enter")

    def pictures(self) -> Any:
        """The pictures in the grids that are on show."""
        return self.page.locator(".colabsd-cell:visible img:visible")

    def wait(self, place: Any, limit_s: float) -> None:
        """Until the place is visible."""
        place.first.wait_for(state="visible", timeout=limit_s * 1000)

    def shot(self, name: str) -> Path:
        """A screenshot of the whole notebook: the window is made as high as it is, for a moment."""
        panel = "document.querySelector('.jp-WindowedPanel-outer') || document.querySelector('.jp-Notebook')"
        height = self.page.evaluate(f"() => {{ const panel = {panel}; return panel ? panel.scrollHeight : 0; }}")
        self.page.set_viewport_size({**WINDOW, "height": min(max(height + 150, WINDOW["height"]), TALLEST)})
        time.sleep(0.7)
        path = self.shots / f"{len(list(self.shots.glob('*.png'))):02d}-{name}.png"
        self.page.screenshot(path=path)
        self.page.set_viewport_size(WINDOW)
        return path


@contextmanager
def opened(notebook: Path, folder: Path, shots: Path, **variables: str) -> Iterator[Page]:
    """The notebook in JupyterLab in a browser, with a kernel of this Python. Everything lies in `folder`."""
    from playwright.sync_api import sync_playwright

    books = folder / "books"
    books.mkdir(parents=True)
    shots.mkdir(parents=True, exist_ok=True)
    shutil.copy(notebook, books)
    with _server(folder, books, variables) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport=WINDOW)
        page = Page(tab, shots)
        tab.goto(f"{address}/doc/tree/{notebook.name}?reset", wait_until="domcontentloaded")
        tab.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
        page.wait_idle(120)
        yield page
        for error in page.errors:
            print("browser:", error)
        browser.close()


@contextmanager
def _server(folder: Path, books: Path, variables: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _write_settings(folder / "jupyter")
    own = {
        name: str(folder / "jupyter")
        for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    options = [
        *("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0"),
        *("--IdentityProvider.token=", f"--ServerApp.root_dir={books}"),
    ]
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        env={**os.environ, **own, **variables},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, folder / "server.log")
        yield address
    finally:
        with suppress(OSError):  # kernels first, so that none is left
            for kernel in json.load(urllib.request.urlopen(f"{address}/api/kernels", timeout=5)):
                gone = urllib.request.Request(f"{address}/api/kernels/{kernel['id']}", method="DELETE")
                urllib.request.urlopen(gone, timeout=30)
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        log.close()


def _write_settings(folder: Path) -> None:
    """A kernel of this Python, and no question about news."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    (folder / "labconfig").mkdir()
    (folder / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}}))


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(480):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/api/status", timeout=2)
            return
        except OSError:
            time.sleep(0.25)
    raise RuntimeError(log.read_text()[-3000:])


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)
