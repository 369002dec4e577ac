"""Makes the notebooks of `notebooks/source/`: one file each for two languages. `--check` only says whether they are up
to date."""

import argparse
import configparser
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LANGUAGES = ("en", "es")
WORD = re.compile(r"<<(\w+)>>")
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def repository() -> str:
    """The address of the repository, `owner/name`; empty as long as it has none."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(HERE.parent / "setup.cfg", encoding="utf-8")
    return parser["colabsd"]["repository"].strip()


def notebooks(address: str) -> dict[Path, str]:
    """The text of every notebook by its path. Raises: KeyError for a word that a language lacks."""
    made = {}
    for source in sorted((HERE / "source").glob("*.toml")):
        cells = tomllib.loads(source.read_text(encoding="utf-8"))["cells"]
        for language in LANGUAGES:
            ending = ".ipynb" if language == "en" else f".{language}.ipynb"
            book = {
                "cells": [
                    _cell(cell, f"{source.stem}-{number}", language, address) for number, cell in enumerate(cells)
                ],
                "metadata": METADATA,
                "nbformat": 4,
                "nbformat_minor": 5,
            }
            made[HERE / f"{source.stem}{ending}"] = json.dumps(book, ensure_ascii=False, indent=1) + "\n"
    return made


def _cell(cell: dict[str, Any], name: str, language: str, address: str) -> dict[str, Any]:
    if "markdown" in cell:
        text = cell["markdown"][language].strip()
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text.splitlines(keepends=True)}
    words = {word: texts[language] for word, texts in cell["words"].items()}
    dropped, kept = ("<<beside>>", "<<published>>") if address else ("<<published>>", "<<beside>>")
    lines = [line.removeprefix(kept) for line in cell["code"].strip().splitlines() if not line.startswith(dropped)]
    text = WORD.sub(lambda found: {"repository": address, **words}[found[1]], "\n".join(lines))
    metadata = {"cellView": "form"} if cell.get("form") else {}
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": metadata,
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }


def main(arguments: list[str]) -> int:
    """Write the notebooks, or with `--check` say which are not as they would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    old = [
        path
        for path, text in notebooks(repository()).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in old:
        if not check:
            path.write_text(notebooks(repository())[path], encoding="utf-8")
        print(f"{path.name} {'is not up to date: make notebooks' if check else 'written'}")
    return 1 if old and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
