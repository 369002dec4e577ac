"""What is installed: bounds that Colab meets, a wheel with everything in it and nothing else, a safe `make demo`."""

import ast
import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import colabsd

ROOT = Path(__file__).parents[1]
MAX_WHEEL_BYTES = 53 * 2**20

# Colab's GPU runtimes, as published in its own lists, as far as colabsd meets them: our requirements, what these ask
# for, and what a notebook runs in. The oldest is one that colabsd does not run on.
RUNTIMES = ("2026.04", "2026.07", "2026.08")
TOO_OLD = "2026.01"


def runtime(name: str) -> dict[str, str]:
    """The versions of a runtime by package."""
    lines = (ROOT / "tests" / "data" / "colab" / f"{name}.txt").read_text(encoding="utf-8").split()
    return dict(line.split("==") for line in lines)


COLAB = {
    name: tuple(runtime(version)[name] for version in RUNTIMES)
    for name in runtime(RUNTIMES[0])
    if all(name in runtime(version) for version in RUNTIMES)
}
IMPORT_NAMES = {"PIL": "pillow", "cv2": "opencv-python-headless", "imageio_ffmpeg": "imageio-ffmpeg"}


def configuration() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(text: str) -> list[Requirement]:
    """The requirements of a list, one a line."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


REQUIRED = requirements(configuration()["options"]["install_requires"])
EXTRAS = {name: requirements(text) for name, text in configuration()["options.extras_require"].items()}
DECLARED = [*REQUIRED, *(requirement for extra in EXTRAS.values() for requirement in extra)]
PINNED = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("requirement", REQUIRED, ids=lambda requirement: requirement.name)
def test_colab_brings_everything_that_an_installation_needs(requirement: Requirement) -> None:
    """Else `pip install colabsd` there would add or change packages under the user's feet."""
    assert all(requirement.specifier.contains(version) for version in COLAB[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_a_bound_is_a_lower_bound_that_colab_meets(requirement: Requirement) -> None:
    assert [specifier.operator for specifier in requirement.specifier] == [">="]
    versions = COLAB.get(canonicalize_name(requirement.name), ())
    assert all(requirement.specifier.contains(version) for version in versions)


@pytest.mark.parametrize("name", RUNTIMES)
def test_what_a_runtime_brings_is_left_as_it_is(name: str) -> None:
    """Whatever is asked for, with any extra, a runtime has in a version that will do, or has not at all."""
    versions = runtime(name)
    refused = [
        requirement
        for requirement in DECLARED
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "9999"))
    ]
    assert refused == []


def test_a_runtime_that_is_too_old_is_known_as_one() -> None:
    """Its transformers and its hub client are of an older kind; pip would have to change them."""
    versions = runtime(TOO_OLD)
    refused = {need.name for need in REQUIRED if not need.specifier.contains(versions[canonicalize_name(need.name)])}
    assert refused >= {"transformers", "huggingface-hub", "torch"}


def test_widgets_are_an_extra() -> None:
    """As a plain dependency ipywidgets pulls jedi into Colab, which leaves it out on purpose."""
    assert "ipywidgets" not in {requirement.name for requirement in REQUIRED}
    assert "ipywidgets" in {requirement.name for requirement in EXTRAS["widgets"]}


def test_the_development_set_pins_everything_that_is_declared() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in PINNED}
    assert all(len(pin.specifier) == 1 and str(pin.specifier).startswith("==") for pin in PINNED)
    for requirement in DECLARED:
        version = str(pins[canonicalize_name(requirement.name)].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), requirement


def test_the_development_set_is_colabs_newest() -> None:
    for pin in PINNED:
        versions = COLAB.get(canonicalize_name(pin.name))
        assert versions is None or pin.specifier.contains(versions[-1]), pin


def test_every_package_that_the_code_imports_is_declared() -> None:
    """As a requirement or in an extra for users, not only in the one for development."""
    imported: set[str] = set()
    for path in (ROOT / "colabsd").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"colabsd", "google"}
    offered = [REQUIRED, *(extra for name, extra in EXTRAS.items() if name != "dev")]
    declared = {canonicalize_name(requirement.name) for group in offered for requirement in group}
    assert {canonicalize_name(IMPORT_NAMES.get(name, name)) for name in foreign} <= declared


def test_the_address_of_the_repository_is_one_constant() -> None:
    """`owner/name`, or empty as long as it is not published; nobody else makes one up."""
    repository = configuration()["colabsd"]["repository"]
    assert repository == "" or len(repository.split("/")) == 2
    assert "url" not in configuration()["metadata"] and "project_urls" not in configuration()["metadata"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree so that nothing is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    without = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info")
    shutil.copytree(ROOT, source / "tree", ignore=without)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(source / "tree")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.mark.integration
def test_the_wheel_has_everything_in_it_and_nothing_else(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "colabsd").rglob("*") if path.is_file()}
    wanted = {name for name in package if "__pycache__" not in name}
    installed = {name for name in inside if ".dist-info/" not in name}
    assert installed == wanted
    assert {"colabsd/py.typed", "colabsd/language/en.json", "colabsd/language/es.json"} <= installed
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES


@pytest.mark.integration
def test_the_wheel_says_who_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    folder = next(name for name in archive.namelist() if name.endswith("/METADATA")).removesuffix("METADATA")
    metadata = Parser().parsestr(archive.read(folder + "METADATA").decode())
    assert (metadata["Name"], metadata["Version"]) == ("colabsd", colabsd.__version__)
    assert "Apache-2.0" in (metadata["License"] or metadata["License-Expression"])
    assert metadata["Requires-Python"] == ">=3.11"
    assert any(name.endswith("/LICENSE") for name in archive.namelist())
    assert "colabsd = colabsd.cli:main" in archive.read(folder + "entry_points.txt").decode()


@pytest.mark.integration
def test_the_command_works_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    command = "from colabsd.cli import main; raise SystemExit(main(['--version']))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert colabsd.__version__ in done.stdout


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple, 3d style, blue background",
        'it\'s "quoted" `whoami` $HOME $(touch reached) ; touch reached',
        "--help",
        "\\ % # * ? ~ ñ 🍎 !! $$",
        "",
    ],
)
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_demo_hands_any_sentence_on_unread(tmp_path: Path, prompt: str) -> None:
    """`make` and the shell both have signs of their own: none of them is read in a prompt."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / ".package").touch()
    command = venv / "bin" / "colabsd"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c 'import sys; print(sys.argv[1:])' \"$@\"\n")
    command.chmod(0o755)
    kept = ("setup.cfg", "pyproject.toml")  # not there, and not to be made
    done = subprocess.run(
        [
            *("make", "--silent", f"--file={ROOT / 'Makefile'}", f"--directory={tmp_path}", "demo"),
            *(f"VENV={venv}", f"PROMPT={prompt}", *(f"--old-file={name}" for name in kept)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == ["generate", "--", prompt]
    assert not list(tmp_path.rglob("reached"))
