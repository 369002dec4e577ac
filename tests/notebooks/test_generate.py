"""The notebook: short cells, nothing that the free tier's filter looks for, the same in both languages, and it runs."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from colabsd.errors import DownloadError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [ROOT / "notebooks" / name for name in ("generate.ipynb", "generate.es.ipynb")]
MOST_CELLS, MOST_LINES = 6, 8
# Words that Colab's free tier is reported to match in code, and names of what its rules forbid there: web front ends,
# tunnels, remote control, file sharing.
FORBIDDEN = (
    "webui",
    "stable-diffusion-webui",
    "cagliostro",
    "localux",
    "gradio",
    "ngrok",
    "cloudflared",
    "localtunnel",
    "localhost.run",
    "serveo",
    "bore.pub",
    "zrok",
    "share=true",
    "sshd",
    "xrdp",
    "vnc",
    "torrent",
    "aria2",
    "xmrig",
)
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345678"


def read(path: Path) -> dict[str, Any]:
    book: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return book


def code(path: Path) -> list[str]:
    """The code cells of a notebook."""
    return ["".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def builder() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shape(text: str) -> str:
    """A cell without what is said in words: strings, titles, names that the form shows."""
    text = re.sub(r'"[^"]*"', '"…"', re.sub(r"^# @title .*$", "# @title …", text, flags=re.M))
    names = re.findall(r"^(\w+) = .*# @param", text, re.M) + re.findall(r"^(pictures|imagenes) =", text, re.M)
    for number, name in enumerate(dict.fromkeys(names)):
        text = re.sub(rf"\b{name}\b(?!=)", f"name{number}", text)
    return text


def test_the_notebooks_are_as_their_source_makes_them() -> None:
    assert builder().main(["--check"]) == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_cells_are_few_and_short(path: Path) -> None:
    cells = code(path)
    assert len(cells) <= MOST_CELLS
    assert [cell for cell in cells if len(list(filter(str.strip, cell.splitlines()))) > MOST_LINES] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_opens_with_a_graphics_card_and_without_questions(path: Path) -> None:
    """Without a kernelspec Jupyter asks for a kernel first."""
    metadata = read(path)["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["accelerator"] == "GPU" and metadata["colab"]["gpuType"] == "T4"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_kept_without_results(path: Path) -> None:
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_both_languages_do_the_same() -> None:
    english, spanish = map(code, NOTEBOOKS)
    assert list(map(shape, english)) == list(map(shape, spanish))


@pytest.mark.parametrize("address", ["", "owner/name"])
def test_no_cell_says_what_the_filter_of_the_free_tier_looks_for(address: str) -> None:
    for text in builder().notebooks(address).values():
        assert [word for word in FORBIDDEN if word in text.casefold()] == []


def test_no_path_and_no_address_says_it_either() -> None:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.splitlines() or [str(path.relative_to(ROOT)) for path in (ROOT / "colabsd").rglob("*")]
    address = builder().repository()
    assert [name for name in (*names, address) if any(word in name.casefold() for word in FORBIDDEN)] == []


def test_until_the_repository_is_published_no_address_is_made_up() -> None:
    for text in builder().notebooks("").values():
        assert "git+https" not in text and "github.com" not in text
    for text in builder().notebooks("owner/name").values():
        assert "git+https://github.com/owner/name" in text and "whl" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_form_parameters_are_plain_values_on_one_line(path: Path) -> None:
    """Colab writes these lines anew when somebody changes the form."""
    lines = [line for cell in code(path) for line in cell.splitlines() if "@param" in line]
    assert len(lines) >= 5
    assert [
        line for line in lines if not re.fullmatch(r'\w+ = (".*"|-?\d+|True|False)  # @param [\[{].*[\]}]', line)
    ] == []


@pytest.mark.parametrize("address", ["", "owner/name"])
def test_a_notebook_is_valid(address: str) -> None:
    nbformat = pytest.importorskip("nbformat")
    for text in builder().notebooks(address).values():
        nbformat.validate(nbformat.reads(text, as_version=4))


def run(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Any:
    """The notebook, run from top to bottom in an empty folder without a page, as `colab exec` would."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{ROOT}")
    if not list(importlib.metadata.distributions(name="colabsd")):  # a checkout that was not installed
        known = folder / "colabsd-0.dist-info"
        known.mkdir()
        (known / "METADATA").write_text("Metadata-Version: 2.1\nName: colabsd\nVersion: 0\n")
    home = {"HOME": str(folder), "COLABSD_HOME": str(folder / "workspace"), "HF_HUB_OFFLINE": "1"}
    for name, value in {**home, **variables}.items():
        monkeypatch.setenv(name, value)
    book = nbformat.read(path, as_version=4)
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    kernels = folder / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(json.dumps({**spec, "display_name": "Python 3"}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
    (folder / "empty").mkdir()
    resources = {"metadata": {"path": str(folder / "empty")}}
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3", resources=resources).execute()
    return book


def told(book: Any) -> str:
    """Everything that the cells printed."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    return "".join(output.get("text", "") for output in outputs)


@pytest.mark.integration
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs_unattended_and_keeps_a_picture(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = run(path, tmp_path, monkeypatch, HF_TOKEN=TOKEN)
    pictures = list((tmp_path / "workspace" / "pictures").rglob("*.png"))
    assert len(pictures) == 1
    assert str(pictures[0]) in told(book)
    shown = [
        output for cell in book.cells for output in cell.get("outputs", ()) if "image/jpeg" in output.get("data", {})
    ]
    assert shown, "the picture is displayed, too"
    written = [file for file in tmp_path.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert written == [] and TOKEN not in json.dumps(book), "the token is nowhere"


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_it_runs_where_there_are_no_widgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['ipywidgets'] = None\n")
    book = run(NOTEBOOKS[1], tmp_path, monkeypatch)
    assert "ipywidgets" in told(book)
    assert list((tmp_path / "workspace" / "pictures").rglob("*.png"))


def test_a_mistake_in_a_cell_is_one_sentence(tmp_path: Path) -> None:
    """IPython asks an error itself how it is shown, and a run from top to bottom stops at it all the same."""
    from colabsd.studio import open_studio
    from colabsd.widgets import follow
    from colabsd.widgets.following import ToldError

    studio = open_studio(tmp_path, language="es", environ={"HOME": str(tmp_path)})

    def fails() -> Any:
        raise DownloadError(name="sd15", reason="x")
        yield

    with pytest.raises(ToldError) as caught:
        follow(studio, fails())
    assert caught.value._render_traceback_() == [DownloadError(name="sd15", reason="x").tell("es")]
