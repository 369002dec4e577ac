"""From prompts as asked to final ones: styles, dynamic parts with their own seed, LoRAs, remarks."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from colabsd.errors import (
    EndlessPromptError,
    InvalidNetworkError,
    PromptCycleError,
    PromptError,
    UnknownStyleError,
    UnknownVariableError,
    UnknownWildcardError,
)
from colabsd.language import LANGUAGES, say
from colabsd.planning.plans import LoraUse, Note
from colabsd.planning.prompts import FinalPrompts, PromptSources, final_prompts, is_dynamic
from colabsd.prompts import Style
from colabsd.settings.images import ImageSettings

COLOURS = ["red", "green", "blue"]
STYLES = (Style("ink", "ink drawing of {prompt}", "colour"), Style("fine, art", "masterpiece"), Style("empty"))


def lookup(name: str) -> Sequence[str]:
    return {"colour": COLOURS, "loop": ["__loop__"]}.get(name, ())


def final(
    prompt: str, *, seed: int = 1, loras: Any = None, dynamic: bool = True, **asked: Any
) -> tuple[tuple[FinalPrompts, ...], list[Note]]:
    notes: list[Note] = []
    sources = PromptSources(styles=STYLES, wildcards=lookup, loras=loras or {}, dynamic=dynamic)
    return final_prompts(ImageSettings(prompt=prompt, **asked), sources, seed, notes), notes


def texts(prompt: str, **asked: Any) -> list[str]:
    return [one.prompt for one in final(prompt, **asked)[0]]


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple",
        "a (red:1.2) [apple|pear], [a:b:0.5] BREAK x AND y :0.5",
        "{word} 50% off, $5, a_b, __, {}",
        "a { b",
        r"\{a|b\}",
    ],
)
def test_what_is_no_choice_stays_as_it_was_typed(prompt: str) -> None:
    assert not is_dynamic(prompt)
    (one,), notes = final(prompt)
    assert one.prompt == prompt
    assert not one.drawn
    assert not [note for note in notes if note.key.startswith("note.comb")]


@pytest.mark.parametrize("prompt", ["{a|b}", "__colour__", "${v=a} ${v}", "%{x ...$$y}", "{2$$a}", "{a|}"])
def test_choices_are_known_as_such(prompt: str) -> None:
    assert is_dynamic(prompt)


def test_each_picture_draws_its_own_prompt_and_the_manifest_says_how() -> None:
    finals, notes = final("a {big|small} __colour__ apple", count=20, negative_prompt="plain")
    assert len({one.prompt for one in finals}) > 3
    assert all(one.negative_prompt == "plain" for one in finals)
    drawn = finals[4].drawn["prompt"]
    assert drawn["template"] == "a {big|small} __colour__ apple"
    assert (drawn["seed"], drawn["index"]) == (1, 4)
    words = [choice["texts"][0] for choice in drawn["choices"]]
    assert finals[4].prompt == f"a {words[0]} {words[1]} apple"
    assert Note("note.combinations", {"count": "6"}) in notes


def test_the_text_has_a_seed_of_its_own() -> None:
    first = texts("__colour__ {a|b|c|d}", count=8, seed=1)
    assert texts("__colour__ {a|b|c|d}", count=8, seed=1) == first
    assert texts("__colour__ {a|b|c|d}", count=8, seed=2) != first
    assert texts("__colour__ {a|b|c|d}", count=8, seed=2, wildcard_seed=1) == first


def test_negative_prompts_are_drawn_too() -> None:
    finals, _ = final("apple", negative_prompt="{a|b}", count=9)
    assert {one.negative_prompt for one in finals} == {"a", "b"}
    assert "prompt" not in finals[0].drawn


def test_prompts_of_pictures_drawn_again_are_final() -> None:
    assert texts("{a|b} __colour__", dynamic=False) == ["{a|b} __colour__"]


@pytest.mark.parametrize(
    ("prompt", "key", "count"),
    [
        ("{a|b|c}", "note.combinations", "3"),
        ("{~a|{b|c}}", "note.combinations_at_most", "2"),
        ("{20$$" + "|".join(map(str, range(40))) + "}", "note.combinations_at_least", "10^29"),
    ],
)
def test_the_number_of_combinations_is_told(prompt: str, key: str, count: str) -> None:
    _, notes = final(prompt)
    assert Note(key, {"count": count}) in notes


def test_styles_go_around_and_behind_the_prompt_before_anything_is_drawn() -> None:
    (one,), _ = final("cat", negative_prompt="dog", style=("ink", "fine, art"))
    assert (one.prompt, one.negative_prompt) == ("ink drawing of cat, masterpiece", "dog, colour")
    (one,), _ = final("cat", style=("ink, empty",))
    assert one.prompt == "ink drawing of cat"
    (one,), _ = final("{cat|cat}", style=("ink",))
    assert one.prompt == "ink drawing of cat"
    assert one.drawn["prompt"]["template"] == "ink drawing of {cat|cat}"


def test_loras_that_are_here_are_found_with_their_strengths() -> None:
    digest = "a" * 64
    (one,), notes = final("x <lora:ink:0.5:0.8> y <lora:ink:te=1:unet=0.2:dyn=8>", loras={"ink": digest})
    assert one.loras == (
        LoraUse(name="ink", unet=0.8, text_encoder=0.5, sha256=digest),
        LoraUse(name="ink", unet=0.2, text_encoder=1.0, ranks=8, sha256=digest),
    )
    assert not notes


def test_a_lora_that_is_not_here_is_remarked_and_not_used() -> None:
    (one,), notes = final("x <lora:ink:0.5>", negative_prompt="<lora:other>")
    assert not one.loras
    assert [note.key for note in notes] == ["lint.lora_unknown"]
    assert notes[0].facts["name"] == "ink"


def test_a_choice_may_choose_a_lora() -> None:
    finals, _ = final("x {<lora:a>|<lora:b:2>}", count=9, loras={"a": "", "b": ""})
    assert {one.loras[0].name for one in finals} == {"a", "b"}


def test_remarks_are_told_once_and_few_of_a_kind() -> None:
    _, notes = final("((((((a", count=4)
    assert [note.key for note in notes] == ["lint.bracket_open"]
    _, notes = final("(a:3) (b:4) (c:5) (d:6) (e:7)")
    assert [note.key for note in notes] == ["lint.weight"] * 3
    assert notes[0].facts["position"] == 1


@pytest.mark.parametrize("emphasis", ["ignore", "literal"])
def test_remarks_do_not_speak_of_what_is_switched_off(emphasis: str) -> None:
    assert not final("(a:3)", emphasis=emphasis)[1]
    assert final("(a:3)", emphasis="no-norm")[1]


@pytest.mark.parametrize(
    ("prompt", "asked", "error"),
    [
        ("__nothing__", {}, UnknownWildcardError),
        ("{a|__nothing__}", {}, UnknownWildcardError),
        ("${v} {a|b}", {}, UnknownVariableError),
        ("__loop__", {}, PromptCycleError),
        ("cat", {"style": ("inc",)}, UnknownStyleError),
        ("<lora:x:heavy>", {}, InvalidNetworkError),
        ("{" * 3 + "|".join("word" * 5000 for _ in range(3)) + "}" * 3, {"count": 1}, None),
        ("${a=!{x|xx}${b}} " + "${a}" * 60_000, {}, PromptError),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_is_an_error_in_both_languages(prompt: str, asked: dict[str, Any], error: Any) -> None:
    if error is None:
        final(prompt, **asked)
        return
    with pytest.raises(error) as caught:
        final(prompt, **asked)
    assert all(caught.value.tell(language) for language in LANGUAGES)


def test_a_template_that_grows_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(EndlessPromptError):
        final("${a=x{y|z}} ${b=${a}${a}${a}${a}} ${c=${b}${b}${b}${b}} " + "${c}" * 5000)


def test_every_note_has_a_sentence() -> None:
    _, notes = final("\x00 {a|b} (c <lora:x> (d:9) [e:f:3.0] # g")
    assert len({note.key for note in notes}) >= 5
    for language in LANGUAGES:
        assert all(say(note.key, language, **note.facts) for note in notes)


def test_settings_are_left_as_they_were() -> None:
    settings = ImageSettings(prompt="{a|b}", style=("ink",))
    before = dataclasses.asdict(settings)
    final_prompts(settings, PromptSources(styles=STYLES), 1, [])
    assert dataclasses.asdict(settings) == before
