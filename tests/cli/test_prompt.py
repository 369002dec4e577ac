"""`colabsd prompt`, and the options of prompts: what is told of a prompt, drawn or not."""

import json
from pathlib import Path

import pytest

from colabsd.cli.program import run

pytestmark = pytest.mark.integration


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home and a workspace of its own with a wildcard and two styles."""
    workspace = tmp_path / "workspace"
    (workspace / "wildcards").mkdir(parents=True)
    (workspace / "wildcards" / "colour.txt").write_text("red\ngreen\nblue\n", encoding="utf-8")
    (workspace / "styles.csv").write_text('name,prompt,negative_prompt\nink,"ink, {prompt}",photo\n"big, wide",huge,\n')
    return {
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(workspace),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "200",
    }


def objects(text: str, type_: str) -> list[dict]:
    return [told for told in map(json.loads, text.splitlines()) if told["type"] == type_]


def test_what_is_used_when_is_told_without_drawing(environ, capsys):
    prompt = "a [cat:dog:0.5] in the (rain:1.2) BREAK sun"
    assert run(["prompt", prompt, "--steps", "10", "--sampler", "Euler"], environ) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Prompt: {prompt}",
        "  Tokens: 76. Chunks of 75: 2.",
        "  steps 1-6: “a cat in the ”  “rain” ×1.2  BREAK  “sun”",
        "  steps 7-10: “a dog in the ”  “rain” ×1.2  BREAK  “sun”",
    ]
    assert not (Path(environ["COLABSD_HOME"]) / "pictures").exists()


def test_a_plain_prompt_is_told_in_two_lines(environ, capsys):
    assert run(["prompt", "a red apple", "-n", "blurry", "-m", "sd15"], environ) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Prompt: a red apple",
        "  Tokens: 3. Chunks of 75: 1.",
        "Negative prompt: blurry",
        "  Tokens: 1. Chunks of 75: 1.",
    ]


def test_samplers_that_call_the_model_twice_are_told_in_calls(environ, capsys):
    assert run(["prompt", "[a|b]", "--steps", "2", "--sampler", "Heun", "--lang", "es"], environ) == 0
    told = capsys.readouterr().out.splitlines()[2:]
    assert told == ["  llamadas al modelo 1-2: “a”", "  llamadas al modelo 3: “b”", "  llamadas al modelo 4: “a”"]


def test_in_json_every_piece_has_its_weight(environ, capsys):
    assert run(["prompt", "(a) BREAK b AND c :0.5", "--steps", "4", "--json"], environ) == 0
    (told,) = objects(capsys.readouterr().out, "prompt")
    (span,) = told["spans"]
    assert (span["first_call"], span["last_call"]) == (1, 4)
    assert [side["weight"] for side in span["sides"]] == [1.0, 0.5]
    assert span["sides"][0]["pieces"] == [["a", 1.1], None, ["b", 1.0]]


def test_choices_styles_and_remarks_are_told(environ, capsys):
    arguments = ["prompt", "a __colour__ (cat", "-c", "9", "--style", "ink,big, wide", "--style", "ink", "-s", "1"]
    assert run(arguments, environ) == 2  # "big" alone is no style
    assert "There is no style named “big”." in capsys.readouterr().err
    arguments = ["prompt", "a __colour__ (cat", "-c", "9", "--style", "ink", "--style", "big, wide", "-s", "1"]
    assert run(arguments, environ) == 0
    told = capsys.readouterr()
    prompts = {line for line in told.out.splitlines() if line.startswith("Prompt: ")}
    assert prompts <= {f"Prompt: ink, a {colour} (cat, huge" for colour in ("red", "green", "blue")}
    assert len(prompts) > 1
    assert "Negative prompt: photo" in told.out
    assert "The prompt has 3 combinations." in told.err
    assert "The bracket ( is never closed" in told.err


def test_pictures_keep_emphasis_style_and_wildcard_seed_as_asked(environ, small_model_folder, capsys):
    model = ["-m", str(small_model_folder), "--steps", "1", "--json"]
    options = ["--emphasis", "no-norm", "--style", "ink", "--wildcard-seed", "5", "-s", "1"]
    assert run(["generate", "__colour__ (cat)", *model, *options], environ) == 0
    (first,) = objects(capsys.readouterr().out, "picture")
    assert run(["generate", "__colour__ (cat)", *model, *options, "-s", "2"], environ) == 0
    (second,) = objects(capsys.readouterr().out, "picture")
    assert first["prompt"] == second["prompt"]
    assert first["prompt"].startswith("ink, ")
    assert run(["again", first["path"], "--verify"], environ) == 0


BAD = [
    (["--emphasis", "strong"], "It can be: original, no-norm, ignore, literal."),
    (["--wildcard-seed", "-3"], "--wildcard-seed is -3"),
    (["--style", "nothing"], "There is no style named “nothing”"),
]


@pytest.mark.parametrize(("arguments", "told"), BAD, ids=lambda part: str(part)[:30])
@pytest.mark.parametrize("command", ["prompt", "generate"])
def test_an_option_that_cannot_be_is_told(environ, capsys, command, arguments, told):
    assert run([command, "x", *arguments], environ) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert not captured.out


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("word " * 10_000, 0),
        ("(" * 3000 + "[" * 3000, 0),
        ("a\x00b\x1b[2J\ud800", 0),
        ("{" * 500 + "a|b" + "}" * 500, 0),
        ("[" * 200 + "a|b" + "]" * 200 + "AND AND AND", 0),
        ("", 0),
        ("__../../../etc/passwd__", 2),
        ("__/etc/passwd__", 2),
        ("<lora:x:much>", 2),
        ("${x=${x}} ${x}", 2),
        ("[a|b] [c|d|e] [f|g|h|i|j] [k|l|m|n|o|p|q] " + "word " * 3000, 0),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_hostile_prompts_are_read_or_refused_clearly(environ, capsys, prompt, code):
    assert run(["prompt", prompt, "--steps", "20"], environ) == code
    captured = capsys.readouterr()
    assert "unexpected" not in captured.err
    assert "\x1b" not in captured.out + captured.err


def test_ten_thousand_words_are_drawn(environ, small_model_folder, capsys):
    arguments = ["generate", "red apple, " * 5000, "-m", str(small_model_folder), "--steps", "1", "-s", "1"]
    assert run(arguments, environ) == 0
    captured = capsys.readouterr()
    assert Path(captured.out.strip()).is_file()
    assert "it is cut into" in captured.err


def test_a_prompt_that_would_fill_the_memory_is_refused_clearly(environ, small_model_folder, capsys):
    prompt = "[a|b] [c|d|e] [f|g|h|i|j] [k|l|m|n|o|p|q] " + "apple " * 4000
    arguments = ["generate", prompt, "-m", str(small_model_folder), "--steps", "150", "-s", "1", "--lang", "es"]
    assert run(arguments, environ) == 2
    assert "trozos de 75 tokens" in capsys.readouterr().err
