"""A replica of Colab's image: its Python and the versions that matter, and what happens to colabsd there.

    python tests/colab_replica.py 2026.08 --venv .venv-colab-2026.08

The first time it makes a virtual environment from the list in `tests/data/colab` (some gigabytes: torch). Then, each
time: the notebooks install our wheel and run from top to bottom; nothing that was installed before may have changed;
the fast tests pass (unless `--notebooks` leaves them out). It is made for people and for continuous integration and
needs a package index; pytest leaves it alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTS = ROOT / "tests" / "data" / "colab"
PYTHONS = {"2026.08": "3.13", "2026.07": "3.12", "2026.04": "3.12"}
LEFT_OUT = ("jedi", "parso")  # what ipython asks for and Colab leaves out on purpose
NOT_ON_COLAB = (
    "av",
    "hypothesis",
    "import-linter",
    "mfusepy",
    "mypy",
    "pillow-heif",
    "prodigyopt",
    "pytest-timeout",
    "ruff",
    "sd-parsers",
    "spandrel",
    "torchsde",
)
NOTEBOOKS = {  # and what each has to leave in the workspace
    "generate.es.ipynb": "pictures/**/*.png",
    "dreambooth.es.ipynb": "models/loras/*.safetensors",
    "video.es.ipynb": "films/**/*.mp4",
}
RUN_NOTEBOOK = """
import sys, nbformat, nbclient
book = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(book, timeout=1200, kernel_name="python3").execute()
finally:
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            print(output.get("text") or "\\n".join(output.get("traceback", ())) or sorted(output.get("data", {})))
"""


def main() -> int:
    """Make the replica, and try colabsd in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runtime", choices=PYTHONS)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--notebooks", action="store_true", help="the notebooks only, without the fast tests")
    asked = parser.parse_args()
    venv = asked.venv.absolute()
    make_venv(venv, asked.runtime)
    with tempfile.TemporaryDirectory() as folder:
        run_notebooks(venv, Path(folder))
    if not asked.notebooks:
        run_fast_tests(venv, asked.runtime)
    ran = "the notebooks" if asked.notebooks else "notebooks and fast tests"
    print(f"\nColab {asked.runtime}: installed without a change to anything else, {ran} run.")
    return 0


def make_venv(venv: Path, runtime: str) -> None:
    """The environment as the list says, unless it is there; without colabsd."""
    python, packages = venv / "bin" / "python", LISTS / f"{runtime}.txt"
    made = venv / "made-from.txt"
    if not made.exists() or made.read_text() != packages.read_text():
        shutil.rmtree(venv, ignore_errors=True)
        run(find_python(PYTHONS[runtime]), "-m", "venv", venv)
        run(python, "-m", "pip", "install", "--quiet", f"pip=={pinned(packages)['pip']}")
        run(python, "-m", "pip", "install", "--quiet", "--requirement", packages)
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", *LEFT_OUT)
        made.write_text(packages.read_text())
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "colabsd", *NOT_ON_COLAB)


def run_notebooks(venv: Path, folder: Path) -> None:
    """Run the notebooks as Colab would, beside our wheel; the first one installs it."""
    python = venv / "bin" / "python"
    before = installed(python)
    wheel = build_wheel(python, folder)
    for name, left in NOTEBOOKS.items():
        place = folder / name.removesuffix(".ipynb")
        place.mkdir()
        shutil.copy(wheel, place)
        shutil.copy(ROOT / "notebooks" / name, place)
        (place / "run.py").write_text(RUN_NOTEBOOK)
        around = {"COLAB_RELEASE_TAG": "replica", "COLABSD_HOME": str(place / "workspace"), "HF_HUB_OFFLINE": "1"}
        run(python, "run.py", name, cwd=place, **around)
        assert list((place / "workspace").glob(left)), f"{name} left no {left}"
    after = installed(python)
    assert after.pop("colabsd"), "the notebook did not install colabsd"
    assert after == before, f"pip changed what was there: {sorted(set(after.items()) ^ set(before.items()))}"


def run_fast_tests(venv: Path, runtime: str) -> None:
    """The fast tests, with what they need and Colab lacks; that must not change anything either."""
    python = venv / "bin" / "python"
    before = installed(python)
    run(python, "-m", "pip", "install", "--quiet", "--constraint", LISTS / f"{runtime}.txt", *NOT_ON_COLAB)
    changed = {name: version for name, version in before.items() if installed(python).get(name) != version}
    assert not changed, f"what the tests need changed {changed}"
    marks = "not integration and not slow and not gpu"
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", marks, cwd=ROOT)


def build_wheel(python: Path, folder: Path) -> Path:
    """Our wheel, built from a copy so that nothing is left in the checkout."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info"))
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    run(python, "-m", "pip", "wheel", *options, source)
    return next(folder.glob("colabsd-*.whl"))


def installed(python: Path) -> dict[str, str]:
    """Every installed package with its version."""
    code = "import importlib.metadata as m; print(*(f'{p.name}=={p.version}' for p in m.distributions()), sep='\\n')"
    # Isolated (-I): the folder that this is run from may hold an installation of its own.
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return dict(line.split("==") for line in done.stdout.splitlines())


def pinned(packages: Path) -> dict[str, str]:
    """The versions of a list."""
    return dict(line.split("==") for line in packages.read_text().split())


def find_python(version: str) -> Path:
    """A Python of that version, of the system or of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = shutil.which(f"python{version}")
    for path in (
        *sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True),
        *((Path(named),) if named else ()),
    ):
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if told.returncode == 0 and f" {version}." in told.stdout:
            return path
    sys.exit(f"Python {version} is not here: install it, for example with pyenv.")


def run(*command: object, cwd: Path | None = None, **variables: str) -> None:
    """Run a command; ends everything when it fails."""
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **variables}, check=True)


if __name__ == "__main__":
    sys.exit(main())
