"""The house keeps its shape: layers, doors to the outside, nothing heavy at import, no state in modules."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "colabsd").rglob("*.py"))
HEAVY = (
    "torch",
    "numpy",
    "PIL",
    "scipy",
    "diffusers",
    "transformers",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "ipywidgets",
    "cv2",
    "matplotlib",
)
# Values that a function could change behind everybody's back.
MUTABLE_CALLS = {"dict", "list", "set", "defaultdict", "deque", "Counter", "bytearray"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter, with the contracts of `setup.cfg`, on a tree."""
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, check=False)


def loaded_after(statement: str) -> set[str]:
    """Which of the heavy packages a fresh Python has loaded after a statement."""
    report = f"import sys\n{statement}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_import_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("utils.py", "", "layers below it"),
        ("settings/planner.py", "from colabsd.planning import plans", "layers below it"),
        ("planning/tensors.py", "import torch", "torch and what stands on it"),
        ("prompts/pixels.py", "import numpy", "numpy, PIL and OpenCV"),
        ("models/mirror.py", "import urllib.request", "network"),
        ("studio/options.py", "import click", "click"),
        ("studio/forms.py", "import ipywidgets", "ipywidgets"),
        ("storage/drive.py", "import google.colab", "google.colab"),
    ],
)
def test_a_broken_rule_is_noticed(tmp_path: Path, module: str, statement: str, contract: str) -> None:
    """A contract that cannot fail promises nothing: each one is broken once, in a copy."""
    without = shutil.ignore_patterns("__pycache__", "starter_files")
    shutil.copytree(ROOT / "colabsd", tmp_path / "colabsd", ignore=without)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    (tmp_path / "colabsd" / module).write_text(statement + "\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken) or contract in done.stdout, done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import colabsd") == set()


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    assert loaded_after("from colabsd.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass") == set()


def test_settings_prompts_planning_and_models_load_nothing_heavy() -> None:
    rooms = ("settings", "prompts", "planning", "models", "environment", "storage", "language")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in MODULES
        if path.relative_to(ROOT / "colabsd").parts[0] in rooms
    ]
    assert loaded_after("import " + ", ".join(names)) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_no_state(path: Path) -> None:
    """No `global`, and no variable of a module that functions could fill: constants and tables only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)], "says `global`"
    for node in tree.body:
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        empty = isinstance(value, (ast.Dict, ast.List, ast.Set)) and not ast.unparse(value).strip("[]{}() ")
        called = isinstance(value, ast.Call) and ast.unparse(value.func).rsplit(".", 1)[-1] in MUTABLE_CALLS
        assert not empty, f"line {node.lineno} is an empty container: what fills it?"
        assert not (called and not value.args), f"line {node.lineno} is an empty container: what fills it?"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is(path: Path) -> None:
    first_line = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    assert first_line.endswith((".", ":")), "the first line of the module's docstring is a sentence"
