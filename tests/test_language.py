"""The words people see: equal in both languages, all there, all used, and each told with the facts it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from colabsd import errors
from colabsd.language import LANGUAGES, say, words
from colabsd.settings.fields import Kind, field_specs
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.training import TrainingSettings
from colabsd.settings.video import VideoSettings

PACKAGE = Path(__file__).parents[1] / "colabsd"
ENGLISH, SPANISH = words("en"), words("es")
ROOMS = {key.partition(".")[0] for key in ENGLISH}
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_{}]+)+")
QUOTED = re.compile(r"""\{[^}]*\}|`[^`]*`|“[^”]*”|«[^»]*»|"[^"]*"|--\S+""")
FILE_ENDINGS = (".json", ".jsonl", ".png", ".txt", ".db", ".sqlite", ".py")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}

# Keys that the code puts together, and all that they can become.
SETTINGS = (RedrawSettings, TrainingSettings, VideoSettings)  # RedrawSettings has all of ImageSettings
FIELDS = tuple(spec.named or name for kind in SETTINGS for name, spec in field_specs(kind).items())
COMPOSED: dict[str, tuple[str, ...]] = {
    "error.setting.{}": tuple(kind for kind in get_args(Kind) if kind not in ("text", "choice")),
    "field.{}.label": FIELDS,
    "field.{}.help": FIELDS,
}


def looks_like_a_key(text: str) -> bool:
    """Whether a string of the code has the form of a sentence's key."""
    return KEY.fullmatch(text) is not None and text.partition(".")[0] in ROOMS and not text.endswith(FILE_ENDINGS)


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of nodes that are docstrings."""
    scopes = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, scopes) and ast.get_docstring(node)}


def keys_in_code() -> Iterator[tuple[str, str]]:
    """Every key in the code with its place; composed ones with {} where a value goes."""
    for path, tree in TREES.items():
        skipped = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                skipped |= {id(part) for part in node.values}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
                text = node.value
            else:
                continue
            if looks_like_a_key(text):
                yield text, f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"


def used_keys() -> set[str]:
    """Every key that the code can ask for."""
    used: set[str] = set()
    for key, _ in keys_in_code():
        used |= {key.replace("{}", value) for value in COMPOSED.get(key, ())} if "{}" in key else {key}
    return used | {f"{key}.on_page" for key in used if f"{key}.on_page" in ENGLISH}


def facts_of(sentence: str) -> set[str]:
    """The facts that a sentence names."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def spoken(sentence: str) -> set[str]:
    """The words of a sentence, without facts, words in capitals, and what stands in quotes or is to be typed."""
    found = re.findall(r"[a-záéíóúñü]+", QUOTED.sub(" ", sentence), re.IGNORECASE)
    return {word.lower() for word in found if not word.isupper()}


def error_types() -> dict[str, type[errors.ColabsdError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ColabsdError)
    }


def told_facts() -> Iterator[tuple[str, set[str], str]]:
    """(key, facts given, place) of every error and note whose key and facts can be read off the code."""
    kinds = error_types()
    for path, tree in TREES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func).rsplit(".", 1)[-1]
            key = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
            place = f"{path.relative_to(PACKAGE.parent)}:{call.lineno}"
            named = {keyword.arg for keyword in call.keywords if keyword.arg}
            unpacks = any(keyword.arg is None for keyword in call.keywords)
            if name in kinds and not unpacks and (key or not call.args):
                yield key or kinds[name].key, named, place
            elif name == "Note" and key and len(call.args) == 2 and isinstance(call.args[1], ast.Dict):
                yield key, {part.value for part in call.args[1].keys if isinstance(part, ast.Constant)}, place
            elif name == "say" and key and not unpacks:
                yield key, named, place


def test_both_languages_have_the_same_keys() -> None:
    assert set(ENGLISH) == set(SPANISH)


def test_the_files_are_sorted_so_that_changes_are_easy_to_read() -> None:
    assert [list(words(language)) for language in LANGUAGES] == [sorted(words(language)) for language in LANGUAGES]


def test_a_sentence_names_the_same_facts_in_both_languages() -> None:
    assert [key for key in ENGLISH if facts_of(ENGLISH[key]) != facts_of(SPANISH[key])] == []


def test_what_the_page_says_asks_for_no_command_and_no_fact_of_its_own() -> None:
    said = [key for key in ENGLISH if key.endswith(".on_page")]
    assert said
    commands = re.compile(r"colabsd [a-z]+|(?<![\w-])--[a-z]")
    assert [key for key in said if commands.search(ENGLISH[key]) or commands.search(SPANISH[key])] == []
    assert [key for key in said if not facts_of(ENGLISH[key]) <= facts_of(ENGLISH[key.removesuffix(".on_page")])] == []


def test_every_sentence_is_written() -> None:
    sentences = [(key, words(language)[key]) for language in LANGUAGES for key in ENGLISH]
    assert [key for key, sentence in sentences if not sentence or sentence != " ".join(sentence.split())] == []


def test_the_spanish_is_not_the_english() -> None:
    assert [key for key in ENGLISH if len(ENGLISH[key].split()) > 3 and ENGLISH[key] == SPANISH[key]] == []


def test_errors_and_notes_are_whole_sentences() -> None:
    told = [
        (key, words(language)[key]) for language in LANGUAGES for key in ENGLISH if key.startswith(("error.", "note."))
    ]
    endings = re.compile(r"[.?…]$|: \S.*$")  # or a command to type, after a colon
    assert [key for key, sentence in told if not endings.search(sentence)] == []


def test_no_english_is_left_in_the_spanish() -> None:
    english = {"the", "and", "with", "this", "that", "is", "are", "of", "for", "not", "file", "picture", "cannot"}
    assert [key for key in SPANISH if spoken(SPANISH[key]) & english] == []


def test_no_spanish_is_left_in_the_english() -> None:
    spanish = {"el", "los", "las", "una", "unos", "con", "que", "para", "archivo", "imagen", "está"}
    assert [key for key in ENGLISH if spoken(ENGLISH[key]) & spanish] == []


def test_every_key_in_the_code_has_a_sentence() -> None:
    missing = [
        (key, place) for key, place in keys_in_code() if (key not in COMPOSED if "{}" in key else key not in ENGLISH)
    ]
    assert missing == [], "add a sentence, or for a composed key a row to COMPOSED"
    assert used_keys() - set(ENGLISH) == set()


def test_every_sentence_is_used() -> None:
    assert set(ENGLISH) - used_keys() == set()


def test_every_error_has_a_sentence() -> None:
    assert [name for name, kind in error_types().items() if kind.key not in ENGLISH] == []


def test_errors_and_notes_are_told_with_the_facts_that_their_sentences_name() -> None:
    told = list(told_facts())
    assert told
    lacking = [
        (key, sorted(facts_of(ENGLISH[key]) - given), place)
        for key, given, place in told
        if key in ENGLISH and facts_of(ENGLISH[key]) - given
    ]
    assert lacking == []


def test_a_reason_that_is_a_sentence_is_told_in_the_same_language() -> None:
    reason = errors.StorageError("error.storage.exists", path="x.png")
    told = say("note.training.not_kept", "es", step=3, reason=reason)
    assert reason.tell("es") in told and str(reason) not in told


def test_a_missing_fact_is_a_mistake_of_ours() -> None:
    key = next(key for key in ENGLISH if facts_of(ENGLISH[key]))
    with pytest.raises(KeyError):
        say(key, "en")
