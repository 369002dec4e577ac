"""The command line as a whole: languages, errors with a way out, exit codes, JSON. Nothing is drawn here."""

import dataclasses
import json

import click
import pytest

from colabsd.cli import program as program_module
from colabsd.cli.options import general_options
from colabsd.cli.program import NOUNS, build_program, run
from colabsd.cli.speaking import SpeakingCommand
from colabsd.errors import StorageError
from colabsd.language import LANGUAGES
from colabsd.settings.fields import field_specs
from colabsd.settings.images import ImageSettings

ENGLISH = {"HOME": "/nowhere", "LANG": "en_GB.UTF-8"}
SPANISH = {"HOME": "/nowhere", "LANG": "es_MX.UTF-8"}


def command_paths(language) -> list[list[str]]:
    """Every command and group, as the words that call it."""
    paths: list[list[str]] = []

    def visit(command: click.Command, words: list[str]) -> None:
        paths.append(words)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                visit(command.get_command(context, name), [*words, name])

    visit(build_program(language), [])
    return paths


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", command_paths("en"), ids=lambda path: " ".join(path) or "colabsd")
def test_every_command_has_help_in_both_languages(capsys, language, path):
    assert run(["--lang", language, *path, "--help"], ENGLISH) == 0
    text = capsys.readouterr().out
    assert text.startswith({"en": "Usage: colabsd", "es": "Uso: colabsd"}[language])
    assert {"en": "Show this text.", "es": "Muestra este texto."}[language] in text
    assert not [word for word in ("Options:", "Show this message") if word in text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_an_option_with_its_help(capsys, language):
    run(["generate", "--help", "--lang", language], ENGLISH)
    text = capsys.readouterr().out
    for name, spec in field_specs(ImageSettings).items():
        if name != "prompt":
            option = "--" + name.replace("_", "-")
            assert (f"-{spec.short}, {option} " if spec.short else f"  {option} ") in text


@pytest.mark.parametrize(
    "arguments", [["--lang", "es", "generate"], ["generate", "--lang", "es"], ["generate", "--lang=es_AR"]]
)
def test_the_language_may_stand_before_and_after_the_command(capsys, arguments):
    run([*arguments, "--help"], ENGLISH)
    assert capsys.readouterr().out.startswith("Uso:")


def test_the_language_is_that_of_the_locale_otherwise(capsys):
    run(["--help"], SPANISH)
    assert capsys.readouterr().out.startswith("Uso:")
    run(["--help"], {**SPANISH, "COLABSD_LANG": "en"})
    assert capsys.readouterr().out.startswith("Usage:")


USAGE_ERRORS = [
    (["generate"], "PROMPT is missing.", "Falta PROMPT."),
    (["generate", "x", "--steps", "abc"], "--steps must be a whole number", "--steps tiene que ser un número entero"),
    (["generate", "x", "--steps", "1.5"], "“1.5” is not", "«1.5» no lo es"),
    (["generate", "x", "--guidance", "much"], "--guidance must be a number", "--guidance tiene que ser un número"),
    (["generate", "x", "--noise", "gpu"], "It can be: cpu, nv.", "Puede ser: cpu, nv."),
    (["generate", "x", "--format", "gif"], "png, jpeg, webp", "png, jpeg, webp"),
    (["generate", "x", "--size", "big"], "“big” is not a size", "«big» no es un tamaño"),
    (["generate", "x", "--size", "8x8", "-W", "8"], "given twice", "dos veces"),
    (["generate", "x", "--size", "ax8"], "--width must be", "--width tiene que ser"),
    (["generate", "x", "--stepz", "3"], "The nearest is --steps.", "La más parecida es --steps."),
    (["generate", "x", "-z"], "no option -z", "No existe la opción -z"),
    (["generate", "x", "--steps"], "--steps needs a value", "--steps necesita un valor"),
    (["generate", "x", "--json=yes"], "--json takes no value", "--json no lleva valor"),
    (["generate", "a", "red", "apple"], 'colabsd generate "a red apple"', 'colabsd generate "a red apple"'),
    (["resume", "now"], "too many: now", "sobran: now"),
    (["generat", "x"], "The nearest is: colabsd generate", "El más parecido es: colabsd generate"),
    (["library", "lits"], "colabsd library list", "colabsd library list"),
    (["--lagn", "es"], "The nearest is --lang.", "La más parecida es --lang."),
]


@pytest.mark.parametrize(("arguments", "english", "spanish"), USAGE_ERRORS, ids=lambda part: str(part)[:40])
def test_a_wrong_command_line_is_told_in_both_languages_with_exit_code_2(capsys, arguments, english, spanish):
    for environ, expected in ((ENGLISH, english), (SPANISH, spanish)):
        assert run(arguments, environ) == 2
        captured = capsys.readouterr()
        assert expected in captured.err
        assert captured.err.count("\n") == 1
        assert not captured.out


@pytest.mark.parametrize("arguments", [arguments for arguments, _, _ in USAGE_ERRORS])
def test_no_error_of_the_command_line_is_left_in_clicks_own_words(capsys, arguments):
    run(arguments, SPANISH)
    error = capsys.readouterr().err
    assert not [words for words in ("No such", "Missing", "Invalid", "requires", "unexpected extra") if words in error]


def test_an_unknown_language_is_told(capsys):
    assert run(["--lang", "fr", "resume"], ENGLISH) == 2
    assert "It can be: en, es." in capsys.readouterr().err


def test_a_command_alone_shows_what_it_can_do_and_was_asked_wrongly(capsys):
    for arguments in ([], ["library"], ["models"]):
        assert run(arguments, ENGLISH) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("Usage:")
        assert not captured.out


def test_in_json_an_error_is_an_object_on_stdout(capsys):
    assert run(["--json", "generate", "x", "--steps", "abc"], ENGLISH) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["type"] == "error"
    assert told["key"] == "error.setting.integer"
    assert told["exit_code"] == 2
    assert "abc" in told["message"]
    assert not captured.err


def test_after_a_double_dash_nothing_is_an_option(capsys):
    assert run(["generate", "--", "--lang", "es"], ENGLISH) == 2
    assert 'colabsd generate "--lang es"' in capsys.readouterr().err


def test_what_was_typed_can_do_a_terminal_no_harm(capsys):
    assert run(["generate", "x", "--noise", "\x1b[2J\u202e"], ENGLISH) == 2
    assert "\x1b" not in capsys.readouterr().err


def failing(monkeypatch, error: BaseException) -> None:
    """Let every command fail with that error."""

    def fail() -> None:
        raise error

    def build(language):
        return SpeakingCommand(
            "doctor", language=language, explained="", callback=fail, params=general_options(language)
        )

    monkeypatch.setattr(program_module, "_builder", lambda _name: build)


def test_an_error_of_ours_is_a_sentence_with_its_exit_code(monkeypatch, capsys):
    failing(monkeypatch, StorageError("error.storage.full", path="/full\x1b"))
    assert run(["doctor"], ENGLISH) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and "/full" in error and "\x1b" not in error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("what?\nsecond line"), "RuntimeError: what?"),
        (KeyError(), "KeyError"),
        (MemoryError(), "memory is not enough"),
        (ModuleNotFoundError("No module named 'torch._C'", name="torch._C"), "pip install torch."),
    ],
)
def test_an_unforeseen_error_is_a_sentence_and_no_traceback(monkeypatch, capsys, error, expected):
    failing(monkeypatch, error)
    assert run(["doctor"], ENGLISH) == 1
    told = capsys.readouterr().err
    assert expected in told
    assert "Traceback" not in told
    assert "second line" not in told


def test_debug_shows_the_traceback(monkeypatch, capsys):
    failing(monkeypatch, RuntimeError("what?"))
    assert run(["doctor", "--debug"], ENGLISH) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told and "RuntimeError: what?" in told


def test_an_interrupt_is_exit_code_130(monkeypatch, capsys):
    failing(monkeypatch, KeyboardInterrupt())
    assert run(["doctor"], SPANISH) == 130
    assert capsys.readouterr().err == "Detenido.\n"


def test_the_version_is_told(capsys):
    from colabsd import __version__

    assert run(["--version"], ENGLISH) == 0
    assert capsys.readouterr().out == f"colabsd {__version__}\n"


def test_every_noun_is_a_command(capsys):
    run(["--help"], ENGLISH)
    text = capsys.readouterr().out
    assert all(f"  {noun} " in text for noun in NOUNS)
    assert dataclasses.is_dataclass(ImageSettings)
