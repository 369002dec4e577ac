"""The README keeps its word: in both languages the same, every command runs as written, every file named is there."""

import configparser
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

from colabsd.settings.samplers import SAMPLERS

ROOT = Path(__file__).parents[1]
READMES = {"en": ROOT / "README.md", "es": ROOT / "README.es.md"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
TREE_ROW = re.compile(r"^( *)(\S+) {2,}(\S.*)$")
OFFLINE = {"HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    kind: str
    text: str

    def shape(self) -> str:
        """The block without what is said in words: comments, quoted sentences, the clauses of the tree."""
        text = re.sub(r"^#.*$", "#", self.text, flags=re.MULTILINE)
        text = re.sub(r'("\$\w+")|"[^"$]*"', lambda found: found[1] or '"…"', text)
        if self.kind == "text":
            text = "\n".join(re.split(r" {2,}(?=\S+ )", line.rstrip())[0] for line in text.splitlines()[1:])
        return text


def blocks(language: str) -> list[Block]:
    return [Block(kind, text) for kind, text in FENCE.findall(READMES[language].read_text(encoding="utf-8"))]


def prose(language: str) -> str:
    """The README without its fenced blocks."""
    return FENCE.sub("", READMES[language].read_text(encoding="utf-8"))


def scripts(language: str) -> list[str]:
    """The shell blocks with commands of colabsd, less those that set things up or need the network."""
    commands = [block.text for block in blocks(language) if block.kind == "sh" and "colabsd" in block.text]
    return [re.sub(r"^pip install .*\n", "", text, flags=re.MULTILINE) for text in commands if "sd15" not in text]


def tree(language: str) -> dict[str, str]:
    """The rows of the file tree: path and clause."""
    text = next(block.text for block in blocks(language) if block.kind == "text" and "colabsd/" in block.text)
    rows: dict[str, str] = {}
    folders: list[tuple[int, str]] = []
    for line in filter(None, text.splitlines()):
        match = TREE_ROW.match(line)
        assert match, f"a row is a name and a clause: {line!r}"
        depth, name = len(match[1]), match[2]
        folders = [(other, folder) for other, folder in folders if other < depth]
        path = "".join(folder for _, folder in folders) + name
        if name.endswith("/"):
            folders.append((depth, name))
        rows[path] = match[3]
    return rows


def environment(folder: Path) -> dict[str, str]:
    """A home of its own, and a command `colabsd` that is this checkout's."""
    (folder / "bin").mkdir()
    command = folder / "bin" / "colabsd"
    command.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec '{sys.executable}' -m colabsd \"$@\"\n")
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COLABSD_", "HF_", "XDG_"))}
    return {**kept, **OFFLINE, "HOME": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    options = {"cwd": folder, "env": environment(folder), "stdin": subprocess.DEVNULL}
    return subprocess.run(["bash", "-euxc", script], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.integration
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("language", READMES)
def test_every_command_runs_as_written(tmp_path: Path, language: str) -> None:
    done = run("\n".join(scripts(language)), tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    assert len(list((tmp_path / "colabsd" / "pictures").rglob("*-*.*"))) >= 10


@pytest.mark.integration
@pytest.mark.parametrize("language", READMES)
def test_a_model_of_the_hub_is_asked_for_as_written(tmp_path: Path, language: str) -> None:
    """Without a network: the command is read, the model is known, and the error says what is missing."""
    script = next(block.text for block in blocks(language) if "sd15" in block.text and block.kind == "sh")
    done = run(script, tmp_path)
    assert done.returncode == 1
    assert "stable-diffusion-v1-5" in done.stderr or "sd15" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.integration
@pytest.mark.parametrize("language", READMES)
def test_the_python_example_runs_as_written(tmp_path: Path, language: str) -> None:
    (code,) = [block.text for block in blocks(language) if block.kind == "python"]
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    script = f"PYTHONPATH='{ROOT}' '{sys.executable}' example.py"
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert len(paths) == 2 and all(path.is_file() for path in paths)


def test_both_languages_have_the_same_headings() -> None:
    assert HEADING.findall(prose("en")) == HEADING.findall(prose("es"))


def test_both_languages_have_the_same_blocks_of_code() -> None:
    for english, spanish in zip_longest(blocks("en"), blocks("es")):
        assert english.kind == spanish.kind
        assert english.shape() == spanish.shape()


def test_both_languages_have_the_same_links() -> None:
    links = {language: LINK.findall(prose(language)) for language in READMES}
    assert [link.replace("README.es.md", "README.md") for link in links["en"]] == links["es"]


def test_both_languages_have_as_many_paragraphs_items_and_rows() -> None:
    """What is added to one and forgotten in the other."""

    def counts(language: str) -> tuple[int, int, int]:
        text = prose(language)
        paragraphs = [part for part in text.split("\n\n") if part.strip()]
        return len(paragraphs), len(re.findall(r"^- ", text, re.M)), len(re.findall(r"^\|", text, re.M))

    assert counts("en") == counts("es")


@pytest.mark.parametrize("language", READMES)
def test_every_link_leads_somewhere(language: str) -> None:
    targets = [link for link in LINK.findall(prose(language)) if "://" not in link]
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("language", READMES)
def test_the_first_screen_has_a_picture_and_two_commands(language: str) -> None:
    first_screen = "\n".join(READMES[language].read_text(encoding="utf-8").splitlines()[:20])
    assert "![" in first_screen
    assert "make demo" in first_screen and "make test" in first_screen


@pytest.mark.parametrize("language", READMES)
def test_a_badge_opens_the_notebook_where_the_repository_has_an_address(language: str) -> None:
    """As long as `setup.cfg` names none there is no badge: its link would lead nowhere, or to somebody else."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    address = parser["colabsd"]["repository"].strip()
    text = READMES[language].read_text(encoding="utf-8")
    assert ("colab.research.google.com" in text) == bool(address)
    assert not address or f"github/{address}/blob" in text


@pytest.mark.parametrize("language", READMES)
def test_every_path_of_the_tree_exists(language: str) -> None:
    assert [path for path in tree(language) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("language", READMES)
def test_the_tree_names_every_module(language: str) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "colabsd").rglob("*.py")}
    modules = {path for path in modules if not path.endswith("__init__.py") or path.count("/") == 1}
    assert modules - set(tree(language)) == set()


@pytest.mark.parametrize("language", READMES)
def test_every_sampler_is_named(language: str) -> None:
    text = prose(language)
    assert [sampler.label for sampler in SAMPLERS if sampler.label not in text] == []


def test_continuous_integration_runs_the_readmes_own_test_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
