"""Wildcards from a folder."""

from pathlib import Path

import pytest

from colabsd.errors import StorageError, UnknownWildcardError, UnsafeWildcardError
from colabsd.prompts import WildcardFolder, count_combinations, expand


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "wildcards"
    for name, text in {
        "colour.txt": "# colours\nred\n\n  blue \n",
        "colour-warm.txt": "\ufefforange\n",
        "animals/cats.txt": "tabby\n",
        "animals/deep/dogs.txt": "poodle\n",
        "tree.json": '{"clothes": {"hats": ["cap", {"text": "beret", "weight": 3}, 7, null]}, "one": "only"}',
        "more/tree.yaml": "shoes:\n  - boots\n  - 2::clogs\nnothing: 5\n",
        "list.json": '["x", "y"]',
        ".hidden.txt": "no\n",
        "notes.md": "no\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret\n")
    return root


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("colour", ["red", "blue"]),
        ("colour*", ["red", "blue", "orange"]),
        ("animals/cats", ["tabby"]),
        ("animals/*", ["tabby", "poodle"]),
        ("animals/**", ["tabby", "poodle"]),
        ("dogs", ["poodle"]),
        ("/animals/cats/"[1:], ["tabby"]),
        ("clothes/hats", ["cap", "3::beret", "7"]),
        ("one", ["only"]),
        ("more/shoes", ["boots", "2::clogs"]),
        ("list", ["x", "y"]),
    ],
)
def test_names_folders_patterns_and_trees(folder: Path, name: str, lines: list[str]) -> None:
    found = WildcardFolder(folder)(name)
    assert sorted(found) == sorted(lines)


def test_names_are_listed(folder: Path) -> None:
    assert WildcardFolder(folder).names() == [
        "animals/cats", "animals/deep/dogs", "clothes/hats", "colour", "colour-warm", "list", "more/shoes", "one",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../secret", "animals/../../secret", "/etc/passwd", "..\\secret", "C:secret", "a\0b"])
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(UnsafeWildcardError):
        WildcardFolder(folder)(name)


def test_no_template_leads_out_of_the_folder(folder: Path) -> None:
    with pytest.raises(UnsafeWildcardError):
        expand("__../secret__", 1, lookup=WildcardFolder(folder))
    with pytest.raises(UnsafeWildcardError):
        expand("${v=..}__${v}/secret__", 1, lookup=WildcardFolder(folder))


def test_no_link_leads_out_of_the_folder(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    assert not any("link" in name or "secret" in name for name in WildcardFolder(folder).names())


def test_an_unknown_name_is_told_with_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownWildcardError, match="colour"):
        WildcardFolder(folder)("color")


def test_a_folder_without_wildcards_says_how_to_make_one(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "not there"):
        with pytest.raises(UnknownWildcardError, match=r"x\.txt"):
            WildcardFolder(root)("x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broken.json", '{"a": ['),
        ("broken.yaml", "a: [\n"),
        ("deep.json", "[" * 100_000),
        ("code.yaml", "a: !!python/object/apply:os.system ['true']\n"),
        (
            "laughs.yaml",
            "a: &a {" + ", ".join(f"k{n}: [x, x, x, x]" for n in range(9)) + "}\n"
            + "".join(
                f"{name}: &{name} {{" + ", ".join(f"k{n}: *{before}" for n in range(9)) + "}\n"
                for before, name in zip("abcdefgh", "bcdefghi", strict=True)
            ),
        ),
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_file_is_told_by_its_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(StorageError, match=name):
        WildcardFolder(tmp_path)("a")


def test_a_folder_serves_templates(folder: Path) -> None:
    lookup = WildcardFolder(folder)
    assert expand("a __colour__ __clothes/hats__", 3, lookup=lookup).text.split()[1] in ("red", "blue")
    assert count_combinations("__colour*__ __animals/**__", lookup=lookup).number == 6
